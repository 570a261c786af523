"""Reading what a model, a file, a server or a client wrote: nothing but the documented errors, and
time that grows with the length.

`LC_ASYM_ROUTER_FUZZ` is the number of examples of each kind, `make fuzz` takes many.
"""

from __future__ import annotations

import gc
import os
import random
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.verify import outside_readers, readers, stored_readers
from tests.verify.degenerate import AFTER, BEFORE, PIECES, degenerate
from tests.verify.outside_readers import OUTSIDE
from tests.verify.readers import DOCUMENTED, public_functions
from tests.verify.stored_readers import STORED

EXAMPLES = int(os.environ.get("LC_ASYM_ROUTER_FUZZ", "6"))
READERS = {**readers.READERS, **OUTSIDE, **STORED}
SHORT, LONG = (1_500, 12_000), (18_750, 150_000)
FACTOR = 3
"""How much faster than the length time may grow; eight times the length is eight times as much."""
UNMEASURED = 0.004
"""Seconds of computing that are too few to compare."""


def test_every_public_function_is_read_here():
    assert public_functions() <= set(readers.READERS)
    assert public_functions(outside_readers.MODULES) <= set(OUTSIDE)
    assert public_functions(stored_readers.MODULES) <= set(STORED)
    assert len(READERS) == len(readers.READERS) + len(OUTSIDE) + len(STORED)


def seconds(reader, text: str) -> float:
    """Computing time of this process, which other processes do not lengthen."""
    started = time.process_time()
    with suppress(*DOCUMENTED):
        reader(text)
    return time.process_time() - started


def grows_too_fast(reader, piece: str, before: str, after: str) -> bool:
    gc.disable()
    try:
        for sizes in (SHORT, LONG):
            short, long = (degenerate(piece, size, before, after) for size in sizes)
            base, most = UNMEASURED, float("inf")
            for _ in range(5):
                most = min(most, seconds(reader, long))
                if most <= 8 * FACTOR * UNMEASURED:
                    break
                base = max(UNMEASURED, min(seconds(reader, short) for _ in range(3)))
                if most <= 8 * FACTOR * base:
                    break
            else:
                return True
    finally:
        gc.enable()
    return False


@pytest.mark.full
@pytest.mark.parametrize("name", READERS)
def test_time_grows_at_most_with_the_length(name):
    choose = random.Random(f"{name}/{os.environ.get('LC_ASYM_ROUTER_SEED', '0')}")
    for _ in range(EXAMPLES):
        piece, before, after = (choose.choice(each) for each in (PIECES, BEFORE, AFTER))
        assert not grows_too_fast(READERS[name], piece, before, after), (piece, before, after)


SEEN = [
    *(("Looping", piece, "", "") for piece in ("0 ", "1 ", "a ", "a b ", "東")),
    *(("schemas.parse_json", piece, "```json", "x") for piece in ("\n", " ", "\t\n", "```", "{")),
    *(("structured_output.json_in", piece, "```json", "x") for piece in ("\n", "[", '{"a":', "\\")),
]
"""Readers whose work has grown with the square of a text's length, the text, and its neighbours."""


@pytest.mark.parametrize(("name", "piece", "before", "after"), SEEN)
def test_what_was_seen_to_take_its_square(name, piece, before, after):
    assert not grows_too_fast(READERS[name], piece, before, after)


@pytest.mark.full
def test_quadratic_work_is_seen():
    def reader(text: str) -> int:
        return sum(text[:at].count("a") for at in range(0, len(text), 8))

    assert grows_too_fast(reader, "a", "", "")


def test_linear_work_is_not_taken_for_it():
    assert not grows_too_fast(lambda text: sum(char == "a" for char in text * 4), "a", "", "")


TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.text(max_size=200),
    st.builds(
        degenerate,
        st.sampled_from(PIECES),
        st.sampled_from([3, 30, 300, 1_500, 5_000]),
        st.sampled_from(BEFORE),
        st.sampled_from(AFTER),
    ),
    st.builds(
        lambda opening, depth, inner, closing: opening * depth + inner + closing * depth,
        st.sampled_from(
            ["[", "{", "(", '{"a":', '{"answer":[', "\\frac{", "-", "x^", "f(", "\\boxed{"]
        ),
        st.sampled_from([2, 199, 201, 800, 3_000, 100_000]),
        st.sampled_from(["", "1", '"a"', "x"]),
        st.sampled_from(["", "]", "}", ")", "]}"]),
    ),
)


@pytest.mark.full
@example("\ud800" * 3)  # half a pair
@given(TEXTS)
@settings(
    max_examples=EXAMPLES * 5,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_nothing_but_the_documented_errors(text):
    for reader in READERS.values():
        with suppress(*DOCUMENTED):
            reader(text)


@pytest.mark.parametrize(
    "depth",
    [
        800,
        pytest.param(3_000, marks=pytest.mark.full),
        pytest.param(100_000, marks=pytest.mark.full),
    ],
)
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('[{"a":', "}]"), ("(", ")")])
@pytest.mark.parametrize("inside", ["{}", '```json\n{{"answer": {}}}\n```', "\\boxed{{{}}}"])
def test_brackets_in_brackets(depth, opening, closing, inside):
    text = inside.format(f"{opening * depth}1{closing * depth}")
    for reader in READERS.values():
        with suppress(*DOCUMENTED):
            reader(text)
    with pytest.raises(DOCUMENTED):
        READERS["schemas.parse_json"](text)
    assert not READERS["ParsesAsJSON"](text).passed


CORPUS = sorted((Path(__file__).parent / "corpus").glob("*.txt"))


def test_the_corpus_is_there():
    assert len(CORPUS) >= 19


@pytest.mark.full
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_degenerate_outputs_kept_as_files(path):
    """As they are, and cut off anywhere: every reader says something of them, or what it documents."""
    with path.open(encoding="utf-8", newline="") as file:
        whole = file.read()
    for text in (whole, whole[: len(whole) // 2], whole[-500:], f"```json\n{whole}\n```"):
        for reader in READERS.values():
            with suppress(*DOCUMENTED):
                reader(text)
