"""A decomposer's settings, resolved for its graph; every invalid setting raises here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from lc_asym_router.decompose.chat_planner import ChatPlanner
from lc_asym_router.decompose.gate import Gate
from lc_asym_router.decompose.plan import Plan
from lc_asym_router.decompose.splitting.planner import StructuralPlanner
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.graph.build import build_graph
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.runner import GraphRunner
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.check import All
from lc_asym_router.verify.form import NotEmpty, ValidStructure

PLANNERS = ("structure", "chat")


@dataclass(frozen=True)
class DecomposerSettings:
    """Resolved decomposer settings shared by all graph nodes.

    Attributes:
        policy: The router's resolved settings.
        face: Runs the router's graph on a request.
        steps: Runs it on a step, whose answer must not be empty and must follow the step's schema,
            in addition to the router's own checks.
        planners: The planners, tried in order until one has a plan.
        gate: Decides whether a plan is worth its cost; `None` accepts all.
        join: "auto", "template", or the name of the tier that joins.
        max_steps: The maximum number of steps.
    """

    policy: Policy
    face: GraphRunner
    steps: GraphRunner
    planners: tuple[Any, ...]
    gate: Gate | None
    join: str
    max_steps: int

    @classmethod
    def of(
        cls, policy: Policy, planner: Any, gate: Any, join: Any, max_steps: int
    ) -> DecomposerSettings:
        """Resolve the settings that a user gave.

        Raises:
            ConfigurationError: A setting is invalid.
        """
        names = [tier.name for tier in policy.ladder]
        if join not in ("auto", "template", *names):
            raise ConfigurationError(
                f"join={join!r}: give 'auto', 'template', or the tier that joins: {', '.join(names)}."
            )
        if max_steps < 2:
            raise ConfigurationError(f"max_steps={max_steps} must be at least 2.")
        if gate is not None and not isinstance(gate, Gate):
            if not callable(gate):
                raise ConfigurationError(
                    f"gate= is a {type(gate).__name__}; give a Gate, a callable from an Estimate to "
                    "whether to split, or None to split whatever has a plan."
                )
            gate = Gate(passes=gate)
        given = planner if isinstance(planner, list | tuple) else [planner]
        planners = tuple(_planner(each, names) for each in given)
        if not planners:
            raise ConfigurationError(f"planner=[] is empty; give one of {', '.join(PLANNERS)}.")
        own = replace(
            policy, check=All(NotEmpty(), ValidStructure(), *filter(None, [policy.check]))
        )
        return cls(policy, _face(policy), _face(own), planners, gate, join, max_steps)

    def checkpointed(self) -> DecomposerSettings:
        """Return the settings with graphs that a checkpointer stores.

        Then calls that an interrupted step made are not repeated, as with the router's own graph.
        """
        return replace(
            self,
            face=_face(self.policy, checkpointed=True),
            steps=_face(self.steps.policy, checkpointed=True),
        )

    def joiner(self, plan: Plan) -> Tier | None:
        """Return the tier that joins a plan's answers; `None` for the template."""
        if self.join == "template" or (self.join == "auto" and plan.independent):
            return None
        return self.policy.ladder[0] if self.join == "auto" else self.policy.ladder.named(self.join)

    def planning_tier(self, planner: Any) -> Tier | None:
        """Return the tier that prices a planner's call; `None` where it makes none that is known."""
        if not isinstance(planner, ChatPlanner):
            return None
        if planner.model is not None:
            return Tier(planner.model, "planner")
        return self.policy.ladder.named(planner.tier) if planner.tier else self.policy.ladder[-1]


def _face(policy: Any, checkpointed: bool = False) -> GraphRunner:
    build = partial(build_graph, policy, checkpointer=None if checkpointed else False)
    return GraphRunner(cache(build), policy, checkpointed)


def _planner(given: Any, tiers: Sequence[str]) -> Any:
    if given == "structure":
        return StructuralPlanner()
    if given == "chat":
        return ChatPlanner()
    if isinstance(given, ChatPlanner) and given.tier is not None and given.tier not in tiers:
        raise ConfigurationError(
            f"ChatPlanner(tier={given.tier!r}): the router's tiers are {', '.join(tiers)}."
        )
    if not isinstance(given, ChatPlanner) and not callable(given):
        raise ConfigurationError(
            f"planner= holds {given!r}; give {' or '.join(map(repr, PLANNERS))}, a ChatPlanner, a "
            "callable from the request's text to a Plan or None, or a list of them."
        )
    return given


def planner_name(planner: Any) -> str:
    """Return a planner's name, for records."""
    if isinstance(planner, ChatPlanner | StructuralPlanner):
        return repr(planner)
    return str(getattr(planner, "__name__", type(planner).__name__))
