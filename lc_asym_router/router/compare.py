"""`router.compare`: every tier asked side by side, each answer through the same checks."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig, RunnableLambda, RunnableParallel
from langgraph.runtime import Runtime

from lc_asym_router._internal.display import Displayed
from lc_asym_router._internal.run_config import run_id_of, without_listeners
from lc_asym_router.errors import TiersFailedError
from lc_asym_router.graph.nodes import GraphNodes
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.runner import notifying
from lc_asym_router.graph.state import RouterState, RunContext, Update, seal
from lc_asym_router.records.call import Call
from lc_asym_router.records.lines import attempt_line
from lc_asym_router.records.record import Record
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Trail, open_record, total
from lc_asym_router.router.explain import Explanation, aexplain, explain
from lc_asym_router.tiers.tier import Tier

_DECISION = ""
"""Where the decision stands among the tiers, none of which has an empty name."""


@dataclass(frozen=True)
class Try:
    """What one tier made of the request.

    Attributes:
        tier: The tier's name.
        model: Its model's.
        answer: What it said, passed or not; `None` where it failed or was not asked.
        record: The record of its call and of the check's; `None` where it was not asked.
        refused: Why it was not asked, or "".
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
        """What its call and the check's cost in USD, or `None` where that is not known."""
        calls = (*self.record.attempts, *self.record.side_calls) if self.record else ()
        return total(call.cost_usd for call in calls)


@dataclass(frozen=True, repr=False)
class Comparison(Displayed):
    """All tiers' answers to one request.

    Attributes:
        explanation: Where the router would send the request, and why.
        tries: For each tier's name what it made of it, cheapest first.
    """

    explanation: Explanation
    tries: dict[str, Try]

    def __repr__(self) -> str:
        """Verdicts and costs in lines, without the request and the answers."""
        lines = [f"asked first: {self.explanation.decision.tier}"]
        for number, each in enumerate(self.tries.values(), 1):
            told = f"{each.tier} ({each.model}) was not asked: {each.refused}"
            lines.append(attempt_line(number, asdict(each.call)) if each.call else told)
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
    """The config without listeners: what is rejected must not be streamed to a parent's reader."""
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
    """Puts a request to single tiers, by the router's own nodes."""

    policy: Policy
    request: Request

    @property
    def nodes(self) -> GraphNodes:
        """The nodes that ask and verify; what is rejected is not tried again."""
        return GraphNodes(replace(self.policy, small_attempts=1))

    def ask(self, tier: Tier, _: Any, config: RunnableConfig) -> Try:
        """Ask a tier, then check what it said."""
        if why := tier.refuses(self.request):
            return Try(tier.name, tier.model_name, refused=why)
        run, kept, forced = self._run(config), _Kept(), self._forced(tier, config)
        try:
            with notifying(config, run.context, self.request.messages) as told:
                kept.take(self.nodes.classify(kept.state, forced, run))
                while kept.goes_to(tier):
                    kept.take(self.nodes.ask(tier, kept.state, forced, run))
                kept.end(run.context)
                if self._checks(kept, tier):
                    kept.take(self.nodes.verify(kept.buffered, self._final(config), run))
                told.extend(kept.answers)
        except TiersFailedError as error:
            return kept.failed(tier, error)
        return kept.answered(tier)

    async def aask(self, tier: Tier, _: Any, config: RunnableConfig) -> Try:
        """The async twin of `ask`."""
        if why := tier.refuses(self.request):
            return Try(tier.name, tier.model_name, refused=why)
        run, kept, forced = self._run(config), _Kept(), self._forced(tier, config)
        try:
            with notifying(config, run.context, self.request.messages) as told:
                kept.take(await self.nodes.aclassify(kept.state, forced, run))
                while kept.goes_to(tier):
                    kept.take(await self.nodes.aask(tier, kept.state, forced, run))
                kept.end(run.context)
                if self._checks(kept, tier):
                    kept.take(await self.nodes.averify(kept.buffered, self._final(config), run))
                told.extend(kept.answers)
        except TiersFailedError as error:
            return kept.failed(tier, error)
        return kept.answered(tier)

    def _checks(self, kept: _Kept, tier: Tier) -> bool:
        """Whether there is an answer to check, and a check for it."""
        return self.policy.check_on(tier) is not None and kept.drafted

    def _run(self, config: RunnableConfig) -> Runtime[Any]:
        return Runtime(context=RunContext(self.request, run_id=run_id_of(config)))

    def _forced(self, tier: Tier, config: RunnableConfig) -> RunnableConfig:
        """The config under which the tier is asked, and its answer comes back whatever it is."""
        return self._with(config, tier=tier.name, verify=False, escalate=False)

    def _final(self, config: RunnableConfig) -> RunnableConfig:
        """The config under which its answer is checked, and the verdict is the end."""
        return self._with(config, escalate=False)

    def _with(self, config: RunnableConfig, **settings: Any) -> RunnableConfig:
        prefix = self.policy.prefix
        given = {f"{prefix}{name}": value for name, value in settings.items()}
        return {**config, "configurable": {**(config.get("configurable") or {}), **given}}


class _Kept:
    """What is known of one tier's try."""

    def __init__(self) -> None:
        self._updates: list[Update] = []

    def take(self, update: Update) -> None:
        """A node has done its work."""
        self._updates.append(update)

    @property
    def answers(self) -> list[AIMessage]:
        """The newest answer, or nothing."""
        return [message for update in self._updates[-1:] for message in update.get("messages", ())]

    @property
    def state(self) -> RouterState:
        """The state in which the next node finds the request."""
        known = {key: value for update in self._updates[-1:] for key, value in update.items()}
        return cast("RouterState", {**known, "messages": []})

    @property
    def buffered(self) -> RouterState:
        """The state in which `verify` finds the answer."""
        (answer,) = self.answers
        plain = {k: v for k, v in answer.response_metadata.items() if k != "router"}
        draft = seal(answer.model_copy(update={"response_metadata": plain}))
        return {**self.state, "draft": draft}

    @property
    def drafted(self) -> bool:
        """Whether a model answered: a budget may have answered in its place."""
        return bool(self.answers and self._updates[-1]["trail"]["attempts"])

    def goes_to(self, tier: Tier) -> bool:
        """Whether the tier is to be asked, or asked again."""
        return not self.answers and self._updates[-1]["route"] == tier.name

    def end(self, context: RunContext) -> None:
        """The tier has had its say.

        Raises:
            TiersFailedError: It failed, and another would be asked now.
        """
        trail: Trail = self._updates[-1]["trail"]
        if not self.answers and trail["attempts"]:
            raise TiersFailedError(open_record(trail), context.exceptions)

    def answered(self, tier: Tier) -> Try:
        """It answered, and what checks there are passed it."""
        for answer in self.answers:
            return Try(tier.name, tier.model_name, answer, Record.of(answer))
        return Try(tier.name, tier.model_name, refused="a budget has no room for it")

    def failed(self, tier: Tier, error: TiersFailedError) -> Try:
        """It failed, or its answer was rejected."""
        answer = next(iter(self.answers), None)
        refused = "" if error.attempts else str(error)
        return Try(tier.name, tier.model_name, answer, Record.of(error), refused)
