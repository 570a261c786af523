"""Evaluation on recorded and on live answers, calibration, training (extra: `evals`)."""

from __future__ import annotations

from lc_asym_router._lazy import lazy_exports

__all__ = [
    "Answer",
    "CascadePrices",
    "DataError",
    "Evaluation",
    "LiveEvaluation",
    "Row",
    "Target",
    "aevaluate",
    "apgr",
    "arecord_tiers",
    "auroc",
    "best_joint",
    "bootstrap",
    "calibrate",
    "calibrate_settings",
    "cascade_report",
    "curve",
    "evaluate",
    "evaluate_offline",
    "load",
    "pgr",
    "record_tiers",
    "replay_router",
    "same_final_answer",
    "simulate",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Answer": "data",
        "CascadePrices": "cascade",
        "DataError": "data",
        "Evaluation": "offline",
        "LiveEvaluation": "results",
        "Row": "data",
        "Target": "search",
        "aevaluate": "live",
        "apgr": "metrics",
        "arecord_tiers": "live",
        "auroc": "metrics",
        "best_joint": "policy",
        "bootstrap": "metrics",
        "calibrate": "calibrating",
        "calibrate_settings": "calibrating",
        "cascade_report": "cascade",
        "curve": "metrics",
        "evaluate": "live",
        "evaluate_offline": "offline",
        "load": "data",
        "pgr": "metrics",
        "record_tiers": "live",
        "replay_router": "replay",
        "same_final_answer": "graders",
        "simulate": "cascade",
    },
)
