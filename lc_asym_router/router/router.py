"""`AsymRouter`: the router's graph, with the interface of a chat model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any, Literal, Self

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import ConfigDict, Field, PrivateAttr, model_validator

from lc_asym_router.classify.cached import remembering
from lc_asym_router.classify.question import question_of
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.graph.build import build_graph
from lc_asym_router.graph.policy import Decider, Policy
from lc_asym_router.graph.runner import GraphRunner, notify_unreadable
from lc_asym_router.graph.state import check_deadline
from lc_asym_router.graph.turns import Sticky
from lc_asym_router.graph.walk import Walk
from lc_asym_router.records.bindings import SCHEMA_KEY, TOOLS_KEY, SchemaBinding, ToolBinding
from lc_asym_router.router.audited import Audited, audited
from lc_asym_router.router.chain_model import ChainChatModel
from lc_asym_router.router.checking import check_of
from lc_asym_router.router.compare import Explorable
from lc_asym_router.router.settings import (
    budgeted,
    budgets_of,
    calibrated,
    calibration_of,
    check_plain,
    counted_in_streams,
    hedge_of,
    ladder_of,
    scorer_of,
    thresholds_of,
    tried_once,
    with_parameters,
)
from lc_asym_router.router.spec_from_router import SpecSource
from lc_asym_router.router.types import (
    AuditSetting,
    Budgets,
    Cache,
    Classifier,
    Languages,
    Model,
    Models,
    Question,
    ShadowSetting,
    Threshold,
    Verify,
)
from lc_asym_router.tiers.binding import with_parser
from lc_asym_router.tiers.faults.breaker import Breaker
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.providers.parameters import BOUND_WITH_TOOLS, check_arguments


class AsymRouter(ChainChatModel, Explorable, Audited, SpecSource):
    """A chat model that asks the smallest competent model, checks its answer, and escalates.

    Use it wherever a chat model is expected: chains, agents, graphs. Each answer carries its record
    in `response_metadata["router"]`. An instance is safe to share between threads and tasks. It is
    frozen: use `model_copy(update={...})` to change a setting.

    Args:
        small: The cheap tier: a chat model, a model string, or a `Tier`.
        frontier: The capable tier, likewise.
        tiers: Instead of those two, a list of `Tier`, cheapest first.
        classify: "default" ("learned", and the words of "keyword" as complex whatever it says),
            "learned" (shipped weights, from the question to the frontier's expected gain), "keyword"
            (complex where the text asks to refactor, optimize, analyze or debug, in twenty
            languages), "judge" (the small tier's model rates the request), "embedding" ("learned" and
            a sentence embedding beside it; extra `embedding`, 50 ms), a decision model, or a callable
            from the latest human turn's messages to a complexity in [0, 1]; or `None`: nothing is
            classified, every request goes to the first tier that can take it, and the checks decide.
            With tools bound, "default" and "learned" are not asked where the first tier's answers are
            checked: it is asked first.
        classify_deadline: Seconds a classifier may take; after that the request goes to the last
            tier (a judge: to the keyword rule first). `None` for no limit.
        question: Which part of a request is the question, for the classifier: retrieved texts or a
            fixed prompt around it would change the score. A function from the messages to the
            question's text; or the marker that it follows in the latest human turn ("Question:", the
            last occurrence); or a pair of markers that it stands between. `None` for the whole turn,
            which is also taken where there is no such marker.
        languages: The languages of the keyword rule in "default" and "keyword", ISO 639-1 codes;
            `None` for all of the twenty that there are words for.
        threshold: A request whose complexity is at or over it, in [0, 1], goes to the last tier;
            `None` for the classifier's own threshold, else 0.5; or a list with one number for each
            step up; or a `Calibration` or its file's path, which has the checks' thresholds too.
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
            the last tier once it was there, as long as its prompt cache there is worth it (where the
            price of cached input is known); `None` decides on every call.
        stall_steps: An agent's turn that makes no progress goes a tier up: the same call made again
            with the same result, a tool that fails twice in the same way, or so many steps in a
            row, at least 2, that bring nothing new. `None` switches this off.
        budgets: What requests may spend, a list of `Budget`: in USD, tokens or calls, per request,
            thread, day or tag.
        decision_cache: Keeps classifiers' scores, so that the same turn is not scored twice: a cache of
            LangGraph's, or a `DecisionCache`.
        deadline: Seconds that a whole request may take. Each call gets the time that remains, or half
            of it where another tier could still be asked afterwards. `None` for no limit.
        fallbacks: Models or tiers that are asked in this order where the last tier fails.
        degrade: Whether a tier below the last may answer where that and the fall-backs fail; its
            answer is checked like any other, and the record says "degraded".
        hedge: After how many seconds without an answer the tier above a checked one is called as
            well; the first answer that passes is taken, the other call is cancelled, and may be
            billed. `True` takes the 95th percentile of the tier's latest calls (at least 20 in
            this process).
        repair_tool_calls: Whether tool calls that a model writes into its text, as local models do,
            become real tool calls; the attempt's record then says "repaired". Answers that are
            streamed without a check stay unchanged.
        audit: How answers of lower tiers are audited, an `Audit`: the last tier is asked too, outside
            of the request, and `router.audits` says what routing loses. `None` for no audits.
        shadow: Measures the lower tiers before they answer anyone: `True` or a `Shadow`. The frontier
            answers everything, a share of the requests is sent to the lower tiers too, and
            `router.target` says what they would save and lose.
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
    question: Question = None
    languages: Languages = None
    threshold: Threshold | None = None
    verify: Verify = "default"
    small_attempts: int = 1
    escalate_with: Literal["request", "draft"] = "request"
    sticky: Sticky = "turn"
    stall_steps: int | None = 3
    budgets: Budgets = ()
    decision_cache: Cache | None = None
    deadline: float | None = None
    fallbacks: Models = ()
    degrade: bool = False
    hedge: bool | float = False
    repair_tool_calls: bool = True
    audit: AuditSetting = None
    shadow: ShadowSetting = None
    configurable_prefix: str = ""
    temperature: float | None = None
    max_tokens: int | None = None
    stop: list[str] | None = None
    streaming: bool | None = Field(default=None, exclude=True)

    _policy: Policy = PrivateAttr()

    @model_validator(mode="after")
    def _build(self) -> Self:
        check_plain(self)
        ladder = ladder_of(self.small, self.frontier, self.tiers, self.fallbacks)
        ladder = with_parameters(
            tried_once(ladder),
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            output_version=self.output_version,
        )
        budgets = budgets_of(self.budgets)
        ladder = counted_in_streams(budgeted(ladder, budgets), budgets)
        scorer = scorer_of(self.classify, self.classify_deadline, ladder, self.languages)
        scorer = remembering(scorer, self.decision_cache)
        found = calibration_of(self.threshold, scorer)
        thresholds = thresholds_of(found.threshold if found else self.threshold, scorer, ladder)
        check = calibrated(check_of(self.verify, ladder), found)
        checked = frozenset(
            tier.name for tier in ladder[:-1] if check is not None and check.at(tier.name)
        )
        policy = Policy(
            ladder=ladder,
            decider=Decider(
                ladder=ladder,
                scorer=scorer,
                thresholds=thresholds,
                sticky=self.sticky,
                stall_steps=self.stall_steps,
                checked=checked,
                question=question_of(self.question),
                classifies=self.classify is not None,
            ),
            check=check,
            small_attempts=self.small_attempts,
            escalate_with=self.escalate_with,
            prefix=self.configurable_prefix,
            budgets=budgets,
            deadline=check_deadline(self.deadline, "deadline"),
            degrade=self.degrade,
            hedge=hedge_of(self.hedge, budgets),
            repair_tool_calls=self.repair_tool_calls,
        )
        self._policy = audited(policy, self.audit, self.shadow)
        for tier in ladder.every:
            _ = tier.rate  # list prices load here, not on the first request's event loop
        # Without checkpointer=False the graph would inherit a parent's and write every draft there.
        self._answerer = GraphRunner(
            cache(partial(build_graph, self._policy, checkpointer=False)),
            self._policy,
            walk=Walk.of(self._policy),
        )
        self._compiled = cache(partial(build_graph, self._policy))
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
            **settings: Any argument of `AsymRouter`; `small` and `frontier` win over the environment.

        Raises:
            ConfigurationError: A model string is invalid, or no model is available for a tier.
        """
        from lc_asym_router.router.from_env import tiers_from_env

        small, frontier = tiers_from_env(
            small=settings.pop("small", None), frontier=settings.pop("frontier", None)
        )
        return cls(small=small, frontier=frontier, **settings)

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


_SETTINGS = frozenset(AsymRouter.model_fields) - frozenset(BaseChatModel.model_fields)
