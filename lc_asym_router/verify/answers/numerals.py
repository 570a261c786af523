"""Numbers as people write them: separators, fractions, scales, words, other scripts' digits."""

from __future__ import annotations

import re
from decimal import Context, Decimal

LONGEST = 1000
"""Characters of a number that is worked out; longer ones are compared as they are written."""

NUMBER = re.compile(
    r"(?<![\w.])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d{1,3})?(?!\w|\.\d)"
    r"(?:\s*/\s*\d+(?![\w.]))?"
)
"""A number with commas between its thousands, or a fraction of two."""

_WIDE = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: " ", 0x2212: "-"}
_DIGITS = {
    start + digit: str(digit)
    for start in (0x0660, 0x06F0, 0x0966, 0x09E6)  # Arabic, Persian, Hindi, Bengali
    for digit in range(10)
} | {0x066B: ".", 0x066C: ","}
_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_CJK = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_BESIDE_CJK = re.compile(rf"(?<=[\dA-Ja-j%])(?=[{_CJK}])|(?<=[{_CJK}])(?=[-\dA-Ja-j$])")
_POINTS = re.compile(r"(?<![\w.,])\d{1,3}(?:\.\d{3}){1,9},\d+(?![\w.,])")
_POINTS_ONLY = re.compile(r"(?<![\w.,])\d{1,3}(?:\.\d{3}){2,9}(?![\w.,]?\d)")
_GAPS = re.compile(r"(?<![\w.,'’])\d{1,3}(?:[\u00a0\u202f\u2009'’]\d{3}){1,9}(?![\w'’])")
_EUROS = re.compile(r"(?<![\d.,])(\d{1,3}(?:\.\d{3}){0,9}),(\d{2})(?=\s?(?:€|EUR\b|[Ee]uros?\b))")
_SPACED = re.compile(r"\W{0,3}\d{1,3}(?: \d{3}){1,9}(?:\.\d+)?(?: ?[^\W\d]{1,12})?\W{0,3}")
_MIXED = re.compile(r"(?<![\w./])(\d{1,9})\s{1,3}(?:and )?(\d{1,4})/(\d{1,4})(?![\w./])")
_OUT_OF = re.compile(r"(\d{1,9}) (?:out of|in) (?:every )?(\d{1,9})")
_EURO_POINTS = re.compile(
    r"(?<![\d.,])(?:(?<=€)|(?<=€\s)|(?=\d{1,3}\.\d{3}\s?(?:€|EUR\b|[Ee]uros?\b)))(\d{1,3})\.(\d{3})(?![\d,])"
)
_BELOW_ZERO = re.compile(
    r"(?i)(?<![-\d.,])(\d[\d.,]{0,20})((?:\s?°\s?|\s)?(?:degrees?)?\s?[CF]?(?:elsius)?) below zero\b"
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_POWER_OF_TEN = re.compile(r"(?<=10)[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]{1,4}")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")
_MINUS = re.compile(r"(?i)(?<![\d)] )\b(?:minus|negative) (?=[\d$])")
_SCALE = re.compile(
    r"(?<![\w.])(?<!\d,)(-?\d+(?:,\d{3})*(?:\.\d+)?)"
    r"(?:\s(hundred|thousand|million|billion|trillion|dozen|lakh|crore)s?\b|(k|K|M|B|T|\s?bn)\b(?!\w)"
    r"|\s?([百千万萬億亿兆만억])(?![克米瓦分]))"
)
_MONEY_SCALE = re.compile(r"(?i)(?<=[$€£¥])\s?(\d[\d,]{0,20}(?:\.\d+)?)\s?(mn|mln|m|bn|b|k)\b")
_SCALES = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 1000,
    "k": 1000,
    "million": 10**6,
    "m": 10**6,
    "billion": 10**9,
    "bn": 10**9,
    "b": 10**9,
    "trillion": 10**12,
    "t": 10**12,
    "lakh": 10**5,
    "crore": 10**7,
    "百": 100,
    "千": 1000,
    **dict.fromkeys("万萬만", 10**4),
    **dict.fromkeys("億亿억", 10**8),
    "兆": 10**12,
}
_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen "
    "fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
          "eighth": 8, "ninth": 9, "tenth": 10, "hundredth": 100}  # fmt: skip
_IN_WORDS = re.compile(
    r"(?P<dozens>(?:a|one) dozen)"
    r"|(?:(?P<whole>[a-z]+(?:[ -][a-z]+)?) and )?(?P<part>an?|[a-z]{3,9})[ -]"
    rf"(?P<below>(?:{'|'.join(_PARTS)}|halve)s?)(?: of)?"
)
_SPELLED_LONGEST = 200
_SPELLED = {word: value for value, word in enumerate(_UNITS.split())} | {
    word: 10 * place for place, word in enumerate(_TENS, 2)
}


def western(text: str) -> str:
    """A text with wide letters and other scripts' digits as ASCII, apart from Chinese beside them."""
    return _BESIDE_CJK.sub(" ", text.translate(_WIDE).translate(_DIGITS))


def _money_scaled(found: re.Match[str]) -> str:
    scale = {"m": "million", "k": "thousand"}.get(found.group(2)[0].lower(), "billion")
    return f"{found.group(1)} {scale}"


