"""Observe requests: OpenTelemetry spans and metrics, structured logs, and drift of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.observe.drift import DriftWatch as DriftWatch
    from lc_asym_router.observe.logs import RequestLog as RequestLog
    from lc_asym_router.observe.otel import OpenTelemetry as OpenTelemetry

_HOMES = {
    "DriftWatch": ".drift",
    "OpenTelemetry": ".otel",
    "RequestLog": ".logs",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
