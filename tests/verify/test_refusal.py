"""Refusals in twenty languages, and answers that only say that no tool fits."""

from __future__ import annotations

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage

from lc_asym_router import Attempt
from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.records.request import Request
from lc_asym_router.verify import Refusal
from lc_asym_router.verify.attempt import Prefix


def get_weather(city: str) -> str:
    """Weather of a city."""
    return city


def request(*, tools: bool) -> Request:
    return Request(
        messages=(HumanMessage("q"),), tools=ToolBinding((get_weather,)) if tools else None
    )


def passes(text: str, *, tools: bool = False) -> bool:
    message = AIMessage(text)
    return (
        Refusal()
        .check(Attempt(tier="small", model="m", message=message, request=request(tools=tools)))
        .passed
    )


REFUSALS = {
    "en": ["I'm sorry, but I can't assist with that.", "I must decline."],
    "zh": ["抱歉，我无法满足这个请求。", "很抱歉，这个请求我不能完成。", "對不起，我無法回答"],
    "es": ["Lo siento, pero no puedo ayudarte con eso.", "Lo lamento, con eso no puedo ayudar."],
    "hi": ["क्षमा करें, मैं इसमें मदद नहीं कर सकता।", "मुझे खेद है, मैं यह जानकारी नहीं दे सकता।"],
    "ar": ["عذراً، لا أستطيع مساعدتك في ذلك.", "لا يمكنني تقديم هذه المعلومات."],
    "pt": ["Desculpe, mas não posso ajudar com isso.", "Sinto muito, com isso não consigo ajudar."],
    "bn": ["দুঃখিত, আমি এই অনুরোধে সাহায্য করতে পারব না।", "আমি দুঃখিত, আমি এটা করতে পারছি না।"],
    "ru": ["Извините, но я не могу помочь с этим.", "К сожалению, я не смогу это сделать."],
    "ja": [
        "申し訳ありませんが、そのリクエストにはお応えできません。",
        "すみませんが、お手伝いできません。",
    ],
    "de": [
        "Es tut mir leid, aber dabei kann ich nicht helfen.",
        "Tut mir leid, ich kann das nicht.",
        "Tut mir leid, das kann ich nicht.",
    ],
    "fr": [
        "Je suis désolée, mais je ne peux pas répondre.",
        "Désolé, avec cela je ne peux pas aider.",
    ],
    "tr": ["Üzgünüm, bu konuda yardımcı olamam.", "Maalesef bu isteğe cevap veremem."],
    "ko": ["죄송합니다. 도와드릴 수 없습니다.", "죄송하지만 그 요청은 들어드릴 수 없습니다."],
    "vi": ["Xin lỗi, tôi không thể giúp bạn việc này.", "Tôi không thể hỗ trợ yêu cầu này."],
    "it": ["Mi dispiace, ma non posso aiutarti.", "Mi spiace, con questo non posso aiutare."],
    "pl": ["Przepraszam, ale nie mogę w tym pomóc.", "Niestety nie jestem w stanie pomóc."],
    "uk": ["Вибачте, але я не можу допомогти з цим.", "На жаль, я не зможу це зробити."],
    "nl": ["Het spijt me, maar daar kan ik niet mee helpen.", "Sorry, dat kan ik niet doen."],
    "th": ["ขออภัย ฉันไม่สามารถช่วยเรื่องนี้ได้", "ขอโทษครับ ผมไม่สามารถตอบได้"],
    "id": [
        "Maaf, saya tidak bisa membantu dengan itu.",
        "Mohon maaf, itu tidak dapat saya lakukan.",
    ],
}


@pytest.mark.parametrize("language", REFUSALS)
@pytest.mark.parametrize("tools", [False, True])
def test_a_refusal_fails_in_each_language(language, tools):
    assert [text for text in REFUSALS[language] if passes(text, tools=tools)] == []