def plain_numbers(text: str) -> str:
    """A short text whose numbers are written so that `NUMBER` finds them and Python reads them.

    "1.234,56" is "1234.56", "1½" is "1.5", "5 million" is "5000000", "minus 5" is "-5".
    """
    for sign, fraction in _FRACTIONS.items():
        text = text.replace(sign, f" {fraction} ")
    text = re.sub(r"(?<=\d)(?:\{,\}|,\\!)(?=\d{3})", ",", text)
    text = _POWER_OF_TEN.sub(lambda found: f"^{found[0].translate(_SUPERSCRIPTS)}", text)
    text = re.sub(r"(?<=\d)\s?[x×]\s?(?=10\s?\^)", "*", text)
    text = re.sub(r"^[–—](?=\d)", "-", text)
    text = _EURO_POINTS.sub(r"\1\2", text)
    text = _BELOW_ZERO.sub(r"-\1\2", text)
    text = _EUROS.sub(lambda found: f"{found.group(1).replace('.', '')}.{found.group(2)}", text)
    text = _POINTS.sub(lambda found: found.group().replace(".", "").replace(",", "."), text)
    text = _POINTS_ONLY.sub(lambda found: found.group().replace(".", ""), text)
    text = _GAPS.sub(lambda found: re.sub(r"\D", "", found.group()), text)
    if _SPACED.fullmatch(text):
        text = re.sub(r"(?<=\d) (?=\d{3})", "", text)
    text = _MONEY_SCALE.sub(_money_scaled, text)
    text = _MIXED.sub(_mixed, text)
    text = _MINUS.sub("-", _ORDINAL.sub("", text))
    return _SCALE.sub(_scaled, text).strip()


def scaled_money(text: str) -> str:
    """A text in which "$5m" is "$5 million"."""
    return _MONEY_SCALE.sub(_money_scaled, text)


def spelled(text: str) -> int | None:
    """The whole number that a text of number words is; `None` where it is none."""
    total, part, seen, sign = 0, 0, False, 1
    if len(text) > _SPELLED_LONGEST:
        return None
    text = re.sub(r"(?i)^an? (?=hundred|thousand|million|billion)", "one ", text.strip())
    for at, word in enumerate(re.split(r"[\s-]+", text.lower())):
        if word in ("minus", "negative") and at == 0:
            sign = -1
        elif word in _SPELLED:
            part += _SPELLED[word]
            seen = True
        elif word == "hundred" and part:
            part *= 100
        elif word in ("thousand", "million", "billion") and part:
            total, part = total + part * _SCALES[word], 0
        elif word != "and" or not seen:
            return None
    return sign * (total + part) if seen and not text.rstrip().endswith("and") else None


def fraction(text: str) -> str | None:
    """The number that words for a part are, canonical: "two thirds", "one and a half", "a dozen".

    `None` where they are no such thing.
    """
    if text.lower().strip() == "half":
        return "0.5"
    if (share := _OUT_OF.fullmatch(text.strip())) and 0 < int(share[1]) < int(share[2]):
        return number_text(f"{share[1]}/{share[2]}")
    found = _IN_WORDS.fullmatch(text.lower().strip()) if len(text) < _SPELLED_LONGEST else None
    if found is None:
        return None
    if found["dozens"]:
        return "12"
    whole = spelled(found["whole"]) if found["whole"] else 0
    part = 1 if found["part"] in ("a", "an") else spelled(found["part"])
    if whole is None or part is None:
        return None
    below = _PARTS[found["below"].removesuffix("s").replace("halve", "half")]
    return number_text(f"{whole * below + part}/{below}")


def number_text(text: str) -> str:
    """A number as one canonical text: "1,200.50" is "1200.5", "1/2" is "0.5".

    Every digit counts; one of more than `LONGEST` characters, and what is none, stays as written.
    """
    plain = text.replace(",", "").replace("−", "-").replace(" ", "")
    if len(plain) > LONGEST:
        return plain
    exact = _context(plain)
    try:
        above, slash, below = plain.partition("/")
        value = exact.create_decimal(above)
        if slash:
            value = exact.divide(value, exact.create_decimal(below))
        return _canonical(value)
    except (ArithmeticError, ValueError):
        return plain


def close(one: str, other: str) -> bool:
    """Whether two canonical numbers mean the same: equal, or one is the other, rounded.

    Rounding is granted from two decimals and two digits on: 16.67 is 16.6666, but 2.5 is not 2.49,
    and 0.01 is not 0.012.
    """
    if one == other:
        return True
    if max(len(one), len(other)) > LONGEST:
        return False
    try:
        first, second = Decimal(one), Decimal(other)
    except ArithmeticError:
        return False
    short, long = sorted((first, second), key=_decimals)
    places = _decimals(short)
    if places < 2 or not (short.is_finite() and long.is_finite()) or _decimals(long) > 60:
        return False
    if len(short.as_tuple().digits) < 2 or max(short.adjusted(), long.adjusted()) > LONGEST:
        return False
    exact = Context(prec=2 * LONGEST)
    gap = exact.multiply(exact.subtract(short, long).copy_abs(), Decimal(2))
    return gap <= Decimal(1).scaleb(-places)


def _context(text: str) -> Context:
    """A context in which no digit of the numbers in a text is lost."""
    return Context(prec=max(28, len(text) + 15))


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _canonical(value: Decimal) -> str:
    if not value.is_finite() or abs(value.adjusted()) > 400:
        return str(value)
    return f"{value.normalize(Context(prec=2 * LONGEST)):f}" if value else "0"


def _mixed(found: re.Match[str]) -> str:
    whole, above, below = map(int, found.groups())
    if not above < below:
        return found.group()
    return number_text(f"{whole * below + above}/{below}")


def _scaled(found: re.Match[str]) -> str:
    scale = _SCALES[(found.group(2) or found.group(3) or found.group(4)).lower().strip()]
    digits = found.group(1).replace(",", "")
    if len(digits) > LONGEST:
        return found.group()
    return f" {_canonical(_context(digits).multiply(Decimal(digits), Decimal(scale)))} "
