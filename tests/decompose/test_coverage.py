"""Whether a join has used every part: what is particular to each must stand in it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router import Plan, Step
from lc_asym_router.decompose.coverage import Coverage, StreamedCoverage, unused
from lc_asym_router.decompose.splitting.tokens import FUNCTION_WORDS, keys_of

PARTS = """
CITIES
    Describe Paris. => Paris is the capital of France and has been one of the largest cities in Europe
        for centuries, with a population of two million.
    Describe Madrid. => Madrid is the largest city of Spain, with over three million people.
SHORT
    What is the capital of France? => The capital of France is Paris.
    What is 17 times 23? => The product of 17 and 23 is 391.
TCP
    Explain TCP. => TCP is a connection-oriented protocol. It sets up a session with a three-way
        handshake, numbers every segment, and retransmits what is lost, so that data arrives complete
        and in order. Flow control and congestion control keep a fast sender from overwhelming a slow
        receiver or the network.
    Explain UDP. => UDP is connectionless. Each datagram is sent by itself, without handshake,
        acknowledgement or ordering; lost packets are gone unless the application deals with that. Its
        header has only 8 bytes, and its latency is low.
    Which is better for calls? => For video calls UDP is better, because a late frame is worthless: it
        is better to skip it than to wait for a retransmission.
CHINESE
    法国的首都是什么？ => 法国的首都是巴黎。
    17乘以23是多少？ => 17乘以23等于391。
    西班牙的首都是什么？ => 西班牙的首都是马德里。
RUSSIAN
    Какая столица Франции? => Столица Франции — Париж.
    Какая столица Испании? => Столица Испании — Мадрид.
JAPANESE
    日本の首都は？ => 日本の首都は東京です。
    フランスの首都は？ => 首都はパリです。
HINDI
    भारत की राजधानी? => भारत की राजधानी दिल्ली है।
    फ्रांस की राजधानी? => फ्रांस की राजधानी पेरिस है।
CHOICES
    Pick: A) cat B) dog => The answer is B.
    Pick: A) red C) blue => (C) blue
COUNTS
    Continents? => There are 7 continents.
    Months? => There are twelve months in a year.
WORKING
    What does it cost? => First the price of the ticket is taken, then the fee is added to it, and at
        last the discount is taken off again, which is a tenth of the sum. The answer is 1,200.50
    Who pays? => The sender pays.
PROSE
    What does it cost? => If the price of each ticket is taken with the standard fee, and the discount
        is left out, then all of the tickets together come to exactly 391 dollars.
    Who pays? => The sender pays.
DECIDED
    Is 7 prime? => Yes, 7 is prime.
    Is 8 prime? => No, 8 is not prime.
SYMBOLS
    First? => ✅
    Second? => ❌
TWINS
    First? => It is fine.
    Second? => It is fine.
QUOTED
    Its motto? => Its motto says "ever upward" to all who come there.
    Its year? => 1884
"""
"""Questions and their answers, under a name; an answer may go on in a line that is set in further."""


def in_lines(block: str) -> list[str]:
    """The lines of a block, each whole."""
    return re.sub(r"\n {8}", " ", block.strip()).splitlines()


def read(block: str) -> dict[str, dict[str, str]]:
    """The answers by question, by name."""
    found: dict[str, dict[str, str]] = {}
    for line in in_lines(block):
        asked, _, text = line.strip().partition(" => ")
        if text:
            found[list(found)[-1]][asked] = text
        else:
            found[asked] = {}
    return found


CODE = {
    "Write a function that adds.": "```python\ndef add_two(a, b):\n    return a + b\n```",
    "Write a function that subtracts.": "```python\ndef sub_two(a, b):\n    return a - b\n```",
}
LISTS = {"List fruits": "1. Apple\n2. Pear\n3. Plum", "List cars": "1. Audi\n2. Fiat\n3. Opel"}
ALL = {**read(PARTS), "CODE": CODE, "LISTS": LISTS}
JOINS = """
CITIES 1 => Madrid is the largest city of Spain and one of the most visited cities in the world,
        with over three million people.
