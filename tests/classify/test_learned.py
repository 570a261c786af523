"""The learned classifier: its scores, its errors, and what it says of itself."""

from __future__ import annotations

import asyncio
import math
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.decisions import Choice
from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router._internal.model_file import write_model
from lc_asym_router.classify import LearnedClassifier
from lc_asym_router.classify.classifier_weights import KIND, SHIPPED, load_weights
from lc_asym_router.classify.scorer import RUBRIC, Scorer
from lc_asym_router.classify.text_features import (
    FEATURES_VERSION,
    HEAD,
    NAMES,
    TAIL,
    question_features,
    read_question,
)
from lc_asym_router.errors import ConfigurationError, ModelFileError
from lc_asym_router.records.request import Request
from lc_asym_router.router.settings import scorer_of

LEARNED = LearnedClassifier()
HARD = (
    "A farmer has 40 sheep and sells a quarter of them before the winter. If each remaining sheep "
    "eats twice as much hay as before, while the total price of hay rises by 15 percent every "
    "month until spring, how much more does he pay than his neighbour, who only keeps 12 goats?"
)


def test_a_question_with_many_parts_is_more_complex_than_a_short_one():
    assert 0 < LEARNED.complexity("hi there") < LEARNED.complexity(HARD) < 1


def test_the_answer_to_a_score_question():
    scored = Scorer(LEARNED).score(Request(messages=(HumanMessage(HARD),)), {})
    assert scored.complexity == pytest.approx(LEARNED.complexity(HARD))
    assert scored.classifier == "learned"
    assert scored.confidence == pytest.approx(max(scored.complexity, 1 - scored.complexity))
    assert "; expected gain 0." in scored.reason
    assert not {"sheep", "farmer", "winter", "hay"} & set(scored.reason.split())


def test_the_async_twin_says_the_same():
    request = Request(messages=(HumanMessage(HARD),))
    scorer = Scorer(LEARNED)
    assert asyncio.run(scorer.ascore(request, {})) == scorer.score(request, {})


def test_a_choice_question_is_answered_too():
    question = Choice(instructions="Which?", criteria={"cheap": "easy", "dear": "hard"})
    told = LEARNED.invoke({"state": HARD, "questions": {"which": question}})
    assert told.answers["which"].choice in {"cheap", "dear"}
    assert sum(told.answers["which"].probabilities.values()) == pytest.approx(1)


@given(st.text(max_size=400))
def test_a_choice_falls_where_the_threshold_does(text):
    question = Choice(instructions="Which?", criteria={"cheap": "easy", "dear": "hard"})
    told = LEARNED.invoke({"state": text, "questions": {"which": question}}).answers["which"]
    over = LEARNED.complexity(text) >= LEARNED.threshold
    assert (told.probabilities["dear"] >= 0.5) is over


def test_only_the_latest_human_turn_counts():
    history = (HumanMessage(HARD), AIMessage("Well."), HumanMessage("thanks a lot"))
    scored = Scorer(LEARNED).score(Request(messages=history), {})
    assert scored.complexity == pytest.approx(LEARNED.complexity("thanks a lot"))


@pytest.mark.parametrize("text", ["", " \n", "😀😀", "?!", "\x00"])
def test_no_signal_is_not_easy(text):
    told = LEARNED.invoke({"state": text, "questions": {"q": RUBRIC}})
    assert told.answers["q"].confidence == 0
    assert LEARNED.complexity(text) > LEARNED.complexity("hi")


def test_other_scripts_are_read():
    assert LEARNED.complexity("你好") < LEARNED.complexity(
        "重构这个模块，使其使用依赖注入，并解释每一步。"
    )


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=2000))
def test_any_text_has_a_complexity(text):
    assert 0 <= LEARNED.complexity(text) <= 1
    assert all(math.isfinite(value) for value in question_features(read_question(text)).values())
    assert tuple(question_features(read_question(text))) == NAMES


