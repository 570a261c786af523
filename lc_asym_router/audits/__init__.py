"""Audits: ask the last tier besides, to learn what routing loses, with a bound on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.audits.audit import Audit as Audit
    from lc_asym_router.audits.audit import Rung as Rung
    from lc_asym_router.audits.bound import Stratum as Stratum
    from lc_asym_router.audits.bound import audits_to_show as audits_to_show
    from lc_asym_router.audits.bound import log_evidence as log_evidence
    from lc_asym_router.audits.bound import lower_bound as lower_bound
    from lc_asym_router.audits.bound import upper_bound as upper_bound
    from lc_asym_router.audits.comparison import PairJudge as PairJudge
    from lc_asym_router.audits.comparison import PairOutcome as PairOutcome
    from lc_asym_router.audits.comparison import compare_pair as compare_pair
    from lc_asym_router.audits.counts import AuditGroup as AuditGroup
    from lc_asym_router.audits.counts import AuditReport as AuditReport
    from lc_asym_router.audits.counts import Rate as Rate
    from lc_asym_router.audits.shadow import Shadow as Shadow
    from lc_asym_router.audits.target_report import RungFigures as RungFigures
    from lc_asym_router.audits.target_report import TargetReport as TargetReport

_HOMES = {
    "Audit": ".audit",
    "AuditGroup": ".counts",
    "AuditReport": ".counts",
    "PairJudge": ".comparison",
    "PairOutcome": ".comparison",
    "Rate": ".counts",
    "Rung": ".audit",
    "RungFigures": ".target_report",
    "Shadow": ".shadow",
    "Stratum": ".bound",
    "TargetReport": ".target_report",
    "audits_to_show": ".bound",
    "compare_pair": ".comparison",
    "log_evidence": ".bound",
    "lower_bound": ".bound",
    "upper_bound": ".bound",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
