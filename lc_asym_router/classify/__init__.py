"""Classifiers: how likely is it that a request needs more than the small tier?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._lazy import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.classify.chat import ChatDecisionModel as ChatDecisionModel
    from lc_asym_router.classify.judge import JudgeClassifier as JudgeClassifier
    from lc_asym_router.classify.keyword import KeywordClassifier as KeywordClassifier
    from lc_asym_router.classify.learned import LearnedClassifier as LearnedClassifier

__all__ = ["ChatDecisionModel", "JudgeClassifier", "KeywordClassifier", "LearnedClassifier"]

__getattr__ = lazy_exports(
    __name__,
    {
        "ChatDecisionModel": "chat",
        "JudgeClassifier": "judge",
        "KeywordClassifier": "keyword",
        "LearnedClassifier": "learned",
    },
)
