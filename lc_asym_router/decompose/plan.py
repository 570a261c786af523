"""A plan: the steps of a request, and which steps each one needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lc_asym_router._internal.schemas import as_json_schema
from lc_asym_router.errors import PlanError

JOIN = "join"
"""What stands as the step of the attempts that joined."""
TITLE = 100
"""Longest title that a step gets from its instruction, in characters."""


@dataclass(frozen=True)
class Step:
    """One part of a request.

    Args:
        id: The step's id within the plan.
        instruction: The task, self-contained except for what it needs from other steps.
        needs: Ids of the steps whose answers it is given. It sees no others.
        schema: A JSON schema (or a pydantic class, or a TypedDict) that its answer must follow.
        tier: Name of the tier to ask first; `None` lets the router decide.
        title: The heading of its answer; the instruction's first line by default.

    Raises:
        PlanError: The id or the instruction is empty, or it needs itself.
    """

    id: str
    instruction: str
    needs: tuple[str, ...] = ()
    schema: Any = None
    tier: str | None = None
    title: str = ""

    def __post_init__(self) -> None:
        for name in ("id", "instruction"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value.strip():
                raise PlanError(f"A step's {name} is {value!r}; give a text that is not empty.")
        if self.id == JOIN or len(self.id.splitlines()) > 1:
            raise PlanError(
                f"A step's id is {self.id!r}; give one line, and not {JOIN!r}, which stands for the "
                "calls that put the answers together."
            )
        if isinstance(self.needs, str):
            raise PlanError(f"Step {self.id!r}: needs= takes a list of ids, such as ['a'].")
        put = object.__setattr__
        put(self, "needs", tuple(dict.fromkeys(self.needs)))
        put(self, "title", self.title or _shortened(self.instruction))
        if self.schema is not None:
            put(self, "schema", as_json_schema(self.schema))
        if self.id in self.needs:
            raise PlanError(f"Step {self.id!r} needs itself; take it out of its needs.")

    def to_dict(self) -> dict[str, Any]:
        """Return the step as plain JSON."""
        return {
            "id": self.id,
            "instruction": self.instruction,
            "needs": list(self.needs),
            "schema": self.schema,
            "tier": self.tier,
            "title": self.title,
        }


@dataclass(frozen=True)
class Plan:
    """The steps of a request: a directed graph without cycles.

    Args:
        steps: The steps, in the order in which their answers are read.

    Raises:
        PlanError: There is no step, two have the same id, a need names no step, or there is a
            cycle.
    """

    steps: tuple[Step, ...]

    def __init__(self, steps: Iterable[Step | str | Mapping[str, Any]]) -> None:
        made = tuple(_step(given, number) for number, given in enumerate(steps, 1))
        object.__setattr__(self, "steps", made)
        if not made:
            raise PlanError("The plan has no steps. Give at least one, or None for no plan.")
        ids = [step.id for step in made]
        if twice := sorted({name for name in ids if ids.count(name) > 1}):
            raise PlanError(f"Two steps have the id {', '.join(twice)}. Give each its own.")
        for step in made:
            if unknown := sorted(set(step.needs) - set(ids)):
                raise PlanError(
                    f"Step {step.id!r} needs {', '.join(unknown)}, which is no step. "
                    f"The steps are {', '.join(ids)}."
                )
        ordered = {step.id for wave in self.waves for step in wave}
        if circling := [name for name in ids if name not in ordered]:
            raise PlanError(
                f"The steps {', '.join(circling)} wait for each other, or for such a step. "
                "Needs must not go in a circle."
            )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """Build the plan from the dict that `to_dict` returned."""
        return cls(Step(**step) for step in data["steps"])

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON."""
        return {"steps": [step.to_dict() for step in self.steps]}

    def __len__(self) -> int:
        return len(self.steps)

    @cached_property
    def waves(self) -> tuple[tuple[Step, ...], ...]:
        """Return the steps grouped in order of their needs; none needs another of its own group."""
        waves: list[tuple[Step, ...]] = []
        done: set[str] = set()
        while ready := self.ready(done):
            waves.append(ready)
            done |= {step.id for step in ready}
        return tuple(waves)

    def ready(self, done: Collection[str]) -> tuple[Step, ...]:
        """Return the steps that are not done and whose needs are all done."""
        return tuple(
            step
            for step in self.steps
            if step.id not in done and all(need in done for need in step.needs)
        )

    def named(self, name: str) -> Step:
        """Return the step with this id."""
        return next(step for step in self.steps if step.id == name)

    @property
    def independent(self) -> bool:
        """Whether no step needs another."""
        return not any(step.needs for step in self.steps)

    def check(self, most: int, tiers: Collection[str]) -> None:
        """Check the plan against the settings.

        Args:
            most: The maximum number of steps.
            tiers: Names of the router's tiers.

        Raises:
            PlanError: It has too many steps, or names an unknown tier.
        """
        if len(self) > most:
            raise PlanError(f"The plan has {len(self)} steps, and {most} is the most (max_steps=).")
        for step in self.steps:
            if step.tier is not None and step.tier not in tiers:
                raise PlanError(
                    f"Step {step.id!r} names the tier {step.tier!r}; there are {', '.join(tiers)}."
                )


def _step(given: Any, number: int) -> Step:
    if isinstance(given, Step):
        return given
    if isinstance(given, str):
        return Step(str(number), given)
    if isinstance(given, Mapping):
        try:
            return Step(**{"id": str(number), **given})
        except TypeError:
            raise PlanError(
                f"Step {number} has keys that no step has; it takes id, instruction, needs, schema, "
                "tier and title."
            ) from None
    raise PlanError(
        f"Step {number} is a {type(given).__name__}; give a Step, a text, or a dict of a step's "
        "fields."
    )


def _shortened(text: str) -> str:
    line = text.strip().splitlines()[0]
    return line if len(line) <= TITLE else line[: TITLE - 1].rstrip() + "…"
