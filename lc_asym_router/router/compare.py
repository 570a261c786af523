"""Comparing routers on the same requests, and exploring how the thresholds change a decision."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel
from langchain_core.runnables.config import ensure_config
from langgraph.runtime import Runtime

from lc_asym_router._internal.display import Displayed, renderer
from lc_asym_router._internal.run_config import run_id_of, without_listeners
from lc_asym_router.errors import TiersFailedError
from lc_asym_router.graph.node_runs import NodeRuns, Rungs
from lc_asym_router.graph.nodes import FIRST
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.runner import notifying
from lc_asym_router.graph.state import CallOptions, RouterState, RunContext, Update, sealed_draft
from lc_asym_router.records.call import Call
from lc_asym_router.records.record import Record, attempt_line
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Decision, Trail, open_record, total
from lc_asym_router.router.explain import Explanation, aexplain, explain
from lc_asym_router.tiers.tier import Tier

if TYPE_CHECKING:
    from lc_asym_router.router.explain import Explanation

_DECISION = ""
"""Where the decision stands among the tiers, none of which has an empty name."""


@dataclass(frozen=True)
class Try:
    """What one tier returned for the request.

    Attributes:
        tier: The tier's name.
        model: The name of its model.
        answer: Its answer, accepted or not; `None` where the tier failed or was not called.
        record: The record of its call and of the check's; `None` where it was not called.
        refused: Why it was not called, or "".
    """

    tier: str
    model: str
    answer: AIMessage | None = field(default=None, repr=False)
    record: Record | None = None
    refused: str = ""

    @property
    def call(self) -> Call | None:
        """The tier's call with its verdict; `None` where it was not made."""
        return self.record.attempts[-1] if self.record and self.record.attempts else None

    @property
    def cost_usd(self) -> float | None:
        """The cost of the tier's call and of its check in USD, or `None` where it is unknown."""
        calls = (*self.record.attempts, *self.record.side_calls) if self.record else ()
        return total(call.cost_usd for call in calls)


@dataclass(frozen=True, repr=False)
class Comparison(Displayed):
    """The answers of all tiers to one request.

    Attributes:
        explanation: Which tier the router would send the request to, and why.
        tries: Each tier's result by the tier's name, cheapest first.
    """

    explanation: Explanation
    tries: dict[str, Try]

    def __repr__(self) -> str:
        """Verdicts and costs as text lines, without the request's and the answers' text."""
        lines = [f"asked first: {self.explanation.decision.tier}"]
        for number, each in enumerate(self.tries.values(), 1):
            refusal = f"{each.tier} ({each.model}) was not asked: {each.refused}"
            lines.append(attempt_line(number, asdict(each.call)) if each.call else refusal)
        return "\n".join(lines)


def compare(
    policy: Policy, request: Request, input: LanguageModelInput, config: RunnableConfig
) -> Comparison:
    """See `AsymRouter.compare`."""
    return _comparison(_runs(policy, request).invoke(input, _config(config)))


async def acompare(
    policy: Policy, request: Request, input: LanguageModelInput, config: RunnableConfig
) -> Comparison:
    """The async twin of `compare`."""
    return _comparison(await _runs(policy, request).ainvoke(input, _config(config)))


def _config(config: RunnableConfig) -> RunnableConfig:
    """Return the config without listeners: a parent must not stream a rejected answer."""
    quieted, _ = without_listeners(config)
    return {**quieted, "run_name": quieted.get("run_name") or "compare"}


def _runs(policy: Policy, request: Request) -> RunnableParallel[Any]:
    trial = _Trial(policy, request)
    steps: dict[str, RunnableLambda[Any, Any]] = {
        tier.name: RunnableLambda(partial(trial.ask, tier), partial(trial.aask, tier), tier.name)
        for tier in policy.ladder
    }

    def decide(asked: Any, config: RunnableConfig) -> Explanation:
        return explain(policy, request, config)

    async def adecide(asked: Any, config: RunnableConfig) -> Explanation:
        return await aexplain(policy, request, config)

    return RunnableParallel({_DECISION: RunnableLambda(decide, adecide, "decide"), **steps})


def _comparison(found: dict[str, Any]) -> Comparison:
    return Comparison(found.pop(_DECISION), found)


