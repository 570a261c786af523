"""`AsymRouter`: the router's graph, with the interface of a chat model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Self

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from lc_asym_router.classify.cached import remembering
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.graph.build import build_graph
from lc_asym_router.graph.policy import Decider, Policy, Sticky
from lc_asym_router.graph.runner import Face, notify_unreadable
from lc_asym_router.graph.state import CallOptions, check_deadline
from lc_asym_router.records.request import (
    SCHEMA_KEY,
    TOOLS_KEY,
    SchemaBinding,
    ToolBinding,
    estimated_tokens,
)
from lc_asym_router.records.trail import Decision
from lc_asym_router.router.chain_model import ChainChatModel
from lc_asym_router.router.checking import check_of
from lc_asym_router.router.exploring import Explorable
from lc_asym_router.router.settings import (
    budgeted,
    budgets_of,
    calibrated,
    calibration_of,
    counted_in_streams,
    hedge_of,
    ladder_of,
    scorer_of,
    thresholds_of,
    tried_once,
    with_parameters,
)
from lc_asym_router.router.types import Budgets, Cache, Classifier, Model, Models, Threshold, Verify
from lc_asym_router.tiers.faults.breaker import Breaker
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.providers.parameters import BOUND_WITH_TOOLS, check_arguments
from lc_asym_router.tiers.structured import with_parser


class AsymRouter(ChainChatModel, Explorable):
    """A chat model that asks the smallest competent model, checks its answer, and escalates.

    Use it wherever a chat model is expected: chains, agents, graphs. Each answer carries its record
    in `response_metadata["router"]`. An instance is safe to share between threads and tasks. It is
    frozen: use `model_copy(update={...})` to change a setting.

    Args:
        small: The cheap tier: a chat model, a model string, or a `Tier`.
        frontier: The capable tier, likewise.
        tiers: Instead of those two, a list of `Tier`, cheapest first.
        classify: "default" ("learned", plus the words of "keyword" that its data do not cover),
            "learned" (shipped weights that predict the frontier's gain from the question),
            "keyword" (a rule on the question's words), "judge" (the small tier's model rates the
            request), a decision model, or a callable from the latest human turn's messages to a
            complexity in [0, 1].
        classify_deadline: Seconds a classifier may take; after that the request goes to the last
            tier (a judge: to the keyword rule first). `None` for no limit.
        threshold: A complexity of at least this, in [0, 1], goes to the last tier; `None` for the
            classifier's own, else 0.5; or a list with one number for each step up; or a
            `Calibration` or its file's path, which brings the checks' thresholds too.
        verify: What checks the answers of every tier but the last: a check, a callable, or `None` for
            none; or "form" (`default_checks()`: form and sums, without a model call), "default" (the
            same, and one further sample in another representation where the tier runs on this
            machine or network, or its price is 0), "vote" (any two of the tiers below the last
            agree, else the last is asked), "strict" (two opinions must agree, else the last tier,
            no exceptions); or one of these for each tier but the last, by the tiers' names.
        small_attempts: Attempts on a tier below the last before the request escalates, at least 1.
        escalate_with: "request" escalates with the request alone; "draft" adds the rejected answer
            and the reason.
        sticky: "turn" keeps a turn on its tier through its tool loop; "thread" also keeps a thread on
            the last tier once it has been there; `None` decides anew on every call.
        budgets: Limits on what requests spend, a list of `Budget`: in USD, tokens or calls, per
            request, thread, day or tag.
        decision_cache: A cache of classifiers' scores, so that the same turn is not scored twice: a
            LangGraph cache, or a `DecisionCache`.
        deadline: Seconds that a whole request may take. Each call gets the time that remains, or half
            of it where another tier could be asked after it. `None` for no limit.
        fallbacks: Models or tiers that are asked, in this order, if the last tier fails.
        degrade: Whether a tier below the last may answer if that and the fallbacks fail; its
            answer is checked like any other, and the record says "degraded".
        hedge: After how many seconds without an answer the tier above a checked one is called as
            well; the first answer that passes is taken, the other call is cancelled, and may be
            billed. `True` takes the 95th percentile of the tier's latest calls (at least 20 in
            this process).
        repair_tool_calls: Whether tool calls that a model writes into its text, as local models do,
            become real tool calls; the attempt's record then says "repaired". Answers that are
            streamed without a check stay unchanged.
        configurable_prefix: Prefix of the keys `tier`, `threshold`, `verify`, `escalate` and
            `deadline` that override settings for one call, in `config["configurable"]`.
        temperature: Set on every tier's model, where given.
        max_tokens: Set on every tier's model, where given (`num_predict` for Ollama).
        stop: Stop sequences of every call that has none of its own.

    Raises:
        pydantic.ValidationError: A setting is invalid; the message says what to do instead.

    Example:
        ```python
        from langchain_ollama import ChatOllama
        from langchain_openai import ChatOpenAI
        from lc_asym_router import AsymRouter

        router = AsymRouter(
            small=ChatOllama(model="llama3.1:8b"), frontier=ChatOpenAI(model="gpt-4o")
        )
        answer = router.invoke("What is the capital of France?")
        answer.response_metadata["router"]["tier"]  # "small"
        ```
    """

    model_config = ConfigDict(
        arbitrary_types_allowed=True, extra="forbid", hide_input_in_errors=True
    )

    small: Model | None = None
    frontier: Model | None = None
    tiers: Models | None = None
    classify: Classifier = "default"
    classify_deadline: float | None = 10.0
    threshold: Threshold | None = None
    verify: Verify = "default"
    small_attempts: int = 1
    escalate_with: Literal["request", "draft"] = "request"
    sticky: Sticky = "turn"
    budgets: Budgets = ()
    decision_cache: Cache | None = None
    deadline: float | None = None
    fallbacks: Models = ()
    degrade: bool = False
    hedge: bool | float = False
    repair_tool_calls: bool = True
    configurable_prefix: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None
    streaming: bool | None = Field(default=None, exclude=True)

    _policy: Policy = PrivateAttr()

    @model_validator(mode="after")
    def _build(self) -> Self:
        for setting in ("cache", "rate_limiter"):
            if getattr(self, setting) is not None:
                raise ConfigurationError(
                    f"Set {setting}= on the tiers' models: the router asks several, and a routed "
                    "answer is no single model's."
                )
        if self.small_attempts < 1:
            raise ConfigurationError(f"small_attempts={self.small_attempts} must be at least 1.")
        ladder = ladder_of(self.small, self.frontier, self.tiers, self.fallbacks)
        ladder = with_parameters(
            tried_once(ladder),
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            output_version=self.output_version,
        )
        budgets = budgets_of(self.budgets)
        ladder = counted_in_streams(budgeted(ladder, budgets), budgets)
        scorer = scorer_of(self.classify, self.classify_deadline, ladder)
        scorer = remembering(scorer, self.decision_cache)
        found = calibration_of(self.threshold, scorer)
        thresholds = thresholds_of(found.threshold if found else self.threshold, scorer, ladder)
        self._policy = Policy(
            ladder=ladder,
            decider=Decider(ladder, scorer, thresholds, self.sticky),
            check=calibrated(check_of(self.verify, ladder), found),
            small_attempts=self.small_attempts,
            escalate_with=self.escalate_with,
            prefix=self.configurable_prefix,
            budgets=budgets,
            deadline=check_deadline(self.deadline, "deadline"),
            degrade=self.degrade,
            hedge=hedge_of(self.hedge, budgets),
            repair_tool_calls=self.repair_tool_calls,
        )
        for tier in ladder.every:
            _ = tier.rate  # list prices load here, not on the first request's event loop
        # Without checkpointer=False the graph would inherit a parent's and write every draft there.
        self._answerer = Face(build_graph(self._policy, checkpointer=False), self._policy)
        self._graph = build_graph(self._policy)
        if self.profile is None:
            self.profile = ladder.profile
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        # The graph is built of the settings, so a setting that changed later would be ignored.
        # (pydantic's frozen=True won't do: LangChain sets metadata and profile after construction.)
        if name in _SETTINGS:
            raise AttributeError(
                f"A router's settings are fixed. Use router.model_copy(update={{{name!r}: ...}})."
            )
        super().__setattr__(name, value)

    # what it is -----------------------------------------------------------------------------

    @property
    def policy(self) -> Policy:
        """The resolved settings, shared by all graph nodes."""
        return self._policy

    @property
    def ladder(self) -> Ladder:
        """The tiers, cheapest first."""
        return self._policy.ladder

    @property
    def breakers(self) -> dict[str, Breaker]:
        """The tiers' circuit breakers by tier name: read `.state`, call `.reset()`."""
        found = {tier.name: tier.breaker for tier in self.ladder.every}
        return {name: breaker for name, breaker in found.items() if breaker is not None}

    @property
    def _llm_type(self) -> str:
        return "lc-asym-router"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "tiers": {tier.name: tier.model_name for tier in self.ladder},
            "classify": self._policy.decider.scorer.name,
            "threshold": self._thresholds,
            "verify": repr(self._policy.check),
        }

    def __repr__(self) -> str:
        tiers = ", ".join(f"{tier.name}={tier.model_name}" for tier in self.ladder)
        return (
            f"AsymRouter({tiers}, classify={self._policy.decider.scorer.name}, "
            f"threshold={self._thresholds}, verify={self._policy.check!r})"
        )

    @property
    def _thresholds(self) -> float | list[float]:
        first, *more = self._policy.decider.thresholds
        return [first, *more] if more else first

    __str__ = __repr__

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = "lc_asym_router"
        params.setdefault("ls_model_name", "|".join(tier.model_name for tier in self.ladder))
        return params

    @classmethod
    def from_env(cls, **settings: Any) -> Self:
        """Build a router from the models available here; see `lc_asym_router.router.from_env`.

        Args:
            **settings: Any argument of `AsymRouter`; `small` and `frontier` take precedence over
                the
                environment.

        Raises:
            ConfigurationError: A model string is invalid, or no model is available for a tier.
        """
        from lc_asym_router.router.from_env import tiers_from_env

        small, frontier = tiers_from_env(
            small=settings.pop("small", None), frontier=settings.pop("frontier", None)
        )
        return cls(small=small, frontier=frontier, **settings)

    # decisions ------------------------------------------------------------------------------

    def decide(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Decision:
        """Decide which tier a request would go to, and why. No tier is called.

        Args:
            input: A text, a prompt value, or messages.
            config: As for `invoke`; the overrides in "configurable" apply.
            **kwargs: As for `invoke`: tools that rule out a tier, for example.

        Raises:
            InvalidRequestError: There is no human message to route on.
            NoTierError: No tier can take the request.
        """
        config = ensure_config(config)
        options = CallOptions.of(config, self.ladder, self.configurable_prefix)
        return self._policy.decider.decide(self._request(input, kwargs), options, config)

    async def adecide(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Decision:
        """The async twin of `decide`."""
        config = ensure_config(config)
        options = CallOptions.of(config, self.ladder, self.configurable_prefix)
        return await self._policy.decider.adecide(self._request(input, kwargs), options, config)

    # tools and schemas ------------------------------------------------------------------------

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools; each tier's own `bind_tools` converts them to its provider's format.

        Args:
            tools: Tools, functions, pydantic classes, TypedDicts or dicts.
            tool_choice: "auto", "any", "none", a tool's name, or a provider's own dict.
            **kwargs: Passed to the models' `bind_tools` (`strict`, `parallel_tool_calls`), or
                parameters of the call (`temperature`, `max_tokens`, ...).
        """
        beside = {key: value for key, value in kwargs.items() if key in BOUND_WITH_TOOLS}
        if tool_choice is not None:
            beside["tool_choice"] = tool_choice
        binding = ToolBinding(tuple(tools), beside)
        # An agent's `model_settings` come here too, and are parameters of the call.
        rest = {key: value for key, value in kwargs.items() if key not in BOUND_WITH_TOOLS}
        # Prebuilt agents look for OpenAI's format under "tools"; the raw tools travel beside it.
        return self.bind(**{"tools": binding.openai_tools, TOOLS_KEY: binding, **rest})

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Return a runnable whose output follows a schema; an invalid output escalates.

        Args:
            schema: A pydantic class, a TypedDict, a JSON schema, or an OpenAI tool.
            include_raw: Return `{"raw", "parsed", "parsing_error"}` in place of the parsed output.
            **kwargs: `method` and `strict`, handed to the models that know them.

        Raises:
            ConfigurationError: An unknown argument.
            UnreadableOutputError: From a call, where the last tier's output does not validate.
        """
        given = {key: value for key, value in kwargs.items() if value is not None}
        if unknown := set(given) - {"method", "strict"}:
            raise ConfigurationError(
                f"with_structured_output does not know {', '.join(sorted(unknown))}; it takes "
                "include_raw, method and strict."
            )
        binding = SchemaBinding(schema, given)
        return with_parser(
            self.bind(**{SCHEMA_KEY: binding}),
            binding,
            include_raw,
            lambda error, config: notify_unreadable(error, config, self.callbacks),
        )

    def _check_arguments(self, arguments: Mapping[str, Any]) -> None:
        check_arguments((tier.model for tier in self.ladder.every), arguments)

    # tokens -----------------------------------------------------------------------------------

    def get_num_tokens(self, text: str) -> int:
        """Estimate the tokens of a text, before it is known which tier's tokenizer applies."""
        return estimated_tokens([HumanMessage(text)])

    def get_num_tokens_from_messages(
        self, messages: Sequence[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """Estimate the tokens of messages, as the router does for its tiers' context windows."""
        return estimated_tokens(messages, tools)


_SETTINGS = frozenset(AsymRouter.model_fields) - frozenset(BaseChatModel.model_fields)
