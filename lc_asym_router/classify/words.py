"""Words that mark a request as complex, by language. Data, not code.

`ARTICLE_WORDS` are the four of the article's rule. `WORDS` gives for each language (ISO 639-1) the
stems that a user of that language writes where the article has those four; translated by hand,
measured nowhere.
"""

from __future__ import annotations

ARTICLE_WORDS = ("refactor", "optimize", "analyze", "debug")

WORDS: dict[str, tuple[str, ...]] = {
    "en": (*ARTICLE_WORDS, "optimise", "analyse"),
    "de": ("refaktor", "optimier", "analysier", "debugg", "fehlersuche"),
    "fr": ("refactor", "remanier", "optimis", "analys", "débog", "débug"),
    "es": ("refactoriz", "optimiz", "optimic", "analiz", "analic", "depur"),
    "it": ("refactor", "ottimizz", "analizz", "debug"),
    "pt": ("refator", "otimiz", "otimis", "analis", "depur"),
    "nl": ("refactor", "optimaliseer", "analyseer", "debug"),
    "pl": ("refaktor", "optymaliz", "zoptymaliz", "analiz", "przeanaliz", "debug"),
    "ru": ("рефактор", "оптимизир", "анализир", "отлад"),
    "tr": ("yeniden düzenle", "optimize", "analiz", "hata ayıkla"),
    "zh": ("重构", "优化", "分析", "调试"),
    "ja": ("リファクタ", "最適化", "分析", "デバッグ"),
    "ko": ("리팩터", "리팩토", "최적화", "분석", "디버그", "디버깅"),
}
