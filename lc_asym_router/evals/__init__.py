"""Evaluation on recorded and on live answers, calibration, training (extra: `evals`)."""

from __future__ import annotations

from lc_asym_router._lazy import lazy_exports

__all__ = [
    "Answer",
    "DataError",
    "Evaluation",
    "LiveEvaluation",
    "Row",
    "Target",
    "aevaluate",
    "apgr",
    "arecord_tiers",
    "auroc",
    "bootstrap",
    "calibrate",
    "calibrate_settings",
    "curve",
    "evaluate",
    "evaluate_offline",
    "load",
    "pgr",
    "record_tiers",
    "same_final_answer",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Answer": "data",
        "DataError": "data",
        "Evaluation": "offline",
        "LiveEvaluation": "results",
        "Row": "data",
        "Target": "calibrating",
        "aevaluate": "live",
        "apgr": "metrics",
        "arecord_tiers": "live",
        "auroc": "metrics",
        "bootstrap": "metrics",
        "calibrate": "calibrating",
        "calibrate_settings": "calibrating",
        "curve": "metrics",
        "evaluate": "live",
        "evaluate_offline": "offline",
        "load": "data",
        "pgr": "metrics",
        "record_tiers": "live",
        "same_final_answer": "graders",
    },
)