CITIES - => Paris, the capital of France, has a population of two million; Madrid, the largest city
        of Spain, three million people.
TCP - => TCP is connection-oriented: after a handshake it guarantees complete, ordered delivery,
        with congestion control. UDP is connectionless, sends datagrams without acknowledgement and has
        low latency and an 8 byte header. For video calls UDP is better, since late frames are
        worthless.
TCP 1 => UDP is connectionless, unlike TCP, sends datagrams without acknowledgement and has
        low latency and an 8 byte header. For video calls UDP is better, since late frames are
        worthless.
TCP 3 => TCP is connection-oriented: after a handshake it guarantees complete, ordered delivery,
        with congestion control. UDP is connectionless, sends datagrams without acknowledgement and has
        low latency and an 8 byte header.
SHORT - => Paris; 391.
SHORT - => The capital is Paris, 17 times 23 makes 391.
SHORT 2 => Paris is the capital; the product of both is 400.
SHORT 2 => Paris is the capital; the product of both is -391.
SHORT 2 => Paris is the capital; the product of 17 and 23 is 3910.
SHORT 1 => Lyon is the capital; the product of both is 391.0.
CHINESE - => 巴黎、391、马德里。
CHINESE - => 答案：马德里，391，巴黎。
CHINESE 2 => 法国的首都是巴黎，西班牙的首都是马德里，17乘以23等于400。
CHINESE 3 => 法国的首都是巴黎，17乘以23等于３９１。
RUSSIAN - => Париж и Мадрид.
RUSSIAN 2 => Столица Франции — Париж.
JAPANESE - => 東京とパリです。
JAPANESE 2 => 首都は東京です。
HINDI - => दिल्ली और पेरिस
HINDI 2 => भारत की राजधानी दिल्ली है।
CODE - => Here: def add_two(a, b): return a + b\\ndef sub_two(a, b): return a - b
CODE 2 => Here: def add_two(a, b): return a + b
CHOICES - => B, and then C for blue.
CHOICES 1 => A, and then C for blue.
LISTS - => The fruits are apple, pear and plum, the cars Audi, Fiat and Opel.
LISTS 2 => 1. Apple\\n2. Pear\\n3. Plum
COUNTS - => Seven continents and 12 months.
WORKING - => It is 1200.5, which the sender pays.
WORKING 1 => The fee is added and the discount off; the sender pays.
PROSE - => With the standard fee it is 391 dollars; the sender pays.
PROSE 1 => With the standard fee it is 400 dollars; the sender pays.
DECIDED - => 7 is prime, 8 is not.
DECIDED 1 => 8 is not prime.
SYMBOLS - => First ✅, then ❌
SYMBOLS 2 => First ✅
TWINS - => Both are fine.
TWINS 1,2 => There is nothing to say.
QUOTED - => Since 1884 it has been “ever upward”.
QUOTED 1 => It has been there since 1884 for all who come.
"""
"""Whose answers are joined, which of them are left out, and the joined text."""


def left_out(parts: dict[str, str], joined: str) -> list[str]:
    plan = Plan([Step(str(number), asked) for number, asked in enumerate(parts, 1)])
    return unused(plan, {str(n): text for n, text in enumerate(parts.values(), 1)}, joined)


def cases() -> Iterator[tuple[dict[str, str], str, list[str]]]:
    """The joins, each with the parts and the ids of those it leaves out."""
    for line in in_lines(JOINS):
        what, _, joined = line.partition(" => ")
        name, gone = what.split()
        yield ALL[name], joined.replace("\\n", "\n"), [] if gone == "-" else gone.split(",")


@pytest.mark.parametrize(("parts", "joined", "missing"), list(cases()))
def test_what_a_join_leaves_out(parts: dict[str, str], joined: str, missing: list[str]) -> None:
    assert left_out(parts, joined) == missing


@pytest.mark.parametrize("name", sorted(ALL.keys() - {"TWINS"}))
def test_each_answer_tells_by_itself(name: str) -> None:
    parts = ALL[name]
    answers = list(parts.values())
    assert left_out(parts, "\n\n".join(reversed(answers))) == []
    for place in range(len(answers)):
        rest = answers[:place] + answers[place + 1 :]
        assert left_out(parts, "\n\n".join(rest)) == [str(place + 1)]


def test_an_answer_that_another_builds_on_is_used_where_that_one_is() -> None:
    draft = "The meeting was moved to Tuesday, since the large room in Berlin is being painted now."
    polite = f"Please note kindly: {draft}"
    plan = Plan([Step("draft", "Write it."), Step("polite", "More polite!", needs=("draft",))])
    assert unused(plan, {"draft": draft, "polite": polite}, polite) == []
    assert unused(plan, {"draft": draft, "polite": polite}, "Nothing.") == ["draft", "polite"]


def test_a_long_join_of_long_answers_is_read_quickly() -> None:
    texts = {f"s{n}": " ".join(f"w{n}x{word}" for word in range(3000)) for n in range(8)}
    plan = Plan([Step(name, "Describe it.") for name in texts])
    chunks = [f"{word} " for text in texts.values() for word in text.split()]
    began = time.process_time()
    reading = StreamedCoverage(Coverage(plan, texts))
    for chunk in chunks:
        assert not reading.complete or chunk.startswith("w7x")
        reading.add(chunk)
    assert reading.complete
    assert time.process_time() - began < 5, "each chunk has read the whole text again"


# properties ----------------------------------------------------------------------------------------

ANY = st.text(max_size=60).filter(str.strip) | st.sampled_from(
    [text for parts in ALL.values() for text in parts.values()]
)
GLUE = st.text(max_size=12).map(lambda glue: f"\n{glue}\n")
WORD = st.text("abcdefghijklmnopqrstuvwxyzéßжд", min_size=4, max_size=9).filter(
    lambda word: word not in FUNCTION_WORDS and keys_of(word) == {word}
)


def planned(asked: list[str], texts: list[str]) -> tuple[Plan, dict[str, str]]:
    plan = Plan([Step(str(place), each) for place, each in enumerate(asked)])
    return plan, {str(place): text for place, text in enumerate(texts)}


@pytest.mark.full
@given(st.data(), st.lists(ANY, min_size=1, max_size=5))
@settings(max_examples=300, deadline=None)
def test_all_the_answers_in_any_order_use_every_part(data: st.DataObject, texts: list[str]) -> None:
    asked = [data.draw(ANY, "asked") for _ in texts]
    plan, answers = planned(asked, texts)
    joined = data.draw(GLUE)
    for text in data.draw(st.permutations(texts)):
        joined += text + data.draw(GLUE)
    assert unused(plan, answers, joined) == []


@given(st.data(), st.integers(2, 5))
@settings(max_examples=200, deadline=None)
def test_an_answer_of_words_of_its_own_that_is_not_there_is_left_out(
    data: st.DataObject, count: int
) -> None:
    words = data.draw(st.lists(WORD, min_size=count, max_size=60, unique_by=str.casefold))
    texts = [" ".join(words[place::count]) for place in range(count)]
    plan, answers = planned(["Describe it."] * count, texts)
    gone = data.draw(st.integers(0, count - 1))
    rest = data.draw(st.permutations(texts[:gone] + texts[gone + 1 :]))
    assert unused(plan, answers, "\n\nand the ".join(rest)) == [str(gone)]


@pytest.mark.full
@given(st.data(), st.lists(ANY, min_size=1, max_size=4))
@settings(max_examples=200, deadline=None)
def test_a_text_read_in_pieces_is_the_whole_text(data: st.DataObject, texts: list[str]) -> None:
    """What has passed once does not fail in the end, however the text is cut."""
    plan, answers = planned(["Describe it."] * len(texts), texts)
    kept = data.draw(st.lists(st.sampled_from(texts), max_size=5))
    joined, reading, at = " ".join(kept), StreamedCoverage(Coverage(plan, answers)), 0
    while at < len(joined):
        size = data.draw(st.integers(1, 9))
        reading.add(joined[at : at + size])
        at += size
        if reading.complete:
            assert unused(plan, answers, joined) == []
    reading.add(" ")
    assert reading.complete == (unused(plan, answers, joined) == [])
