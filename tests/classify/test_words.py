"""The article's four words, inflected, in twenty languages; and words that only look like them."""

from __future__ import annotations

import pytest

from lc_asym_router import ConfigurationError
from lc_asym_router.classify.keyword import KeywordClassifier
from lc_asym_router.classify.words import ALL_WORDS, ARTICLE_WORDS, ASKING_WORDS, WORDS
from tests.classify.language_rows import COMPLEX, SIMPLE

ASKS = {
    "en": [
        "Refactor this class.",
        "I am refactoring a module.",
        "Optimizing this query is hard",
        "Please optimise it.",
        "Analyze the data.",
        "Could you analyse this?",
        "Debugging a deadlock",
    ],
    "zh": [
        "请重构这个函数",
        "帮我优化這段代码",
        "分析这段代码的复杂度",
        "請分析這個問題",
        "如何调试这个程序",
        "幫我除錯",
    ],
    "es": [
        "Refactoriza esta clase",
        "¿Puedes refactorizar esto?",
        "Optimiza la consulta",
        "Optimice este código",
        "Analiza los datos",
        "Analice el texto",
        "Depura este programa",
        "Ayúdame a depurar esto",
    ],
    "hi": [
        "इस कोड को रीफैक्टर करें",
        "इस क्वेरी को ऑप्टिमाइज़ करें",
        "डेटा का विश्लेषण करें",
        "इस प्रोग्राम को डीबग करो",
    ],
    "ar": [
        "أعد هيكلة هذا الكود",
        "حسّن هذا الاستعلام",
        "حلل هذه البيانات",
        "قم بتحليل النص",
        "قم بتحسين الأداء",
        "صحح أخطاء البرنامج",
    ],
    "pt": [
        "Refatore esta classe",
        "Pode refatorar isto?",
        "Otimize a consulta",
        "Analise os dados",
        "Ajude-me a analisar isto",
        "Depure este programa",
    ],
    "bn": ["এই কোডটি রিফ্যাক্টর করুন", "কোয়েরি অপ্টিমাইজ করুন", "তথ্য বিশ্লেষণ করুন", "প্রোগ্রামটি ডিবাগ করুন"],
    "ru": [
        "Отрефактори этот класс",
        "Нужен рефакторинг модуля",
        "Оптимизируйте запрос",
        "Проанализируй данные",
        "Помоги проанализировать текст",
        "Отладь программу",
        "Как отлаживать это?",
    ],
    "ja": [
        "このクラスをリファクタリングして",
        "クエリを最適化してください",
        "データを分析してください",
        "このプログラムをデバッグして",
    ],
    "de": [
        "Refaktoriere diese Klasse",
        "Optimiere die Abfrage",
        "Kannst du das optimieren?",
        "Bitte analysieren Sie die Daten",
        "Analysiere den Text",
        "Debugge das Programm",
        "Hilf mir bei der Fehlersuche",
    ],
    "fr": [
        "Refactorise cette classe",
        "Remanie ce module",
        "Optimise la requête",
        "Pouvez-vous optimiser ceci ?",
        "Analysez les données",
        "Analyse ce texte",
        "Débogue ce programme",
        "Aide-moi à déboguer",
    ],
    "tr": [
        "Bu sınıfı yeniden düzenle",
        "Sorguyu optimize et",
        "Verileri analiz edin",
        "Bu programda hata ayıkla",
    ],
    "ko": [
        "이 클래스를 리팩터링해 줘",
        "쿼리를 최적화해 주세요",
        "데이터를 분석해 주세요",
        "이 프로그램을 디버깅해",
    ],
    "vi": [
        "Tái cấu trúc lớp này",
        "Hãy tối ưu hóa truy vấn",
        "Phân tích dữ liệu này",
        "Gỡ lỗi chương trình này",
    ],
    "it": [
        "Esegui il refactoring di questa classe",
        "Ottimizza la query",
        "Puoi ottimizzare questo?",
        "Analizza i dati",
        "Analizzate il testo",
        "Esegui il debug del programma",
    ],
    "pl": [
        "Zrefaktoryzuj tę klasę",
        "Zoptymalizuj zapytanie",
        "Przeanalizuj dane",
        "Pomóż mi zdebugować program",
        "Jak debugować to?",
    ],
    "uk": [
        "Зроби рефакторинг класу",
        "Оптимізуй запит",
        "Проаналізуй дані",
        "Проаналізуйте текст",
        "Налагодь програму",
        "Як відлагодити це?",
    ],
    "nl": [
        "Refactor deze klasse",
        "Optimaliseer de query",
        "Kun je dit optimaliseren?",
        "Analyseer de gegevens",
        "Debug dit programma",
    ],
    "th": ["รีแฟกเตอร์คลาสนี้", "ปรับให้เหมาะสม", "วิเคราะห์ข้อมูลนี้", "ช่วยวิเคราะห์โค้ดนี้", "ดีบักโปรแกรมนี้"],
    "id": [
        "Refaktor kelas ini",
        "Optimalkan kueri ini",
        "Tolong analisis data ini",
        "Bantu saya menganalisis teks",
        "Debug program ini",
    ],
}