@dataclass(frozen=True)
class _Trial:
    """Puts a request to one tier at a time, with the router's own nodes."""

    policy: Policy
    request: Request

    @property
    def nodes(self) -> NodeRuns:
        """The nodes that ask and verify; a rejected answer is not tried again."""
        policy = replace(self.policy, small_attempts=1, auditor=None, rungs=())
        return NodeRuns(Rungs(policy))

    def ask(self, tier: Tier, _: Any, config: RunnableConfig) -> Try:
        """Ask a tier, then check its answer."""
        if why := tier.refuses(self.request):
            return Try(tier.name, tier.model_name, refused=why)
        run, trial_run, forced = self._run(config), _TierRun(), self._forced(tier, config)
        try:
            with notifying(config, run.context, self.request.messages) as answers:
                trial_run.take(self.nodes.node(FIRST, trial_run.state, forced, run))
                while trial_run.goes_to(tier):
                    trial_run.take(self.nodes.node(tier.name, trial_run.state, forced, run))
                trial_run.end(run.context)
                if self._checks(trial_run, tier):
                    final = self._final(config)
                    trial_run.take(self.nodes.node("verify", trial_run.buffered, final, run))
                answers.extend(trial_run.answers)
        except TiersFailedError as error:
            return trial_run.failed(tier, error)
        return trial_run.answered(tier)

    async def aask(self, tier: Tier, _: Any, config: RunnableConfig) -> Try:
        """The async twin of `ask`."""
        if why := tier.refuses(self.request):
            return Try(tier.name, tier.model_name, refused=why)
        run, trial_run, forced = self._run(config), _TierRun(), self._forced(tier, config)
        try:
            with notifying(config, run.context, self.request.messages) as answers:
                trial_run.take(await self.nodes.anode(FIRST, trial_run.state, forced, run))
                while trial_run.goes_to(tier):
                    trial_run.take(await self.nodes.anode(tier.name, trial_run.state, forced, run))
                trial_run.end(run.context)
                if self._checks(trial_run, tier):
                    final = self._final(config)
                    trial_run.take(await self.nodes.anode("verify", trial_run.buffered, final, run))
                answers.extend(trial_run.answers)
        except TiersFailedError as error:
            return trial_run.failed(tier, error)
        return trial_run.answered(tier)

    def _checks(self, trial_run: _TierRun, tier: Tier) -> bool:
        """Whether there is an answer to check, and a check for it."""
        return self.policy.check_on(tier) is not None and trial_run.drafted

    def _run(self, config: RunnableConfig) -> Runtime[Any]:
        return Runtime(context=RunContext(self.request, run_id=run_id_of(config)))

    def _forced(self, tier: Tier, config: RunnableConfig) -> RunnableConfig:
        """The config for asking the tier: its answer is returned unchecked."""
        return self._with(config, tier=tier.name, verify=False, escalate=False)

    def _final(self, config: RunnableConfig) -> RunnableConfig:
        """The config for checking its answer: a rejection does not escalate."""
        return self._with(config, escalate=False)

    def _with(self, config: RunnableConfig, **settings: Any) -> RunnableConfig:
        prefix = self.policy.prefix
        given = {f"{prefix}{name}": value for name, value in settings.items()}
        return {**config, "configurable": {**(config.get("configurable") or {}), **given}}


