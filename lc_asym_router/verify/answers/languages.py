"""Words of other languages beside a number, put as English has them: "mindestens 5" is "at least 5"."""

from __future__ import annotations

import re

from lc_asym_router.verify.answers.dates import without_points

_GAP = "[ \u00a0\u202f]?"
_NUMBER = r"(?=[-$€£¥]?\s?\d)"
_BOUNDS = r"(?=(?:at least|at most|more than|less than|over|under|up to|exactly)?\s?[-$€£¥]?\d)"

_BEFORE = {
    "at least": "mindestens|wenigstens|au moins|au minimum|al menos|por lo menos|como mínimo|almeno"
    "|pelo menos|no mínimo|minstens|co najmniej|en az|не менее|не меньше|как минимум",
    "at most": "höchstens|maximal|au plus|au maximum|como máximo|a lo sumo|al massimo|no máximo"
    "|hoogstens|co najwyżej|en fazla|не более|не больше|максимум",
    "more than": "mehr als|größer als|plus d[e'’]|plus que|más de|más que|più di|mais de|meer dan"
    "|więcej niż|больше|более|свыше",
    "less than": "weniger als|kleiner als|moins d[e'’]|moins que|menos de|menos que|meno di"
    "|minder dan"
    "|mniej niż|меньше|менее",
    "over": "über",
    "under": "unter",
    "up to": "bis zu|jusqu['’]à|hasta|até",
    "maybe": "vielleicht|möglicherweise|eventuell|wohl|peut-être|quizás?|tal vez|forse|talvez"
    "|misschien|może|belki|возможно|может быть|наверное",
}
_BEFORE_CJK = {
    "at least": "至少|最少|最低|少なくとも|최소",
    "at most": "至多|最多|最大|多くとも|최대",
    "more than": "超过|超過|多于|大于|高于",
    "less than": "少于|小于|低于|不到",
    "maybe": "可能是?|也许是?|或许是?|たぶん|おそらく|多分|아마",
    "not": "不是|并非|並非|不等于|不等於",
}
_DENIED = "nicht|kein(?:e[rnms]?)?|pas|no es|no son|non è|non sono|não é|não são|niet|geen|nie|не"
_BEHIND_CJK = {"or more": "以上|이상", "or less": "以下|以内|이하", "or fewer": "未満|未满|미만"}
ONLY_IF = (
    "wenn|falls|sofern|außer|nur|es sei denn|aber (?:nur|nicht)|si|sauf|à condition"
    "|mais (?:seulement|pas)|salvo|siempre que|excepto|s[oó]lo|pero (?:s[oó]lo|no)|se"
    "|ma (?:solo|non)|только|но (?:только|не)"
)
"""What makes a "yes" or a "no" before it one on a condition: a pattern."""
_SCALES = {
    "thousand": "Tausend|tausend|mille|тысячи?|тысяч|duizend|tusen",
    "million": r"Millionen|Million|Mio\b\.?|millones|millón|milioni|milhões|miljoen|miljoner"
    "|миллион(?:а|ов)?|млн",
    "billion": r"Milliarden|Milliarde|Mrd\b\.?|milliards?|mil millones|miliardi?|bilhões"
    r"|miljard(?:er)?"
    "|миллиард(?:а|ов)?|млрд",
    "dozen": "Dutzend|douzaines?|docenas?",
}
_UNITS = {
    "seconds": "Sekunden?|secondes?|segundos?|secondi|秒鐘|秒钟|秒|секунды?|секунд",
    "minutes": "Minuten|minutos?|minuti|分鐘|分钟|分間|минуты?|минут",
    "hours": "Stunden?|horas?|小時|小时|個小時|个小时|時間|часа|часов",
    "days": "Tagen?|Tage|jours?|d[ií]as?|giorni|天|日間|дня|дней",
    "weeks": "Wochen?|semaines?|semanas?|settimane|周|週間|週|недели|недель",
    "months": "Monaten?|Monate|mois|meses|mesi|个月|個月|か月|ヶ月|месяца|месяцев",
    "years": "Jahren?|Jahre|années?|ans|años?|anos?|anni|年間|лет|года",
    "percent": "Prozent|pour ?cent|por ciento|per cento|процент(?:а|ов)?|パーセント",
    "km": "Kilometern?|kilomètres?|kilómetros?|公里|千米",
    "kg": "公斤|千克|kilogrammes?|kilogramos?",
    "dollars": "Dollars?|dólar(?:es)?|dollari|долларо?в?а?|美元|美金|ドル|달러",
    "euros": "欧元|歐元|ユーロ|евро|유로",
    "yen": "日元|円|엔",
    "yuan": "元|人民币|人民幣",
    "rubles": "рубл(?:ей|я|ь)",
}
_CURRENCIES = {
    "USD": "US[- ]|American |amerikanische ",
    "CAD": "Canadian |kanadische |canadiens? ",
    "AUD": "Australian |australische ",
    "NZD": "New Zealand ",
    "HKD": "Hong Kong ",
    "SGD": "Singapore ",
    "TWD": "Taiwan(?:ese)? ",
}


