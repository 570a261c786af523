"""Many requests: from files and data frames, with each row's answer once in the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.batch.batching import BatchResult as BatchResult
    from lc_asym_router.batch.batching import arun as arun
    from lc_asym_router.batch.batching import run as run

_HOMES = {
    "BatchResult": ".batching",
    "arun": ".batching",
    "run": ".batching",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
