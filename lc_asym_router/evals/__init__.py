"""Evaluation on recorded and on live answers, calibration, and training (extra: `evals`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.errors import DataError as DataError
    from lc_asym_router.evals.calibrating import calibrate as calibrate
    from lc_asym_router.evals.calibrating import calibrate_rungs as calibrate_rungs
    from lc_asym_router.evals.calibrating import calibrate_settings as calibrate_settings
    from lc_asym_router.evals.cascade import CascadePrices as CascadePrices
    from lc_asym_router.evals.cascade import cascade_report as cascade_report
    from lc_asym_router.evals.cascade import simulate as simulate
    from lc_asym_router.evals.check_thresholds import best_joint as best_joint
    from lc_asym_router.evals.data import Answer as Answer
    from lc_asym_router.evals.data import Row as Row
    from lc_asym_router.evals.data import load as load
    from lc_asym_router.evals.data import save as save
    from lc_asym_router.evals.example import same_final_answer as same_final_answer
    from lc_asym_router.evals.live_evaluation import LiveEvaluation as LiveEvaluation
    from lc_asym_router.evals.live_evaluation import aevaluate as aevaluate
    from lc_asym_router.evals.live_evaluation import arecord_tiers as arecord_tiers
    from lc_asym_router.evals.live_evaluation import evaluate as evaluate
    from lc_asym_router.evals.live_evaluation import record_tiers as record_tiers
    from lc_asym_router.evals.metrics import apgr as apgr
    from lc_asym_router.evals.metrics import auroc as auroc
    from lc_asym_router.evals.metrics import bootstrap as bootstrap
    from lc_asym_router.evals.metrics import curve as curve
    from lc_asym_router.evals.metrics import pgr as pgr
    from lc_asym_router.evals.offline import Evaluation as Evaluation
    from lc_asym_router.evals.offline import evaluate_offline as evaluate_offline
    from lc_asym_router.evals.recorded_votes import vote_report as vote_report
    from lc_asym_router.evals.replay import replay_router as replay_router
    from lc_asym_router.evals.search import Target as Target
    from lc_asym_router.evals.three_tiers import ladder_report as ladder_report

_HOMES = {
    "Answer": ".data",
    "CascadePrices": ".cascade",
    "DataError": "lc_asym_router.errors",
    "Evaluation": ".offline",
    "LiveEvaluation": ".live_evaluation",
    "Row": ".data",
    "Target": ".search",
    "aevaluate": ".live_evaluation",
    "apgr": ".metrics",
    "arecord_tiers": ".live_evaluation",
    "auroc": ".metrics",
    "best_joint": ".check_thresholds",
    "bootstrap": ".metrics",
    "calibrate": ".calibrating",
    "calibrate_rungs": ".calibrating",
    "calibrate_settings": ".calibrating",
    "cascade_report": ".cascade",
    "curve": ".metrics",
    "evaluate": ".live_evaluation",
    "evaluate_offline": ".offline",
    "ladder_report": ".three_tiers",
    "load": ".data",
    "pgr": ".metrics",
    "record_tiers": ".live_evaluation",
    "replay_router": ".replay",
    "same_final_answer": ".example",
    "save": ".data",
    "simulate": ".cascade",
    "vote_report": ".recorded_votes",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