_COMMA = re.compile(
    r"(?<![\d.,])(\d{1,3}(?:[ \u00a0\u202f.]\d{3}){0,4}),(\d{1,2})"
    r"(?=\s?\\?(?:%|‰|million\b|billion\b|percent\b|[cmk]?m\b|[mk]?g\b|[mc]?l\b|°|hours\b|kWh\b))"
)
"""A decimal comma: what stands behind the number is no member of a list."""
_PUT_BEHIND = [
    (re.compile(pattern), f" {english}")
    for pattern, english in (
        *((rf"(?i)(?<=\d){_GAP}(?:{each})(?!\w)", scale) for scale, each in _SCALES.items()),
        *((rf"(?i)(?<=\d){_GAP}(?:{each})dollars?\b", code) for code, each in _CURRENCIES.items()),
        (r"(?i)(?<=\d)\sSwiss francs?\b", "CHF"),
        (r"(?i)(?<=\d)\spounds? sterling\b", "GBP"),
        *((rf"(?<=\d){_GAP}(?:{each})(?![^\W\d])", unit) for unit, each in _UNITS.items()),
        *((rf"(?<=\d){_GAP}(?:{each})", bound) for bound, each in _BEHIND_CJK.items()),
    )
]
_PUT_BEFORE = [
    (re.compile(pattern), f"{english} ")
    for pattern, english in (
        (
            r"(?i)\b(?:zwischen|entre|tra)\s(\d[\d.,]{0,20})\s(?:und|et|y|e)\s(?=\d)",
            r"between \1 and",
        ),
        *((rf"(?i)(?<!\w)(?:{each}){_GAP}{_NUMBER}", bound) for bound, each in _BEFORE.items()),
        *((rf"(?:{each}){_GAP}{_NUMBER}", bound) for bound, each in _BEFORE_CJK.items()),
        (rf"(?i)(?<!\w)(?:{_DENIED})\s{_BOUNDS}", "not"),
    )
]
# Most texts have none of it: the words beside their numbers tell at once.
_BEFORE_NUMBER = re.compile(r"([^\W\d]{1,24})[ \u00a0]?[-$€£¥]?[ \u00a0]?\d")
_BEHIND_NUMBER = re.compile(r"\d[ \u00a0\u202f]?([^\W\d]{1,24})")
_ANY_BEHIND = re.compile(
    r"(?i)(?<!\w)(?:"
    + "|".join((*_SCALES.values(), *_CURRENCIES.values(), *_UNITS.values(), *_BEHIND_CJK.values()))
    + "|Swiss|pounds?)"
)
_ANY_BEFORE = re.compile(
    r"(?i)(?<!\w)(?:zwischen|entre|tra|mindestens|wenigstens|moins|minimum|menos|mínimo|almeno"
    r"|minstens|najmniej|az|менее|меньше|höchstens|maximal|plus|maximum|máximo|sumo|massimo|hoogstens"
    r"|najwyżej|fazla|более|больше|максимум|als|de?|que|di|than|niż|свыше|über|unter|zu|à|hasta|até"
    r"|vielleicht|möglicherweise|eventuell|wohl|être|quizás?|vez|forse|talvez|misschien|może|belki"
    r"|возможно|быть|наверное|nicht|kein|keine[rnms]?|pas|es|son|è|sono|são|niet|geen|nie|не)(?!\w)|"
    + "|".join(_BEFORE_CJK.values())
)


def in_english(text: str) -> str:
    """A text in which what other languages say beside its numbers is put in English words.

    Bounds, doubts and denials before a number, words for thousands and millions, units and currencies
    behind it, points behind a date's day, and decimal commas where no list can be meant.
    """
    text = without_points(text)
    if _ANY_BEHIND.search(" ".join(dict.fromkeys(_BEHIND_NUMBER.findall(text)))):
        for pattern, english in _PUT_BEHIND:
            text = pattern.sub(english, text)
    if _ANY_BEFORE.search(" ".join(dict.fromkeys(_BEFORE_NUMBER.findall(text)))):
        for pattern, english in _PUT_BEFORE:
            text = pattern.sub(english, text)
    return _COMMA.sub(r"\1.\2", text) if "," in text else text
