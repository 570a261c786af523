"""Words that mark a request as complex, by language. Data, not code.

`ARTICLE_WORDS` are the four English words of the original rule. `WORDS` gives for each language
(ISO 639-1) what the forms of those four have in common: a text that holds one of them asks to
refactor, optimize, analyze or debug. Translated by hand.

`ASKING_WORDS` are those of them that stand in texts, too, that are given along with a simple request
(papers analyze, and in many languages the verb begins as the noun does). They count only where a
request asks: at a word's beginning, near the request's own beginning or end.
"""

from __future__ import annotations

ARTICLE_WORDS = ("refactor", "optimize", "analyze", "debug")

_PLAIN: dict[str, tuple[str, ...]] = {
    "en": (*ARTICLE_WORDS, "optimizing", "optimise", "optimising", "analyzing"),
    "zh": ("重构代码", "重構", "优化", "優化", "调试", "調試", "除错", "除錯", "偵錯"),
    "es": ("refactoriz", "refactoric", "refactoríc", "optimic", "optimíc", "optimíz", "depúr"),
    "hi": ("रीफैक्टर", "रिफैक्टर", "रीफ़ैक्टर", "रिफ़ैक्टर", "ऑप्टिमाइज़", "ऑप्टिमाइज", "डीबग", "डिबग"),
    "ar": (
        *("إعادة هيكلة الكود", "أعد هيكلة", "اعد هيكلة", "إعادة بناء الكود", "أعد بناء الكود"),
        *("حسن أداء", "حسّن", "تحسين أداء", "تحسين الكود", "حسن الكود", "تنقيح الكود", "نقّح"),
        *("صحح الأخطاء", "صحح أخطاء", "أصلح أخطاء", "تصحيح أخطاء", "تصحيح الأخطاء"),
    ),
    "pt": ("refator", "otimiz", "otimis"),
    "bn": ("রিফ্যাক্টর", "রিফেক্টর", "অপ্টিমাইজ", "অপটিমাইজ", "ডিবাগ"),
    "ru": ("рефактор", "оптимизируй", "отлад", "отлаж", "дебаг", "дебаж"),
    "ja": ("リファクタ", "最適化", "デバッグ", "デバグ"),
    "de": ("refaktor", "refactor", "optimier", "debug", "fehlersuche"),
    "fr": ("refactor", "optimise", "optimisons", "optimisant", "débog", "débug", "debog"),
    "tr": (
        "refaktör",
        "refactor",
        "optimize",
        "eniyile",
        "hata ayıkla",
        "hataları ayıkla",
        "hatalarını ayıkla",
    ),
    "ko": ("리팩터", "리팩토", "최적화", "디버그", "디버깅"),
    "vi": ("tái cấu trúc mã", "tối ưu hóa", "tối ưu hoá", "gỡ lỗi", "debug"),
    "it": ("refactor", "rifattorizz", "ottimizz", "debug"),
    "pl": ("refaktor", "optymaliz", "debug", "odplusk"),
    "uk": ("рефактор", "оптимізуй", "оптимізувати", "відлаго", "зневадь", "зневадж", "дебаг"),
    "nl": ("refactor", "optimaliseer", "optimaliser", "debug"),
    "th": (
        *("รีแฟกเตอร์", "รีแฟคเตอร์", "รีแฟกเตอริง", "ปรับโครงสร้างโค้ด", "ออปติไมซ์"),
        *("ดีบัก", "ดีบั๊ก", "แก้บั๊ก", "แก้ไขบั๊ก", "แก้ไขจุดบกพร่อง"),
    ),
    "id": ("refaktor", "optimalkan", "mengoptimal", "optimisasi", "debug", "awakutu"),
}

_ASKING: dict[str, tuple[str, ...]] = {
    "en": ("analyse", "analysing"),
    "zh": (
        *(
            "重构",
            "请分析",
            "请你分析",
            "請分析",
            "我分析",
            "帮忙分析",
            "来分析",
            "并分析",
            "分析一",
        ),
        *(
            "分析下",
            "分析这",
            "分析這",
            "分析我",
            "分析该",
            "分析此",
            "分析它",
            "分析其",
            "分析代码",
        ),
        *(
            "分析程序",
            "分析性能",
            "分析为什么",
            "分析算法",
            "分析日志",
            "分析错误",
            "分析原因",
            "分析函数",
        ),
        *(
            "分析系统",
            "分析上",
            "分析给",
            "分析并",
            "分析：",
            "进行分析",
            "分析以",
            "分析数据",
            "分析程式",
        ),
    ),
    "es": ("optimiz", "analiz", "analic", "analíz", "analíc", "depura", "depure"),
    "hi": ("विश्लेषण", "एनालाइज", "अनुकूलित"),
    "ar": ("إعادة هيكلة", "تحسين", "حلّل", "حلل", "تحليل", "بتحليل", "لتحليل", "بتحسين"),
    "pt": ("optimiz", "analisar", "analise", "analisan", "analisem", "depura", "depure"),
    "bn": ("বিশ্লেষণ",),
    "ru": ("оптимизир", "оптимизаци", "анализир", "проанализир"),
    "ja": (
        "分析し",
        "分析せ",
        "分析を",
        "分析お",
        "分析する",
        "解析し",
        "解析せ",
        "解析を",
        "解析する",
    ),
    "de": ("analysier",),
    "fr": (
        "analyse",
        "analyser",
        "analysons",
        "analysant",
        "remanier",
        "remaniez",
        "remanie ce",
        "remanie le",
        "remanie la",
        "remanie mon",
    ),
    "tr": (
        "yeniden düzenle",
        "yeniden yapılandır",
        "optimiz",
        "analiz et",
        "analiz ed",
        "analizini",
        "çözümle",
    ),
    "ko": ("분석",),
    "vi": ("tái cấu trúc", "tối ưu", "phân tích"),
    "it": ("analizz",),
    "pl": ("analiz", "przeanaliz", "zanaliz"),
    "uk": ("оптиміз", "аналізу", "проаналізу", "налагодь", "налагодити", "налагодж"),
    "nl": ("analyseer", "analyser"),
    "th": (
        *("ปรับให้เหมาะสม", "เพิ่มประสิทธิภาพ", "ช่วยเพิ่มประสิทธิภาพโค้ด", "วิเคราะห์", "ช่วยวิเคราะห์"),
        *("โปรดวิเคราะห์", "กรุณาวิเคราะห์", "จงวิเคราะห์", "ให้วิเคราะห์", "มาวิเคราะห์", "และวิเคราะห์"),
        *("อยากวิเคราะห์", "ต้องวิเคราะห์", "ต้องการวิเคราะห์", "ลองวิเคราะห์", "คุณวิเคราะห์", "ทำการวิเคราะห์"),
    ),
    "id": ("optimasi", "analisis", "analisa", "menganalis"),
}

WORDS = {language: (*_PLAIN[language], *_ASKING[language]) for language in _PLAIN}
ASKING_WORDS = frozenset(word for words in _ASKING.values() for word in words)
ALL_WORDS = tuple(dict.fromkeys(word for words in WORDS.values() for word in words))
"""The words of all languages, each once, English first."""