@pytest.mark.parametrize("language", ASKS)
def test_each_language_asks_for_the_four(language):
    for classifier in (KeywordClassifier(), KeywordClassifier.for_languages(language)):
        assert [text for text in ASKS[language] if not classifier.found(text)] == []


def test_there_are_words_for_all_languages():
    assert WORDS.keys() == ASKS.keys()
    assert set(ARTICLE_WORDS) <= set(ALL_WORDS)
    assert set(ALL_WORDS) > ASKING_WORDS
    assert not ASKING_WORDS & set(ARTICLE_WORDS)
    assert all(word == word.lower() for word in ALL_WORDS)


@pytest.mark.parametrize("language", WORDS)
def test_simple_requests_raise_at_most_one_alarm_in_a_hundred(language):
    alarms = [text for text in SIMPLE[language] if KeywordClassifier().found(text)]
    assert len(alarms) <= len(SIMPLE[language]) / 100, alarms


@pytest.mark.parametrize("language", WORDS)
def test_inflected_requests_are_found(language):
    for classifier in (KeywordClassifier(), KeywordClassifier.for_languages(language, "en")):
        assert [text for text in COMPLEX[language] if not classifier.found(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "Phân tích nhật ký này giúp tôi",
        "Analisis log ini",
        "Berikan saran pengoptimalan kueri",
        "ปรับปรุงประสิทธิภาพโค้ดนี้",
        "Dit moet worden geanalyseerd",
        "صحح أخطاء هذا البرنامج",
    ],
)
def test_an_order_that_a_text_begins_with(text):
    assert KeywordClassifier().found(text)


@pytest.mark.parametrize(
    "text",
    [
        "La canalisation de la rue est bouchée.",
        "Die Kanalisation ist alt.",
        "Who is the analyst of the bank?",
        "She is an optimist.",
        "Un analista del banco me llamó.",
        "Le remaniement du gouvernement est terminé.",
        "What is the capital of France?",
        "今天天气怎么样",
        "数据分析师的工资是多少",
        "明日の天気は",
        "오늘 날씨 어때?",
        "Hava bugün nasıl?",
        "พรุ่งนี้ฝนจะตกไหม",
    ],
)
def test_words_that_look_alike_are_none(text):
    assert not KeywordClassifier().found(text)


def test_a_text_that_is_given_along_does_not_ask():
    along = "Die Forscher haben viel zu tun. " * 3 + "Sie analysieren Proben. " + "Es regnet. " * 20
    assert not KeywordClassifier().found(f"{along}\n\nWo regnet es?")
    assert KeywordClassifier().found(f"{along}\n\nAnalysiere den Text.")
    assert KeywordClassifier().found(f"Analysiere das:\n\n{along}")
    # The article's own words count wherever they stand.
    assert KeywordClassifier().found(f"{along} They analyze samples. {along}")


def test_own_words_are_looked_for_anywhere():
    own = KeywordClassifier(words=["analysier", "分析"])
    assert own.asking_words == frozenset()
    assert own.found("x" * 100 + "analysieren" + "y" * 500) == {"analysier": 1.0}
    assert own.found("x" * 100 + "数据分析师" + "y" * 500) == {"分析": 1.0}
    asking = KeywordClassifier(words=["plan"], asking_words=["plan"])
    assert asking.found("plan a trip")
    assert not asking.found("explanation")
    assert not asking.found("x " * 100 + "plan" + " y" * 500)


def test_words_in_thai_have_no_ends():
    assert KeywordClassifier(words=["ดีบัก"], whole_words=True).found("ช่วยดีบักโปรแกรม")


def test_a_language_without_words_is_an_error():
    with pytest.raises(ConfigurationError, match="no words for xx"):
        KeywordClassifier.for_languages("xx")