@pytest.mark.parametrize(
    "piece",
    ["a", "word ", "9", "1,000.5 ", "😀", "\\", "\\frac{1}{2}$", "A. x\n", "(", "é", "\ud800"],
)
def test_a_megabyte_has_one_too(piece):
    text = piece * (1_000_000 // len(piece))
    assert 0 <= LEARNED.complexity(text) <= 1


def test_of_long_texts_both_ends_count():
    filler = "the same line again and again.\n" * 20_000
    assert len(read_question(filler).text) == HEAD + TAIL + 1
    asked = LEARNED.complexity(filler + HARD)
    assert asked > LEARNED.complexity(filler)
    assert asked == pytest.approx(LEARNED.complexity(filler * 2 + HARD))


def test_the_order_is_strict():
    weights = load_weights()
    span = weights.raw[-1] - weights.raw[0]
    raws = [weights.raw[0] + span * step / 500 for step in range(-1000, 1500)]
    gains = [weights.expected(raw) for raw in raws]
    assert all(low < high for low, high in pairwise(gains))
    assert 0 < gains[0] < gains[-1] < 1
    assert 0 < weights.expected(-1e9) < weights.expected(1e9) < 1


def _write(path, **changes):
    arrays = {
        "mean": [0.0],
        "scale": [1.0],
        "weights": [0.5],
        "words": [],
        "raw": [0.0, 2.0],
        "gain": [0.1, 0.4],
    }
    meta = {"features": ["prose"], "base": 0.3, "threshold": 0.4, **changes.pop("meta", {})}
    version = changes.pop("version", FEATURES_VERSION)
    write_model(path, changes.pop("kind", KIND), {**arrays, **changes}, meta, features=version)
    return path


def test_other_weights(tmp_path):
    own = LearnedClassifier(path=_write(tmp_path / "own.json"))
    assert own.complexity("") == 0.3
    assert own.complexity("one two three") == pytest.approx(0.1 + 0.3 * math.log1p(3) / 4)
    assert own.path == str(tmp_path / "own.json")


def test_hashed_words_count_where_there_are_weights_for_them(tmp_path):
    flat = LearnedClassifier(path=_write(tmp_path / "flat.json"))
    words = LearnedClassifier(path=_write(tmp_path / "words.json", words=[1.0] * 8))
    assert words.complexity("one two") > flat.complexity("one two")
    assert "its words" in words.invoke({"state": "one", "questions": {"q": RUBRIC}}).reason


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": "verifier"}, "of a 'verifier'"),
        ({"version": FEATURES_VERSION + 1}, "version .* of the features"),
        ({"meta": {"features": ["no such feature"]}}, "don't fit"),
        ({"meta": {"features": 3}}, "lacks a part"),
        ({"meta": {"base": None}}, "lacks a part"),
        ({"meta": {"base": 3.0}}, "don't fit"),
        ({"scale": [0.0]}, "don't fit"),
        ({"weights": [1.0, 2.0]}, "don't fit"),
        ({"gain": [0.4, 0.4]}, "don't fit"),
        ({"gain": [0.4]}, "don't fit"),
        ({"raw": [], "gain": []}, "don't fit"),
    ],
)
def test_weights_that_can_not_be_used_are_found_at_construction(tmp_path, changes, told):
    path = _write(tmp_path / "bad.json", **changes)
    with pytest.raises(ModelFileError, match=told):
        LearnedClassifier(path=path)


def test_a_file_that_is_not_there_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError, match="can't be read"):
        LearnedClassifier(path=tmp_path / "none.json")


def test_a_file_that_was_replaced_is_read_again(tmp_path):
    path = _write(tmp_path / "own.json")
    old = LearnedClassifier(path=path)
    import os

    _write(path, meta={"base": 0.7})
    os.utime(path, ns=(1, 1))
    assert (old.complexity(""), LearnedClassifier(path=path).complexity("")) == (0.3, 0.7)


def test_it_is_loaded_once_by_many_threads():
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(lambda _: load_weights(), range(64)))
    assert len({id(weights) for weights in loaded}) == 1


def test_it_can_be_copied_and_pickled():
    for copy in (pickle.loads(pickle.dumps(LEARNED)), LEARNED.model_copy()):
        assert copy.complexity(HARD) == LEARNED.complexity(HARD)


def test_the_router_takes_it_by_name():
    assert scorer_of("learned", 10.0, None).name == "learned"


def test_it_needs_no_numpy_and_ships_with_its_card():
    script = (
        "import sys; from lc_asym_router.classify import LearnedClassifier; "
        "LearnedClassifier().complexity('Why?'); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert SHIPPED.stat().st_size < 1_000_000
    assert "left out" in SHIPPED.with_suffix(".md").read_text()
