"""Split a complex request, route each part to a tier, and join the answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.decompose.chat_planner import ChatPlanner as ChatPlanner
    from lc_asym_router.decompose.decomposer import Decomposer as Decomposer
    from lc_asym_router.decompose.drawing import ascii_drawing as ascii_drawing
    from lc_asym_router.decompose.drawing import mermaid as mermaid
    from lc_asym_router.decompose.gate import Estimate as Estimate
    from lc_asym_router.decompose.gate import Gate as Gate
    from lc_asym_router.decompose.mapping import Mapped as Mapped
    from lc_asym_router.decompose.plan import Plan as Plan
    from lc_asym_router.decompose.plan import Step as Step
    from lc_asym_router.decompose.splitting.planner import StructuralPlanner as StructuralPlanner
    from lc_asym_router.errors import PlanError as PlanError

_HOMES = {
    "ChatPlanner": ".chat_planner",
    "Decomposer": ".decomposer",
    "Estimate": ".gate",
    "Gate": ".gate",
    "Mapped": ".mapping",
    "Plan": ".plan",
    "PlanError": "lc_asym_router.errors",
    "Step": ".plan",
    "StructuralPlanner": ".splitting.planner",
    "ascii_drawing": ".drawing",
    "mermaid": ".drawing",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
