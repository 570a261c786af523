"""Many requests: from files and data frames, with each row's answer once in the output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.batch.batch_api import BatchAPI as BatchAPI
    from lc_asym_router.batch.batching import arun as arun
    from lc_asym_router.batch.batching import run as run
    from lc_asym_router.batch.on_ray import ray as ray
    from lc_asym_router.batch.results import BatchResult as BatchResult

_HOMES = {
    "BatchAPI": ".batch_api",
    "BatchResult": ".results",
    "arun": ".batching",
    "ray": ".on_ray",
    "run": ".batching",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
