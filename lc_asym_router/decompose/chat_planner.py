"""A planner that calls a chat model, which writes the plan as structured output."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from pydantic import BaseModel, Field

from lc_asym_router._internal.schemas import SchemaError
from lc_asym_router.decompose.plan import JOIN, Plan, Step
from lc_asym_router.errors import ConfigurationError, PlanError
from lc_asym_router.records.bindings import SchemaBinding
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.binding import structured
from lc_asym_router.tiers.ladder import Ladder

PROMPT = """\
Split the user's request into parts that can be answered one by one, by somebody who sees only the \
part and the answers of the parts that it needs. Repeat in each part what it has to know from the \
request. Where a part uses another's answer, name that part in its needs; else leave needs empty, so \
that the parts can be answered side by side. Keep the user's language and add nothing that was not \
asked. If the request is one task, write a single part with the request as it is. Don't answer it."""


class PlannedPart(BaseModel):
    """One part of the request."""

    id: str = Field(description="a short name, unique in the plan")
    instruction: str = Field(description="what is asked in this part, complete by itself")
    needs: list[str] = Field(description="ids of the parts whose answers it needs")
    difficulty: Literal["easy", "hard", "unknown"] = Field(
        description="easy: a small model can do it; hard: it needs a strong one"
    )


class PlannedParts(BaseModel):
    """The parts of a request."""

    parts: list[PlannedPart]


@dataclass(frozen=True)
class ChatPlanner:
    """Planner that asks a chat model for the plan; the call counts in the record and the budgets.

    Args:
        model: The chat model; `None` calls one of the router's tiers, under the router's budgets.
        tier: Name of that tier; `None` for the last one, the frontier.
        prompt: The system prompt: the instructions for the planning model.

    Raises:
        ConfigurationError: `model` is no chat model, or both a model and a tier are given.
    """

    model: Any = None
    tier: str | None = None
    prompt: str = PROMPT

    def __post_init__(self) -> None:
        if self.model is not None and not isinstance(self.model, BaseChatModel):
            raise ConfigurationError(
                f"ChatPlanner(model=...) is a {type(self.model).__name__}; give a chat model, or "
                "leave it out to ask the frontier."
            )
        if self.model is not None and self.tier is not None:
            raise ConfigurationError("Give ChatPlanner a model or a tier's name, not both.")

    def request(self, request: Request) -> Request:
        """Build the request that asks for a plan."""
        messages = (SystemMessage(self.prompt), HumanMessage(request.turn_text))
        return replace(
            Request(schema=SchemaBinding(PlannedParts)), messages=messages, kwargs=request.kwargs
        )

    def read(self, message: AIMessage, ladder: Ladder) -> Plan:
        """Read the plan from the model's answer.

        Raises:
            PlanError: The answer has no plan, or one that can't be executed.
        """
        try:
            written = structured(message, SchemaBinding(PlannedParts))
        except SchemaError as error:
            raise PlanError(f"The planner's answer is no plan: {error}.") from None
        # That is no name for a step, and the model was not told so.
        ids = {part.id: f"{part.id}_" if part.id == JOIN else part.id for part in written.parts}
        hints = {"easy": ladder[0].name, "hard": ladder[-1].name, "unknown": None}
        return Plan(
            Step(
                id=ids[part.id],
                instruction=part.instruction,
                needs=tuple(ids.get(need, need) for need in part.needs),
                tier=hints[part.difficulty],
            )
            for part in written.parts
        )

    def __repr__(self) -> str:
        return "chat"
