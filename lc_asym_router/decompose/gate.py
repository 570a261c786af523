"""Decide whether splitting is worth its cost: its expected cost against the frontier's alone."""

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
    """The expected cost of splitting a request.

    Attributes:
        plan_usd: Cost in USD of a plan that is still to be made; 0 where no model is asked for it.
            `None`, as in all amounts here, means unknown.
        parts_usd: The parts' cost in USD, expected escalations included.
        join_usd: The join's cost in USD.
        frontier_usd: Cost in USD of the whole request on the frontier.
        frontier_tokens: Tokens that the frontier is expected to process if the request is split; an
            output token counts as four input tokens.
        whole_tokens: Tokens that the frontier would process for the whole request, counted
            likewise.
        planned_usd: What making the plan has already cost in USD. That is spent either way, so it
            does not count against executing the plan; before the plan was made it did, as
            `plan_usd`.
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
        """Cost of plan, parts and join in USD; `None` where it is unknown."""
        return total((self.plan_usd, self.parts_usd, self.join_usd))

    @property
    def worth_it(self) -> bool:
        """Whether splitting is expected to be cheaper than the frontier alone.

        Where a price is unknown: whether the frontier processes fewer tokens, the most expensive
        ones.
        """
        split = self.split_usd
        if split is None or self.frontier_usd is None:
            return self.frontier_tokens < self.whole_tokens
        return split < self.frontier_usd

    @property
    def reason(self) -> str:
        """The comparison, in one line."""
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
        """Return the estimate as plain JSON."""
        return {**asdict(self), "split_usd": self.split_usd, "worth_it": self.worth_it}


@dataclass(frozen=True)
class Gate:
    """Accepts a plan that is expected to cost less than the frontier alone.

    Args:
        escalated: Expected share of the small tier's answers that escalate, in [0, 1].
        answer_tokens: Expected tokens of each part's answer; the whole answer is expected to have
            this many for each part.
        passes: Another rule: a callable from the `Estimate` to whether to split.

    Raises:
        ConfigurationError: A number is out of its range.
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
        """Return whether to split."""
        return estimate.worth_it if self.passes is None else bool(self.passes(estimate))

    def before(self, request: Request, ladder: Ladder, planner: Tier | None) -> Estimate:
        """Estimate the cost before there is a plan, for a planner that calls a model.

        Args:
            request: The request.
            ladder: The router's tiers.
            planner: The tier that plans, or a tier made from the planner's own model.
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
        """Estimate the cost of a plan.

        Args:
            plan: The plan.
            request: The request.
            ladder: The router's tiers.
            join: The tier that joins the answers; `None` for a template.
            planner: The tier whose planning call is still to be paid for; `None` for none.
        """
        top = ladder[-1]
        around = max(0, request.input_tokens - _tokens(request.turn_text))
        calls: list[
            tuple[Tier, float, int, int]
        ] = []  # tier, share of requests, tokens in, tokens out
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
                    share * (tokens_in + OUTPUT * tokens_out)
                    for tier, share, tokens_in, tokens_out in [*plans, *calls, *joins]
                    if tier is top
                )
            ),
            whole_tokens=request.input_tokens + OUTPUT * written,
        )


def _tokens(text: str) -> int:
    return math.ceil(len(text) / CHARACTERS)


def _usd(calls: list[tuple[Tier, float, int, int]]) -> float | None:
    costs: list[float | None] = []
    for tier, share, tokens_in, tokens_out in calls:
        usage = UsageMetadata(
            input_tokens=tokens_in, output_tokens=tokens_out, total_tokens=tokens_in + tokens_out
        )
        cost = tier.rate.of(usage) if tier.rate else None
        costs.append(None if cost is None else share * cost)
    return total(costs)
