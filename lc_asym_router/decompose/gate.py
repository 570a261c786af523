"""Is splitting worth it? What it is expected to cost, against the frontier alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from langchain_core.messages.ai import UsageMetadata

from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import total
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.tier import Tier

CHARACTERS = 4
"""Characters that make a token, by rule of thumb."""
PLAN_INPUT = 320
"""Tokens of a planner's own prompt and schema."""
PLAN_OUTPUT = 60
"""Tokens that a planner writes for each part."""
OUTPUT = 4
"""Input tokens that an output token counts for where prices are not known, as at most providers."""
PARTS = 3
"""Parts that are expected of a request that is not yet planned."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What splitting a request is expected to cost.

    Attributes:
        plan_usd: Cost in USD of a plan that is still to be made; 0 where no model is asked for it.
            `None`, as in all sums here: not known.
        parts_usd: The parts' cost in USD, with the escalations that are expected.
        join_usd: The join's cost in USD.
        frontier_usd: Cost in USD of the whole request on the frontier.
        frontier_tokens: Tokens that the frontier is expected to have when it is split: an output
            token counts as four of input.
        whole_tokens: Tokens that it would have of the whole request, likewise.
        planned_usd: What making the plan has cost in USD. It is spent either way, so it does not count
            against carrying the plan out; before that it did, as `plan_usd`.
    """

    plan_usd: float | None
    parts_usd: float | None
    join_usd: float | None
    frontier_usd: float | None
    frontier_tokens: int
    whole_tokens: int
    planned_usd: float | None = 0.0

    @property
    def split_usd(self) -> float | None:
        """Cost of plan, parts and join in USD."""
        return total((self.plan_usd, self.parts_usd, self.join_usd))

    @property
    def worth_it(self) -> bool:
        """Whether splitting is expected to be cheaper.

        Where a price is not known, whether the frontier has fewer tokens: that is what is dear.
        """
        split = self.split_usd
        if split is None or self.frontier_usd is None:
            return self.frontier_tokens < self.whole_tokens
        return split < self.frontier_usd

    @property
    def reason(self) -> str:
        """The comparison in one line."""
        split = self.split_usd
        if split is None or self.frontier_usd is None:
            sign = "<" if self.worth_it else ">="
            return (
                f"not all prices are known; tokens of the frontier, an output token as {OUTPUT}: about "
                f"{self.frontier_tokens} in parts {sign} {self.whole_tokens} whole"
            )
        sign = "<" if self.worth_it else ">="
        planned = f" (and ${self.planned_usd:.6f} for the plan)" if self.planned_usd else ""
        alone = f"${self.frontier_usd:.6f} for the frontier alone"
        return f"about ${split:.6f} in parts{planned} {sign} {alone}"

    def to_dict(self) -> dict[str, Any]:
        """The estimate as plain JSON."""
        return {**asdict(self), "split_usd": self.split_usd, "worth_it": self.worth_it}


@dataclass(frozen=True)
class Gate:
    """Lets a plan pass where it is expected to cost less than the frontier alone.

    Args:
        escalated: Share of small answers that are expected to be escalated, in [0, 1].
        answer_tokens: Tokens that are expected of each part's answer; the whole answer has as many
            for each part.
        passes: Another rule: from the `Estimate` to whether to split.

    Raises:
        ConfigurationError: A number makes no sense.
    """

    escalated: float = 0.25
    answer_tokens: int = 150
    passes: Callable[[Estimate], bool] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.escalated <= 1 or self.answer_tokens < 1:
            raise ConfigurationError(
                f"Gate(escalated={self.escalated}, answer_tokens={self.answer_tokens}): the first is "
                "a share in [0, 1], the second at least 1."
            )

    def lets(self, estimate: Estimate) -> bool:
        """Whether to split."""
        return estimate.worth_it if self.passes is None else bool(self.passes(estimate))

    def before(self, request: Request, ladder: Ladder, planner: Tier | None) -> Estimate:
        """The estimate before there is a plan, for a planner that costs something.

        Args:
            request: What is asked.
            ladder: The router's tiers.
            planner: The tier that plans, or a tier made of the planner's own model.
        """
        text = request.turn_text
        third = text[: max(1, len(text) // PARTS)] or "?"
        supposed = Plan(Step(str(number), third or "?") for number in range(PARTS))
        return self.estimate(supposed, request, ladder, join=None, planner=planner)

    def estimate(
        self,
        plan: Plan,
        request: Request,
        ladder: Ladder,
        *,
        join: Tier | None,
        planner: Tier | None = None,
    ) -> Estimate:
        """What a plan is expected to cost.

        Args:
            plan: The plan.
            request: What is asked.
            ladder: The router's tiers.
            join: The tier that puts the answer together; `None` for a template.
            planner: The tier whose call for the plan is still to be paid; `None` for none.
        """
        top = ladder[-1]
        around = max(0, request.input_tokens - _tokens(request.turn_text))
        calls: list[tuple[Tier, float, int, int]] = []  # tier, how often, tokens in, tokens out
        for step in plan.steps:
            first = (ladder.named(step.tier) if step.tier else None) or ladder[0]
            size = around + _tokens(step.instruction) + len(step.needs) * self.answer_tokens
            calls.append((first, 1.0, size, self.answer_tokens))
            if first is not top:
                calls.append((top, self.escalated, size, self.answer_tokens))
        written = len(plan) * self.answer_tokens
        joins = [(join, 1.0, request.input_tokens + written, written)] if join else []
        plans = (
            [(planner, 1.0, request.input_tokens + PLAN_INPUT, len(plan) * PLAN_OUTPUT)]
            if planner
            else []
        )
        whole = (top, 1.0, request.input_tokens, written)
        return Estimate(
            plan_usd=_usd(plans),
            parts_usd=_usd(calls),
            join_usd=_usd(joins),
            frontier_usd=_usd([whole]),
            frontier_tokens=round(
                sum(
                    often * (came + OUTPUT * went)
                    for tier, often, came, went in [*plans, *calls, *joins]
                    if tier is top
                )
            ),
            whole_tokens=request.input_tokens + OUTPUT * written,
        )


def _tokens(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS)


def _usd(calls: list[tuple[Tier, float, int, int]]) -> float | None:
    costs: list[float | None] = []
    for tier, often, came, went in calls:
        usage = UsageMetadata(input_tokens=came, output_tokens=went, total_tokens=came + went)
        cost = tier.rate.of(usage) if tier.rate else None
        costs.append(None if cost is None else often * cost)
    return total(costs)