@pytest.mark.parametrize(
    "text",
    [
        "作为一个人工智能，我无法这样做。",
        "Como modelo de lenguaje, no puedo hacerlo.",
        "Als KI-Modell kann ich das nicht tun.",
        "En tant que modèle de langage, je ne peux pas vous aider.",
        "Como modelo de linguagem, não posso ajudar com isso.",
        "Come modello linguistico, non posso farlo.",
    ],
)
def test_a_model_that_says_what_it_is_and_refuses(text):
    assert not passes(text)


@pytest.mark.parametrize(
    "text",
    [
        "Sorry",
        "I'm sorry for your loss.",
        "抱歉让你久等了，答案是7。",
        "Lo siento por la espera. La respuesta es 7.",
        "Entschuldigung heißt auf Englisch 'sorry'.",
        "К сожалению, ответ неверен: правильно 7.",
        "申し訳ありません、前の答えは間違いでした。正しくは7です。",
        "죄송합니다, 답은 7입니다.",
        "Maaf artinya 'sorry'.",
        "ขออภัยในความล่าช้า คำตอบคือ 7",
        "Üzgünüm kelimesi 'sorry' demektir.",
        "Xin lỗi vì chậm trễ, đáp án là 7.",
    ],
)
def test_an_apology_alone_is_no_refusal(text):
    assert passes(text)


NO_TOOL = [
    "I'm sorry, but I can't book a flight: none of the available tools does.",
    "I cannot answer this with the functions that I have. I can only look up the weather.",
    "I don't have access to real-time prices. A financial website has them.",
    "I'm unable to give sunset times, as the function provided is for sunrise times.",
    "Es tut mir leid, aber ich kann dir dabei nicht helfen: keines der Werkzeuge passt dazu.",
    "Lo siento, pero no puedo hacerlo: ninguna de las herramientas sirve para eso.",
    "抱歉，我无法回答：现有的工具都不适用。",
    "申し訳ありませんが、利用できるツールではお答えできません。",
    "Извините, я не могу ответить: ни один инструмент не подходит.",
    "죄송하지만 제공된 도구로는 답할 수 없습니다.",
]


@pytest.mark.parametrize("text", NO_TOOL)
def test_that_no_tool_fits_is_an_answer_where_tools_are_bound(text):
    assert passes(text, tools=True)
    assert not passes(text, tools=False)


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that, it is against my guidelines. The tools are for good.",
        "I'm sorry, but I can't assist with that request.",
        "I cannot provide instructions that give access to another's account.",
        "I must decline: the tool would be used for something illegal.",
    ],
)
def test_a_refusal_by_a_rule_fails_with_tools_too(text):
    assert not passes(text, tools=True)


