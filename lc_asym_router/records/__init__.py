"""Data about a request: the request itself, its decision, its calls, and its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.records.call import Call as Call
    from lc_asym_router.records.handlers import FinishedAudit as FinishedAudit
    from lc_asym_router.records.handlers import FinishedRequest as FinishedRequest
    from lc_asym_router.records.record import Record as Record
    from lc_asym_router.records.request import Request as Request
    from lc_asym_router.records.trail import Decision as Decision
    from lc_asym_router.records.trail import Trail as Trail

_HOMES = {
    "Call": ".call",
    "Decision": ".trail",
    "FinishedAudit": ".handlers",
    "FinishedRequest": ".handlers",
    "Record": ".record",
    "Request": ".request",
    "Trail": ".trail",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
