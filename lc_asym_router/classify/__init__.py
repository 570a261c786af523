"""Classifiers: how likely is it that a request needs more than the small tier?"""

from __future__ import annotations

from lc_asym_router._lazy import lazy_exports

__all__ = [
    "ChatDecisionModel",
    "JudgeClassifier",
    "KeywordClassifier",
    "KindClassifier",
    "LearnedClassifier",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ChatDecisionModel": "chat",
        "JudgeClassifier": "judge",
        "KeywordClassifier": "keyword",
        "KindClassifier": "kind_classifier",
        "LearnedClassifier": "learned",
    },
)
