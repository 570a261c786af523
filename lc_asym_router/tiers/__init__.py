"""Tiers: the models, their providers' properties, and the handling of their failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.tiers.faults.breaker import Breaker as Breaker
    from lc_asym_router.tiers.faults.retry import Retry as Retry
    from lc_asym_router.tiers.ladder import Ladder as Ladder
    from lc_asym_router.tiers.tier import Tier as Tier

_HOMES = {
    "Breaker": ".faults.breaker",
    "Ladder": ".ladder",
    "Retry": ".faults.retry",
    "Tier": ".tier",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
