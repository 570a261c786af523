"""Features of a text for telling hard questions from easy ones, and the words they count."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

CUES: dict[str, str] = {
    "condition": "if when unless assuming suppose assume given whenever whether otherwise provided",
    "sequence": "then after before first next finally later until once initially originally while "
    "during again",
    "comparison": "more less fewer greater larger smaller than older younger longer shorter taller "
    "higher lower faster slower bigger heavier as same equal",
    "quantifier": "any some most none only exactly least maximum minimum every always never must "
    "cannot",
    "total": "total altogether combined sum all entire whole overall together",
    "each": "each per every apiece both respectively either",
    "rest": "left remain remains remaining rest leftover still",
    "ratio": "twice thrice half halves third thirds quarter quarters fifth fourth double doubled "
    "triple tripled times percent percentage fraction ratio proportion rate average mean",
    "time": "hour hours minute minutes day days week weeks month months year years second seconds "
    "morning evening afternoon night today tomorrow yesterday daily weekly monthly yearly annual",
    "money": "dollar dollars cent cents cost costs price prices pay paid profit earn earns spend "
    "money discount tax interest sale salary wage",
    "unit": "cm km m kg g mg lb lbs ft feet foot inch inches mile miles meter meters gallon gallons "
    "liter liters pounds ounces mph degrees ml mol hz ev pa psi atm volts ohms watts joules "
    "newtons kelvin",
    "number_word": "one two three four five six seven eight nine ten eleven twelve twenty thirty "
    "forty fifty hundred thousand million dozen",
    "negation": "not no except never none without neither nor isn't doesn't don't cannot can't "
    "wasn't false incorrect",
    "solve": "find compute calculate determine evaluate solve simplify prove express estimate",
    "write": "write explain describe list create generate summarize translate implement rewrite "
    "design compare",
    "why": "why explain reason because cause causes caused",
    "how": "how",
    "what": "what",
    "which": "which",
    "who": "who whom whose where",
    "many": "many much",
    "person": "he she his him her they their them i my we our you your me us hers theirs",
    "maths": "polynomial integer integers group ring field matrix function prime triangle "
    "probability equation equations graph real positive digits digit vector theorem angle circle "
    "square root roots cube divisible divisor factor factors factorial permutation series converge "
    "continuous derivative integral finite infinite subset perpendicular parallel polygon radius "
    "perimeter area volume modulo remainder inequality coefficient logarithm sin cos tan",
    "science": "force energy mass velocity speed acceleration temperature pressure current voltage "
    "charge magnetic wave wavelength frequency photon electron momentum gravity gas thermal circuit "
    "lens friction density atom molar moles reaction acid solution compound molecule ion hydrogen "
    "carbon equilibrium concentration oxidation enthalpy",
    "life": "cell cells gene genes protein proteins species blood patient patients disease dna rna "
    "plant plants animal animals organism enzyme muscle brain nerve infection symptoms treatment "
    "drug hormone evolution tissue bacteria virus clinical diagnosis",
    "law": "law court plaintiff defendant contract statute liable liability trial jury evidence "
    "property buyer seller constitutional federal landowner crime murder sued negligence testimony",
    "society": "behavior theory social self psychologist therapist research study students "
    "emotional cognitive personality century war king president passage author political history "
    "empire moral argument philosopher ethics religion government revolution",
    "business": "market demand supply inflation economic income firm firms company consumer "
    "monopoly production investment capital trade bank labor stock shares product management "
    "marketing accounting",
    "leisure": "song movie film album singer actor band season episode show book novel series game "
    "team played won award released sang starred character tv",
    "code": "def return for while import class elif else len range append print int str lambda true "
    "python java code program algorithm database",
}

RELATIONS = ("condition", "sequence", "comparison", "quantifier", "total", "each", "rest")

GROUPS: dict[str, tuple[str, ...]] = {}
"""For each word the groups that it is in."""
for _group, _words in CUES.items():
    for _word in _words.split():
        GROUPS[_word] = (*GROUPS.get(_word, ()), _group)


FEATURES_VERSION = 1
"""Raised with every change of a feature: weights of another version are refused."""

HEAD, TAIL = 5000, 3000
"""Of a longer text, the first and the last so many characters are looked at: the task stands at
either end, and what lies between is mostly material."""

STURDY = ("prose", "notation", "relations", "length")
"""The few whose effect carries over from source to source (the last keeps scores apart). More
features rank worse on sources that were left out: `learned.md` has the figures."""

_TOKEN = re.compile(
    r"[^\W\d_]+(?:['’][a-z]+)?|[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?|\\[a-zA-Z]+|[^\w\s]"
)
_OPTION = re.compile(r"(?m)^[ \t]*\(?[A-J][.):][ \t]+(.*)$")
_SENTENCE = re.compile(r"[.!?](?=\s|$)|\n\s*\n")
_DENSE_SCRIPT = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
_CALL = re.compile(r"\.\w+\(")
_INDENT = re.compile(r"(?m)^(?: {4}|\t)")
_BLANK = re.compile(r"_{2,}")
_DIGIT = re.compile(r"\d")

# In Chinese, Japanese, Korean and Thai one character carries about this much of a word.
_WORDS_PER_CHARACTER = 0.6
_LONG, _SHORT = 9, 3
_LARGEST = 1e30


@dataclass(frozen=True, slots=True)
class QuestionText:
    """A question, read once.

    Attributes:
        text: What is looked at of it.
        stem: The text in front of the answer options, or all of it.
        options: The texts of the answer options; empty where there are fewer than two.
        words: The stem's words as they stand.
        lowered: The same in lower case.
        numbers: The stem's numbers.
        decimals: How many of these have a decimal point.
        commands: How many TeX commands the stem has.
        symbols: How often each other sign stands in the stem.
    """

    text: str
    stem: str
    options: Sequence[str]
    words: Sequence[str]
    lowered: Sequence[str]
    numbers: Sequence[float]
    decimals: int
    commands: int
    symbols: Counter[str]

    @property
    def empty(self) -> bool:
        """Whether there is neither a word nor a number to go by."""
        return not self.words and not self.numbers


def read_question(text: str) -> QuestionText:
    """Read a question for `features` and `buckets`."""
    if len(text) > HEAD + TAIL:
        text = f"{text[:HEAD]}\n{text[-TAIL:]}"
    found = list(_OPTION.finditer(text))
    options = [match[1] for match in found] if len(found) > 1 else []
    stem = text[: found[0].start()] if options else text
    words: list[str] = []
    numbers: list[float] = []
    signs: list[str] = []
    decimals = commands = 0
    for token in _TOKEN.findall(stem):
        first = token[0]
        if first.isalpha():
            words.append(token)
        elif "0" <= first <= "9":
            # More digits than that are an identifier, and float() of very many is infinite.
            numbers.append(float(token.replace(",", "")) if len(token) < 30 else _LARGEST)
            decimals += "." in token
        elif first == "\\" and len(token) > 1:
            commands += 1
        else:
            signs.append(token)
    lowered = [word.lower() for word in words]
    return QuestionText(
        text, stem, options, words, lowered, numbers, decimals, commands, Counter(signs)
    )


def question_features(reading: QuestionText) -> dict[str, float]:
    """The features of a question by name, in an order that never changes; all finite."""
    counts = _cue_counts(reading.lowered)
    return {
        "prose": _prose(reading),
        "notation": math.log1p(reading.commands + reading.symbols.get("$", 0)),
        "relations": math.log1p(sum([counts[group] for group in RELATIONS])),
        **_shape(reading),
        **_quantities(reading),
        **_signs(reading),
        **_choices(reading.options),
        **{f"cue_{group}": math.log1p(count) for group, count in counts.items()},
    }


def buckets(reading: QuestionText, size: int) -> dict[int, float]:
    """The question's words, hashed: for each bucket its share, of length 1 together.

    Args:
        reading: The question.
        size: How many buckets there are.

    Returns:
        Bucket in [0, size) to a weight in (0, 1]; empty where there is no word.
    """
    places = {zlib.crc32(word.encode("utf-8", "replace")) % size for word in reading.lowered}
    # Whether a word is there says as much here as how often, and is steadier.
    weight = 1.0 / math.sqrt(len(places)) if places else 0.0
    return dict.fromkeys(sorted(places), weight)


def _prose(reading: QuestionText) -> float:
    """Log of how many different words of three letters and more the stem has.

    Shorter ones are variables and articles; repeated ones add little to what is to be understood.
    """
    different = {word for word in reading.lowered if len(word) >= _SHORT}
    dense = 0
    if not reading.stem.isascii():
        dense = len(set(_DENSE_SCRIPT.findall(reading.stem)))
        if dense:  # a whole clause counts as one word where nothing stands between words
            different = {word for word in different if not _DENSE_SCRIPT.search(word)}
    return math.log1p(len(different) + _WORDS_PER_CHARACTER * dense)


def _cue_counts(lowered: Sequence[str]) -> dict[str, int]:
    counts = dict.fromkeys(CUES, 0)
    for word in lowered:
        for group in GROUPS.get(word, ()):
            counts[group] += 1
    return counts


def _shape(reading: QuestionText) -> dict[str, float]:
    """Length, words and sentences of the stem."""
    words, stem = reading.words, reading.stem
    number = max(1, len(words))
    sentences = [part for part in _SENTENCE.split(stem) if part.strip()]
    last = sentences[-1] if sentences else ""
    return {
        "length": math.log1p(len(reading.text)),
        "words": math.log1p(len(words)),
        "sentences": math.log1p(len(sentences)),
        "sentence_length": math.log1p(len(words) / max(1, len(sentences))),
        "last_length": math.log1p(len(last.split())),
        "last_share": len(last) / max(1, len(stem)),
        "word_length": min(20.0, sum(map(len, words)) / number),
        "long_words": sum([len(word) >= _LONG for word in words]) / number,
        "letters": sum([len(word) == 1 for word in words]) / number,
        "variety": len(set(reading.lowered)) / number,
        "capitals": sum([word[0].isupper() for word in words]) / number,
        "lines": math.log1p(stem.count("\n")),
        "indented": math.log1p(len(_INDENT.findall(stem))),
        "calls": math.log1p(len(_CALL.findall(stem))),
        "blanks": math.log1p(len(_BLANK.findall(stem))),
    }


def _quantities(reading: QuestionText) -> dict[str, float]:
    """How many numbers there are, and how large."""
    sizes = [math.log1p(number) for number in reading.numbers]
    return {
        "numbers": math.log1p(len(sizes)),
        "different_numbers": math.log1p(len(set(sizes))),
        "number_size": sum(sizes) / max(1, len(sizes)),
        "largest": max(sizes, default=0.0),
        "decimals": math.log1p(reading.decimals),
    }


def _signs(reading: QuestionText) -> dict[str, float]:
    """Signs of maths, of code and of punctuation."""
    count = defaultdict(int, reading.symbols)
    all_signs = reading.symbols.total() + reading.commands
    tokens = max(1, all_signs + len(reading.words) + len(reading.numbers))
    return {
        "signs": all_signs / tokens,
        "operators": math.log1p(sum([count[sign] for sign in "+-*/^<>"])),
        "equals": math.log1p(count["="]),
        "brackets": math.log1p(count["["] + count["{"]),
        "parentheses": math.log1p(count["("]),
        "commas": count[","] / tokens,
        "quotes": math.log1p(count['"'] + count["'"] + count["“"]),
        "questions": math.log1p(count["?"]),
        "percent": math.log1p(count["%"]),
        "colons": math.log1p(count[":"]),
    }


def _choices(options: Sequence[str]) -> dict[str, float]:
    """How many answers there are to choose from, and what they look like."""
    number = max(1, len(options))
    return {
        "options": math.log1p(len(options)),
        "option_length": math.log1p(sum(map(len, options)) / number),
        "option_numbers": sum(bool(_DIGIT.search(option)) for option in options) / number,
    }


NAMES: tuple[str, ...] = tuple(question_features(read_question("")))
"""The features' names, in their order."""
