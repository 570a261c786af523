"""Classifiers: estimate whether a request needs more than the small tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.classify.cached import DecisionCache as DecisionCache
    from lc_asym_router.classify.calibration import Calibration as Calibration
    from lc_asym_router.classify.chat_decision_model import ChatDecisionModel as ChatDecisionModel
    from lc_asym_router.classify.embedding import EmbeddingClassifier as EmbeddingClassifier
    from lc_asym_router.classify.judge_classifier import JudgeClassifier as JudgeClassifier
    from lc_asym_router.classify.keyword import KeywordClassifier as KeywordClassifier
    from lc_asym_router.classify.kind_classifier import KindClassifier as KindClassifier
    from lc_asym_router.classify.learned_classifier import LearnedClassifier as LearnedClassifier

_HOMES = {
    "Calibration": ".calibration",
    "ChatDecisionModel": ".chat_decision_model",
    "DecisionCache": ".cached",
    "EmbeddingClassifier": ".embedding",
    "JudgeClassifier": ".judge_classifier",
    "KeywordClassifier": ".keyword",
    "KindClassifier": ".kind_classifier",
    "LearnedClassifier": ".learned_classifier",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
