"""What reviewers tried on the structural planner: what must stay whole, and what refers to what."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.decompose import Plan, StructuralPlanner
from lc_asym_router.decompose.splitting.tokens import FILLER, masked
from tests.decompose.splitting.test_structure import LINKED, SPLIT, WHOLE

split = StructuralPlanner()

ONE_TASK = [
    line.replace("\\r", "\r").replace("\\n", "\n")
    for line in Path(__file__).with_name("whole.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("# Texts")
]

NEEDS = {
    "1. What is the capital of France?\n2. Which is larger, 9.11 or 9.9?\n"
    "3. How many legs does a spider have?\n4. What is the boiling point of water?": [
        (),
        (),
        (),
        (),
    ],
    "1. Who wrote Faust?\n2. When was the author born?": [(), ("1",)],
    "1. Write a short story.\n2. Translate the story into French.": [(), ("1",)],
    "1. What is 17*23?\n2. Why?": [(), ("1",)],
    "1. What is TCP?\n2. What is UDP?\n3. Which is faster?": [(), (), ("1", "2")],
    "1. What is TCP?\n2. What is UDP?\n3. Compare the two.": [(), (), ("1", "2")],
    "1. What is TCP?\n2. What is UDP?\n3. What is the difference between them?": [
        (),
        (),
        ("1", "2"),
    ],
    "1. What is TCP?\n2. What is UDP?\n3. What is the difference?": [(), (), ("1", "2")],
    "1. Write a poem.\n2. What is UDP?\n3. Translate it into French.": [(), (), ("1", "2")],
    "1. Write a poem.\n2. Translate the poem into French.\n3. Count the lines of both.": [
        (),
        ("1",),
        ("1", "2"),
    ],
    "Do the following tasks:\n1. Choose a number between 1 and 10.\n2. Multiply by 3.\n3. Add 4.": [
        (),
        ("1",),
        ("1", "2"),
    ],
    "Do these tasks:\n1. What is 2+2?\n2. What is 3+3?\n3. Add both numbers.": [(), (), ("1", "2")],
    "Write a haiku about rain, then explain TCP, then compare the two.": [(), ("1",), ("1", "2")],
    "Write a haiku about rain, then explain TCP, then translate the haiku.": [
        (),
        ("1",),
        ("1", "2"),
    ],
    "Write a haiku about rain and then translate it into German.": [(), ("1",)],
    "Summarize the plot of Faust, then translate the summary into French, and finally count its "
    "words.": [(), ("1",), ("2",)],
    "1. What is 17 times 23?\n2. What is 19 times 21?\n3. Add both numbers.": [(), (), ("1", "2")],
    "1. What is 2+2?\n2. Multiply your answer by 10.": [(), ("1",)],
    "1. What is a stack?\n2. Implement one in Python.": [(), ("1",)],
    "1. Describe Rome.\n2. Recommend a hotel.": [(), ("1",)],
    "1. Draft an email to Bob.\n2. Write a reply.": [(), ("1",)],
    "1. Solve x+2=5.\n2. What is x squared?": [(), ("1",)],
    "1. Explain Docker.\n2. Explain Kubernetes.\n3. Summarize everything.": [(), (), ("1", "2")],
    "1. Where is Rome?\n2. Where is Oslo?\n3. Where is Bern in relation to (a)?": [
        (),
        (),
        ("1", "2"),
    ],
    "a) What is TCP?\nb) What is UDP?\nc) Which is faster?": [(), (), ("1", "2")],
    "1. Name a river.\n2. Name a town.\n3. Compare answer 1 with the previous answer.\n4. Why?": [
        (),
        (),
        ("1", "2"),
        ("1", "2", "3"),
    ],
    "1. Explain the sky.\n2. Why is the sky blue?": [(), ()],
    "1. What is gravity?\n2. How does photosynthesis work?\n3. What is the capital of Peru?": [
        (),
        (),
        (),
    ],
}

TOLD = {
    "Answer these questions in French:\n1. What is a cat?\n2. What is a dog?": [
        "Answer these questions in French:\n\nWhat is a cat?",
        "Answer these questions in French:\n\nWhat is a dog?",
    ],
    "Answer these questions about Python 2:\n1. How do I print 2?\n2. What is 3/2?": [
        "Answer these questions about Python 2:\n\nHow do I print 2?",
        "Answer these questions about Python 2:\n\nWhat is 3/2?",
    ],
    "Solve these problems without a calculator:\n1. 17*23\n2. 19*21": [
        "Solve these problems without a calculator:\n\n17*23",
        "Solve these problems without a calculator:\n\n19*21",
    ],
    "Answer briefly:\n\n1. What is TCP?\n\n2. What is UDP?\n\nThanks!": [
        "Answer briefly:\n\nWhat is TCP?\n\nThanks!",
        "Answer briefly:\n\nWhat is UDP?\n\nThanks!",
    ],
    "Consider f(x)=x^2.\n\n1. Find f(2).\n2. Find the derivative of f.": [
        "Consider f(x)=x^2.\n\nFind f(2).",
        "Consider f(x)=x^2.\n\nFind the derivative of f.",
    ],
    "1. What is TCP?\n1. What is UDP?\n1. What is HTTP?": [
        "What is TCP?",
        "What is UDP?",
        "What is HTTP?",
    ],
    "Answer:\na) What is TCP?\nb) What is UDP?": ["What is TCP?", "What is UDP?"],
    "1. Who wrote Faust?\n2. Explain TCP.\n3. Plan a trip to Rome.": [
        "Who wrote Faust?",
        "Explain TCP.",
        "Plan a trip to Rome.",
    ],
    "Respond to these:\n- Can I have a refund?\n- Where is order 17?": [
        "Respond to these:\n\nCan I have a refund?",
        "Respond to these:\n\nWhere is order 17?",
    ],
    "Keep it short.\n1. What is TCP?\n2. What is UDP?": [
        "Keep it short.\n\nWhat is TCP?",
        "Keep it short.\n\nWhat is UDP?",
    ],
    "Given this code:\n```python\nx=1\n```\n1. What does the code do?\n2. What is TCP?": [
        "Given this code:\n```python\nx=1\n```\n\nWhat does the code do?",
        "Given this code:\n```python\nx=1\n```\n\nWhat is TCP?",
    ],
    "Please do the following:\n1. What is TCP?\n2. What is UDP?": ["What is TCP?", "What is UDP?"],
    "Hi! I have two questions:\n1. What is TCP?\n2. What is UDP?": ["What is TCP?", "What is UDP?"],
    "I have two questions. First, what is TCP? Second, what is UDP?": [
        "First, what is TCP?",
        "Second, what is UDP?",
    ],
    "1. What is TCP?\n2. What is UDP?\nAnswer briefly.": [
        "What is TCP?\n\nAnswer briefly.",
        "What is UDP?\n\nAnswer briefly.",
    ],
    "For each of these words give a synonym:\n- big\n- small": [
        "For each of these words give a synonym:\n\nbig",
        "For each of these words give a synonym:\n\nsmall",
    ],
    "Give a synonym for each of these words:\n- big\n- small": [
        "Give a synonym for each of these words:\n\nbig",
        "Give a synonym for each of these words:\n\nsmall",
    ],
    "What is the capital of Peru? How big is it? Who wrote Faust?": [
        "What is the capital of Peru? How big is it?",
        "Who wrote Faust?",
    ],
    "1. What does this do?\n```\n2. no\n```\n2. What is UDP?": [
        "What does this do?\n```\n2. no\n```",
        "What is UDP?",
    ],
}

SPLIT_TEXTS = [*(text for text, *_ in [*SPLIT.values(), *LINKED.values()]), *NEEDS, *TOLD]
ALL_TEXTS = [*SPLIT_TEXTS, *WHOLE, *ONE_TASK]


def parts(plan: Plan | None) -> list[tuple[str, tuple[str, ...]]] | None:
    return plan and [(step.instruction, step.needs) for step in plan.steps]


@pytest.mark.parametrize("text", ONE_TASK)
def test_one_task_stays_whole(text: str) -> None:
    assert parts(split(text)) is None


@pytest.mark.parametrize("text", NEEDS)
def test_what_may_refer_to_earlier_parts_needs_them(text: str) -> None:
    plan = split(text)
    assert plan is not None
    assert [step.needs for step in plan.steps] == NEEDS[text]


@pytest.mark.parametrize("text", TOLD)
def test_what_is_said_of_all_parts_is_said_to_each(text: str) -> None:
    plan = split(text)
    assert plan is not None
    assert [step.instruction for step in plan.steps] == TOLD[text]


@given(st.sampled_from(ALL_TEXTS), st.sampled_from(["\r\n", "\r"]))
@settings(max_examples=400, deadline=None)
def test_other_systems_newlines_change_nothing(text: str, newline: str) -> None:
    unix = text.replace("\r\n", "\n")
    found = parts(split(unix.replace("\n", newline)))
    assert found == parts(split(unix))
    assert not found or not any("\r" in instruction for instruction, _ in found)


@given(
    st.sampled_from([text for text in SPLIT_TEXTS if "```" not in text]),
    st.sampled_from(["Fix this:\n", "", "What is this?\n\n"]),
    st.sampled_from(
        [
            "```\n{}\n```",
            "````text\n```\n{}\n```\n````",
            "~~~\n{}\n~~~",
            "<pre>\n{}\n</pre>",
            "<text>{}</text>",
            "“{}”",
            "«{}»",
            "Translate the following: {}",
            "Translate the following:\n{}",
            "Translate the following:\n\n{}",
            "Summarize this text.\n\n{}",
        ]
    ),
)
@settings(max_examples=400, deadline=None)
def test_a_text_that_is_given_is_not_split(text: str, before: str, around: str) -> None:
    assert parts(split(before + around.format(text))) is None


@given(st.sampled_from([text for text in SPLIT_TEXTS if '"' not in text and "\n\n" not in text]))
@settings(max_examples=100, deadline=None)
def test_a_text_in_plain_quotes_is_not_split(text: str) -> None:
    for around in ('"{}"', 'Who said "{}"?', 'Translate "{}" into German.'):
        assert parts(split(around.format(text))) is None


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a `b?` c ``d?`` e", "a  c  e"),
        ("a ```b? c?``` d", "a  d"),
        ("````\n```\nb?\n```\n````\na", "\na"),
        ("```\nb?\n``\nc", ""),
        ("a ```py\nb?\n```\nc", "a \nc"),
        ("~~~\n```\n~~~\na", "\na"),
        ("a <code>b?</code> c", "a  c"),
        ("a <pre>b? c", "a "),
        ("a < b > c <d and e", "a < b > c <d and e"),
        ('a 5" disk? b', 'a 5" disk? b'),
        ('a "b? c?\nd', "a \nd"),
        ("a “b? c?", "a "),
        ("don't 'b? c?' d's", "don't  d's"),
        ("> b?\na", "\na"),
    ],
)
def test_what_is_hidden(text: str, seen: str) -> None:
    assert masked(text).replace(FILLER, "") == seen


HOSTILE = {
    "spaces": lambda n: f"Explain a{' ' * n}b.",
    "spaces behind then": lambda n: f"Explain a, then{' ' * n}b.",
    "newlines": lambda n: f"Explain a{chr(10) * n}b.",
    "dots": lambda n: f"Who? {'.' * n}a",
    "dots and spaces": lambda n: f"Who? {'. ' * (n // 2)}a",
    "marks": lambda n: f"Who {'?' * n}a",
    "open quotes": lambda n: "“" * n,
    "open low quotes": lambda n: "„" * n,
    "open guillemets": lambda n: "« " * (n // 2),
    "plain quotes": lambda n: '"' * n + "a",
    "apostrophes": lambda n: "'a " * (n // 3),
    "inner apostrophes": lambda n: "'" + "a'a" * (n // 3),
    "ticks": lambda n: "".join("`" * k + "a" for k in range(1, int((2 * n) ** 0.5))),
    "fences": lambda n: "````\n```\n" * (n // 9),
    "tags": lambda n: "".join(f"<a{k}>" for k in range(n // 7)),
    "please": lambda n: "can you please " * (n // 15) + "x",
    "then": lambda n: "Explain it, " + "then " * (n // 5),
    "spaces behind each": lambda n: f"Translate each word {' ' * n}.x\n- a\n- b",
    "spaces behind answer": lambda n: f"Answer{' ' * n}x:\n- a?\n- b?",
    "spaces behind hello": lambda n: f"Hi{' ' * n},x\n- a?\n- b?",
    "a long word": lambda n: f"{'a' * n} is. Who wrote Faust? Who wrote Emma?",
    "these": lambda n: "Answer " + "these " * (n // 6) + ":\n- a?\n- b?",
    "dashes in a list": lambda n: (
        f"1. Show a {'-' * (n // 6)} b {'-' * (n // 6)} c {'-' * (n // 6)} d\n"
        f"2. Show f {'-' * (n // 6)} g {'-' * (n // 6)} h {'-' * (n // 6)} k"
    ),
    "a rule of spaces": lambda n: f"Classify each row:\n| a |\n|{' ' * n}x\n| b |",
    "a rule of cells": lambda n: "Classify each row:\n| a |\n" + "| -- " * (n // 5) + "x\n| b |",
    "the": lambda n: "Who wrote Faust? What is " + "the " * (n // 4) + "?",
    "names": lambda n: "Who wrote Faust? Who is in " + "A " * (n // 2) + "?",
    "numbers": lambda n: "1. What is a?\n2. What is step 1" + ", 2" * (n // 3) + "x?",
    "questions": lambda n: "What is TCP? " * (n // 13),
    "items": lambda n: "\n".join(f"- What is {k}?" for k in range(n // 13)),
}


@pytest.mark.full
@pytest.mark.parametrize("name", HOSTILE)
def test_the_time_grows_with_the_length_and_not_with_its_square(name: str) -> None:
    """Four times the text takes about four times as long; a square would be sixteen times."""
    assert any(_growth(HOSTILE[name]) < 10 for _ in range(3))  # a busy machine may disturb one


def _growth(make: Callable[[int], str]) -> float:
    short, long = (_seconds(make(n)) for n in (4_500, 18_000))
    return long / max(short, 1e-3)


def _seconds(text: str) -> float:
    begun = time.thread_time()  # what this thread has worked: a busy machine is no part of it
    masked(text)
    split(text)
    return time.thread_time() - begun


def test_a_very_long_text_is_not_looked_at() -> None:
    assert split("1. What is TCP?\n2. What is UDP?\n3. What is " + "x" * 20_000) is None