class _TierRun:
    """The updates of one tier's run so far."""

    def __init__(self) -> None:
        self._updates: list[Update] = []

    def take(self, update: Update) -> None:
        """Add a node's update."""
        self._updates.append(update)

    @property
    def answers(self) -> list[AIMessage]:
        """The newest answer, or an empty list."""
        return [message for update in self._updates[-1:] for message in update.get("messages", ())]

    @property
    def state(self) -> RouterState:
        """The state for the next node."""
        known = {key: value for update in self._updates[-1:] for key, value in update.items()}
        return cast("RouterState", {**known, "messages": []})

    @property
    def buffered(self) -> RouterState:
        """The state for `verify`, with the answer as its draft."""
        (answer,) = self.answers
        plain = {k: v for k, v in answer.response_metadata.items() if k != "router"}
        draft = sealed_draft(answer.model_copy(update={"response_metadata": plain}))
        return {**self.state, "draft": draft}

    @property
    def drafted(self) -> bool:
        """Whether a model answered: a budget may have answered in its place."""
        return bool(self.answers and self._updates[-1]["trail"]["attempts"])

    def goes_to(self, tier: Tier) -> bool:
        """Whether the tier is to be asked, or asked again."""
        return not self.answers and self._updates[-1]["route"] == tier.name

    def end(self, context: RunContext) -> None:
        """End the run after the tier's last call.

        Raises:
            TiersFailedError: The tier failed, and another one would be asked next.
        """
        trail: Trail = self._updates[-1]["trail"]
        if not self.answers and trail["attempts"]:
            raise TiersFailedError(open_record(trail), context.exceptions)

    def answered(self, tier: Tier) -> Try:
        """The result of a tier whose answer passed its checks, if any."""
        for answer in self.answers:
            return Try(tier.name, tier.model_name, answer, Record.of(answer))
        return Try(tier.name, tier.model_name, refused="a budget has no room for it")

    def failed(self, tier: Tier, error: TiersFailedError) -> Try:
        """The result of a tier that failed, or whose answer was rejected."""
        answer = next(iter(self.answers), None)
        refused = "" if error.attempts else str(error)
        return Try(tier.name, tier.model_name, answer, Record.of(error), refused)


class _Router(Protocol):
    """What the mixin needs of the router that it is part of."""

    @property
    def policy(self) -> Policy: ...

    def _request(self, input: LanguageModelInput, kwargs: dict[str, Any]) -> Request: ...

    def _merged(self, config: RunnableConfig | None) -> RunnableConfig: ...


class Explorable(Displayed):
    """Mixin with a router's methods for exploration; their modules are imported on first use."""

    __slots__ = ()

    def decide(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Decision:
        """Where a request would go, and why. No tier is asked.

        Args:
            input: A text, a prompt value, or messages.
            config: As for `invoke`; the overrides in "configurable" count.
            **kwargs: As for `invoke`: tools that rule out a tier, for example.

        Raises:
            InvalidRequestError: There is nothing to route on.
            NoTierError: No tier can take it.
        """
        router, config = _router(self), ensure_config(config)
        policy = router.policy
        options = CallOptions.of(config, policy.ladder, policy.prefix)
        return policy.decider.decide(router._request(input, kwargs), options, config)

    async def adecide(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Decision:
        """The async twin of `decide`."""
        router, config = _router(self), ensure_config(config)
        policy = router.policy
        options = CallOptions.of(config, policy.ladder, policy.prefix)
        return await policy.decider.adecide(router._request(input, kwargs), options, config)

    def explain(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Explanation:
        """Explain a decision: the words or features that contributed to it. No tier is called.

        Takes the arguments of `decide` and raises the same errors.
        """
        from lc_asym_router.router.explain import explain

        router = _router(self)
        return explain(router.policy, router._request(input, kwargs), config)

    async def aexplain(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Explanation:
        """The async twin of `explain`."""
        from lc_asym_router.router.explain import aexplain

        router = _router(self)
        return await aexplain(router.policy, router._request(input, kwargs), config)

    def compare(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Comparison:
        """Ask every tier concurrently, and check every answer with the same checks.

        The result shows each tier's answer, verdict and cost. Rejected answers are included and
        marked as such; a tier that fails is shown as failed. Every call costs money and counts
        against the budgets.

        Takes the arguments of `invoke`.

        Raises:
            InvalidRequestError: There is no human message to route on.
            NoTierError: No tier can take the request.
        """

        router = _router(self)
        request = router._request(input, kwargs)
        return compare(router.policy, request, input, router._merged(config))

    async def acompare(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Comparison:
        """The async twin of `compare`."""

        router = _router(self)
        request = router._request(input, kwargs)
        return await acompare(router.policy, request, input, router._merged(config))

    async def watch(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Record:
        """Answer a request and display its progress: the active nodes, and the answer.

        In a notebook the graph is drawn with the active node highlighted; elsewhere lines are
        printed. As in any stream, text that
        has not passed its check is never shown.

        Arguments and errors as for `astream`.

        Returns:
            The record, which shows itself as a timeline; the message is its `answer`.
        """
        watch = renderer("watch")
        return cast("Record", await watch(self, input, config, **kwargs))


def _router(explorable: Explorable) -> _Router:
    return cast("_Router", explorable)