NO_TOOL_IN = {
    "zh": "对不起，我无法预订：没有合适的工具。",
    "es": "Lo siento, no puedo reservar: ninguna herramienta disponible lo permite.",
    "hi": "क्षमा करें, मैं इसमें मदद नहीं कर सकता: कोई भी उपलब्ध टूल इसके लिए उपयुक्त नहीं है।",
    "ar": "عذراً، لا أستطيع مساعدتك في ذلك: لا توجد أداة مناسبة بين الأدوات المتاحة.",
    "pt": "Desculpe, mas não posso ajudar com isso: nenhuma das ferramentas serve.",
    "bn": "দুঃখিত, আমি এই অনুরোধে সাহায্য করতে পারব না: কোনো টুল এর জন্য উপযুক্ত নয়।",
    "ru": "Извините, но я не могу помочь с этим: среди доступных инструментов нет подходящего.",
    "ja": "申し訳ありませんが、お手伝いできません。適切なツールがありません。",
    "de": "Tut mir leid, das kann ich nicht: keine der verfügbaren Funktionen passt.",
    "fr": "Désolé, je ne peux pas aider : aucun des outils disponibles ne convient.",
    "tr": "Üzgünüm, bu konuda yardımcı olamam: mevcut araçların hiçbiri uygun değil.",
    "ko": "죄송합니다. 도와드릴 수 없습니다. 맞는 도구가 없습니다.",
    "vi": "Xin lỗi, tôi không thể giúp bạn việc này: không có công cụ nào phù hợp.",
    "it": "Mi dispiace, ma non posso aiutarti: nessuno degli strumenti è adatto.",
    "pl": "Przepraszam, ale nie mogę w tym pomóc: żadne z dostępnych narzędzi nie pasuje.",
    "uk": "Вибачте, але я не можу допомогти з цим: жоден інструмент не підходить.",
    "nl": "Het spijt me, maar daar kan ik niet mee helpen: geen van de tools past.",
    "th": "ขออภัย ฉันไม่สามารถช่วยเรื่องนี้ได้ เพราะไม่มีเครื่องมือที่เหมาะสม",
    "id": "Maaf, saya tidak bisa membantu dengan itu: tidak ada alat yang cocok.",
}
BY_RULE_IN = {
    "zh": "抱歉，我无法提供这个：它违法，这不是功能的问题。",
    "es": "Lo siento, pero no puedo ayudarte con eso: es ilegal, tenga las herramientas que tenga.",
    "hi": "क्षमा करें, मैं इसमें मदद नहीं कर सकता: यह अवैध है, कोई भी टूल हो।",
    "ar": "عذراً، لا أستطيع مساعدتك في ذلك: هذا غير قانوني مهما كانت الأدوات.",
    "pt": "Desculpe, mas não posso ajudar com isso: é ilegal, com ou sem ferramentas.",
    "bn": "দুঃখিত, আমি এই অনুরোধে সাহায্য করতে পারব না: এটা বেআইনি, টুল থাকলেও।",
    "ru": "Извините, но я не могу помочь с этим: это незаконно, какие бы инструменты ни были.",
    "ja": "申し訳ありませんが、お手伝いできません。違法であり、ツールの問題ではありません。",
    "de": "Tut mir leid, das kann ich nicht: es ist illegal, welche Werkzeuge ich auch habe.",
    "fr": "Désolé, avec cela je ne peux pas aider : c'est illégal, quels que soient les outils.",
    "tr": "Üzgünüm, bu konuda yardımcı olamam: araçlar ne olursa olsun bu yasa dışı.",
    "ko": "죄송합니다. 도와드릴 수 없습니다. 어떤 도구로도 불법입니다.",
    "vi": "Xin lỗi, tôi không thể giúp bạn việc này: dù có công cụ, đó là việc bất hợp pháp.",
    "it": "Mi dispiace, ma non posso aiutarti: è illegale, con qualunque strumento.",
    "pl": "Przepraszam, ale nie mogę w tym pomóc: to nielegalne, niezależnie od narzędzi.",
    "uk": "Вибачте, але я не можу допомогти з цим: це незаконно, хоч які інструменти.",
    "nl": "Het spijt me, maar daar kan ik niet mee helpen: het is illegaal, met welke tool ook.",
    "th": "ขออภัย ฉันไม่สามารถช่วยเรื่องนี้ได้ เพราะผิดกฎหมาย ไม่ว่าจะใช้เครื่องมือใด",
    "id": "Maaf, saya tidak bisa membantu dengan itu: itu ilegal, dengan alat apa pun.",
}


@pytest.mark.parametrize("language", NO_TOOL_IN)
def test_that_no_tool_fits_in_each_language(language):
    assert passes(NO_TOOL_IN[language], tools=True)
    assert not passes(NO_TOOL_IN[language], tools=False)


@pytest.mark.parametrize("language", BY_RULE_IN)
def test_a_refusal_by_a_rule_in_each_language(language):
    assert not passes(BY_RULE_IN[language], tools=True)


@pytest.mark.parametrize(("tools", "ended"), [(False, True), (True, False)])
def test_with_tools_a_beginning_alone_ends_no_stream(tools, ended):
    prefix = Prefix(request(tools=tools))
    prefix.add(AIMessageChunk("I'm sorry, but I can't help with that, "))
    assert (Refusal().early(prefix) is not None) == ended
    prefix.add(AIMessageChunk("it is wrong. " * 60))
    assert Refusal().early(prefix) is not None
