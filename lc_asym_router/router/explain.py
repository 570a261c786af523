"""`router.explain`: a decision and what contributed to it; no tier is called."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.decisions import ClassifierResponse
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config

from lc_asym_router._internal.display import Displayed
from lc_asym_router._internal.run_config import with_handlers
from lc_asym_router.classify.scorer import QUESTION, Factor
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import CallOptions
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Decision


@dataclass(frozen=True, slots=True)
class RubricLevel:
    """One level of the rubric that a judge classifier rates by.

    Attributes:
        text: What the level means.
        probability: The probability that the classifier gives it, in [0, 1].
    """

    text: str
    probability: float


@dataclass(frozen=True, repr=False)
class Explanation(Displayed):
    """A decision and what contributed to it.

    Attributes:
        decision: The decision.
        parts: The words or features that changed the complexity, the strongest first; empty where
            the classifier reports none.
        levels: The rubric's levels, where the classifier is a judge; else empty.
        refusals: For each tier that can't take the request, why.
        question: The latest human turn.
    """

    decision: Decision
    parts: tuple[Factor, ...] = ()
    levels: tuple[RubricLevel, ...] = ()
    refusals: dict[str, str] = field(default_factory=dict)
    question: str = ""

    def __repr__(self) -> str:
        """The decision and its parts as text lines, without the request's text."""
        decided = self.decision
        lines = [f"{decided.tier} ({decided.classifier}): {decided.reason}"]
        lines += [f"  {part.moved:+.2f} {part.name}" for part in self.parts]
        lines += [f"  {level.probability:.0%} {level.text}" for level in self.levels]
        lines += [f"  {tier} can't take it: {why}" for tier, why in self.refusals.items()]
        return "\n".join(lines)


def explain(policy: Policy, request: Request, config: RunnableConfig | None = None) -> Explanation:
    """See `AsymRouter.explain`."""
    responses, config = _Responses(), ensure_config(config)
    options = CallOptions.of(config, policy.ladder, policy.prefix)
    decision = policy.decider.decide(request, options, with_handlers(config, [responses], {}))
    return _explanation(policy, decision, responses, request)


async def aexplain(
    policy: Policy, request: Request, config: RunnableConfig | None = None
) -> Explanation:
    """The async twin of `explain`."""
    responses, config = _Responses(), ensure_config(config)
    options = CallOptions.of(config, policy.ladder, policy.prefix)
    decision = await policy.decider.adecide(
        request, options, with_handlers(config, [responses], {})
    )
    return _explanation(policy, decision, responses, request)


class _Responses(BaseCallbackHandler):
    """Records a classifier's responses; where classifiers are nested, the outer one ends last."""

    run_inline = True

    def __init__(self) -> None:
        self.response: ClassifierResponse | None = None

    def on_chain_end(self, outputs: Any, **kwargs: Any) -> None:
        """Record the output of a run, where it is a classifier's."""
        if isinstance(outputs, ClassifierResponse):
            self.response = outputs


def _explanation(
    policy: Policy, decision: Decision, responses: _Responses, request: Request
) -> Explanation:
    response = responses.response if decision.complexity is not None else None
    parts: tuple[Factor, ...] | None = getattr(response, "parts", None)
    return Explanation(
        decision=decision,
        parts=parts or (),
        levels=_levels(response) if response and parts is None else (),
        refusals={tier.name: why for tier in policy.ladder if (why := tier.refuses(request))},
        question=request.turn_text,
    )


def _levels(response: ClassifierResponse) -> tuple[RubricLevel, ...]:
    score = response.scores.get(QUESTION)
    if score is None:
        return ()
    return tuple(
        RubricLevel(str(text), score.probabilities.get(level, 0.0))
        for level, text in score.legend.items()
    )
