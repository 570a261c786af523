"""Kinds of work: what is seen of a request, the training, its figures, and the shipped weights."""

from __future__ import annotations

import json
import math
import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router._internal.model_file import read_model, write_model
from lc_asym_router.classify import LearnedClassifier
from lc_asym_router.classify.classifier_weights import KIND, SHIPPED, load_weights
from lc_asym_router.classify.kind_features import BUCKETS, KIND_NAMES, kind_features
from lc_asym_router.classify.kinds import COMPLEX_KINDS, KINDS
from lc_asym_router.classify.scorer import RUBRIC
from lc_asym_router.classify.text_features import FEATURES_VERSION
from lc_asym_router.errors import DataError, ModelFileError
from lc_asym_router.evals.kind_metrics import (
    KindRow,
    Pair,
    kind_report,
    load_kinds,
    own_rows,
    pairs_of,
)
from lc_asym_router.evals.training.kind_fitting import fit_kinds, kind_table
from lc_asym_router.shell import main
from tests.evals.training.test_train import _file, _rows

LEARNED = LearnedClassifier()
SIMPLE = ("what is the time in {}", "play {} please", "translate {} now")
HARD = ("refactor the {} class", "prove the {} theorem", "design a {} architecture")


def _kind_rows(source: str, side: str, number: int = 24) -> list[dict]:
    draw = random.Random(source)
    forms = SIMPLE if side == "simple" else HARD
    names = [f"{source}{place}" for place in range(6)]
    return [
        {
            "source": source,
            "side": side,
            "kind": "factual" if side == "simple" else "design",
            "language": ("en", "de")[place % 2],
            "query": f"{draw.choice(forms).format(draw.choice(names))} {place}",
        }
        for place in range(number)
    ]


@pytest.fixture
def folder(tmp_path):
    """Two made-up sources of each side, and rows of neither."""
    where = tmp_path / "kinds"
    where.mkdir()
    mixed = [{"source": "m", "side": "mixed", "query": "write a poem"}]
    return _file(
        where,
        ("s1", _kind_rows("sa", "simple")),
        ("s2", _kind_rows("sb", "simple")),
        ("c1", [*_kind_rows("ca", "complex"), *mixed]),
        ("c2", _kind_rows("cb", "complex")),
    )


@pytest.fixture
def scored(tmp_path):
    """Two made-up sources with both models' scores."""
    where = tmp_path / "scored"
    where.mkdir()
    return _file(where, ("one", _rows("one", 80, 1)), ("two", _rows("two", 80, 2)))


# What is seen of a request -----------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=1000))
def test_any_text_has_features(text):
    found = kind_features(text)
    assert len(found.dense) == len(KIND_NAMES)
    assert all(math.isfinite(value) for value in found.dense)
    assert list(found.places) == sorted(set(found.places))
    assert all(0 <= place < BUCKETS for place in found.places)
    assert len(found.places) * found.share**2 == pytest.approx(1 if found.places else 0)


def test_texts_without_spaces_are_read_by_characters_and_pairs():
    assert set(kind_features("重构").places) < set(kind_features("请重构代码").places)


# The shipped weights -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["hi", "hello there, how are you?", "What is the capital of France?", "thanks a lot"]
)
def test_simple_requests_stand_far_below_complex_ones(text):
    hard = LEARNED.complexity("design a multi-region failover for payments, RPO 0")
    assert LEARNED.complexity(text) < 0.25
    assert hard > 0.8


def test_the_reason_names_the_kind():
    text = "Refactor this class so that the database can be swapped in tests."
    told = LEARNED.invoke({"state": text, "questions": {"q": RUBRIC}})
    kind = LEARNED.kind(text)
    assert kind in COMPLEX_KINDS.values()
    assert told.reason.startswith(f"{kind}: {LEARNED.complexity(text):.2f}; expected gain 0.")
    assert "its kind" in [part.name for part in told.parts]
    assert LEARNED.kind("😀") == ""


def test_the_own_rows_are_three_hundred_in_five_languages_and_a_third_is_kept():
    rows = [row for row in own_rows() if row.kind in ("debug", "planning", "logic")]
    assert len(rows) >= 300
    assert len({row.language for row in rows}) == 5
    shares = Counter((row.kind, row.language, row.split) for row in rows)
    for row in rows:
        test = shares[row.kind, row.language, "test"]
        assert 0.28 <= test / (test + shares[row.kind, row.language, "train"]) <= 0.35
    assert len({row.query for row in own_rows()}) == len(own_rows())
    assert {row.kind for row in own_rows()} == set(KINDS)


def test_the_kept_rows_stand_over_the_kept_simple_ones():
    """Not the figure of the card, which is against other sources: only that they are in order."""
    test = [row for row in own_rows() if row.split == "test"]
    pair = next(pairs_of(test, LEARNED.complexity))
    assert kind_report([pair]).auroc > 0.85


def test_the_shipped_card_tells_where_the_weights_come_from():
    card = SHIPPED.with_suffix(".md").read_text()
    kinds = load_weights().kinds
    assert f"{kinds.blend.threshold:.4f}" in card
    for source in ("banking77", "humaneval_xl", "mmlupro", "CC-BY-4.0", "evals/training"):
        assert source in card


# Weights that don't fit --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arrays", "meta"),
    [
        ({"kind_words": [1]}, {}),
        ({"kind_words": [0.5] * BUCKETS}, {}),
        ({"scored_dense": [1.0]}, {}),
        ({"kind_naming": [1.0]}, {}),
        ({}, {"names": ["no such kind"]}),
        ({}, {"names": 3}),
        ({}, {"features": 999}),
        ({}, {"blend": {}}),
        ({}, {"blend": {"slope": -1.0}}),
        ({}, {"blend": {"slope": 1e9}}),
        ({}, {"blend": {"threshold": 2.0}}),
        ({}, {"kind": {"step": None, "bias": 0.0}}),
    ],
)
def test_kinds_that_do_not_fit_are_refused(tmp_path, arrays, meta):
    shipped = read_model(SHIPPED, KIND, features=FEATURES_VERSION)
    kinds = dict(shipped.meta["kinds"])
    if "blend" in meta:
        meta = {"blend": meta["blend"] and {**kinds["blend"], **meta["blend"]}}
    changed = {**shipped.meta, "kinds": {**kinds, **meta}}
    path = tmp_path / "bad.json"
    write_model(path, KIND, {**shipped.arrays, **arrays}, changed, features=FEATURES_VERSION)
    with pytest.raises(ModelFileError, match=r"(don't fit|lacks a part).*Train"):
        LearnedClassifier(path=path)


# Rows --------------------------------------------------------------------------------------------


def test_rows_of_neither_side_are_passed_over(folder):
    rows = load_kinds(folder)
    assert len(rows) == 96
    assert {row.source for row in rows} == {"sa", "sb", "ca", "cb"}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"side": "simple", "source": "a"}, "'query' must be"),
        ({"side": "simple", "query": "hi"}, "'source' must name"),
        ({"side": "simple", "query": "hi", "source": "a"}, "No row has the side 'complex'"),
        ({"query": "hi", "source": "a"}, "No row has the side"),
    ],
)
def test_rows_that_do_not_do(tmp_path, row, told):
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    with pytest.raises(DataError, match=told):
        load_kinds(tmp_path)


# The figures -------------------------------------------------------------------------------------


def _pair(low: list[float], high: list[float], short: int = 10, long: int = 10) -> Pair:
    return Pair(
        [KindRow("x" * short, "s", "simple", language="en") for _ in low],
        [KindRow("x" * long, "c", "complex", language="en") for _ in high],
        np.asarray(low),
        np.asarray(high),
    )


def test_the_figures_are_means_over_pairs():
    low = [place / 100 for place in range(100)]
    report = kind_report([_pair(low, [2.0] * 10), _pair(low, [-1.0] * 10)])
    assert (report.auroc, report.auroc_matched, report.by_pair_min) == (0.5, 0.5, 0.0)
    assert report.up_at_5 == 0.5
    assert report.by_language == {"en": 0.5}


def test_matched_pairs_differ_by_at_most_a_quarter_of_the_longer():
    assert kind_report([_pair([0.0], [1.0], 75, 100)]).auroc_matched == 1.0
    assert kind_report([_pair([0.0], [1.0], 74, 100)]).auroc_matched is None


# The training ------------------------------------------------------------------------------------


def test_a_source_that_is_left_out_leaves_no_trace(folder):
    table = kind_table(load_kinds(folder), [])
    (place,) = kind_features("cb").places  # a word that no other source has
    assert fit_kinds(table)[place] != 0
    assert fit_kinds(table, ("cb", "sa"))[place] == 0


def test_rows_that_are_kept_for_the_test_are_not_learned_from(folder):
    rows = load_kinds(folder)
    seen = fit_kinds(kind_table(rows, []))
    kept = KindRow("refactor play", "own", "simple", split="test")
    assert fit_kinds(kind_table(rows, [kept])) == pytest.approx(seen)


@pytest.mark.full
def test_trained_from_the_shell(folder, scored, tmp_path, capsys):
    (folder / "README.md").write_text(
        "| file | licence |\n| --- | --- |\n| ca | CC0 |\n| zz | GPL |\n"
    )
    command = ["train", "--data", str(scored), "--kinds", str(folder), "--json", "--out"]
    files = []
    for name in ("a.json", "b.json"):
        assert main([*command, str(tmp_path / name)]) == 0
        files.append((tmp_path / name).read_bytes())
    assert files[0] == files[1]
    told = json.loads(capsys.readouterr().out.splitlines()[0])["kinds"]
    assert told["auroc"] > 0.8
    assert set(told["apgr"]) == {"one", "two"}
    assert {"all", "debug", "planning", "logic", "zh"} <= set(told["own_test"])
    card = (tmp_path / "a.md").read_text()
    assert "| ca | CC0 |" in card
    assert "GPL" not in card
    assert str(tmp_path) not in card
    own = LearnedClassifier(path=tmp_path / "a.json")
    assert own.complexity("play music please") < own.complexity("design the payment architecture")
    # And the same figures by the other command, with these weights.
    left_out = ["evaluate", "--data", str(folder), "--kinds", "--leave-one-source-out", "--json"]
    assert main([*left_out, "--weights", str(tmp_path / "a.json")]) == 0
    again = json.loads(capsys.readouterr().out)["kinds"]
    assert again["auroc"] == pytest.approx(told["auroc"], abs=0.01)
    assert set(again) == {"auroc", "auroc_matched", "up_at_5", "by_language", "by_pair_min"}


def test_evaluated_from_the_shell(folder, capsys):
    assert main(["evaluate", "--data", str(folder), "--kinds", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)["kinds"]
    assert figures["auroc"] > 0.9
    assert set(figures["by_language"]) == {"de", "en"}
    assert main(["evaluate", "--data", str(folder), "--kinds", "--classify", "keyword"]) == 0
    assert "auroc_matched" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--leave-one-source-out"], "belongs to --kinds"),
        (["--kinds", "--cascade"], "leave --cascade"),
        (["--kinds", "--leave-one-source-out", "--classify", "keyword"], "--classify learned"),
    ],
)
def test_options_that_do_not_go_together(folder, more, told, capsys):
    assert main(["evaluate", "--data", str(folder), *more]) == 2
    assert told in capsys.readouterr().err


def test_weights_without_kinds_and_sources_too_few_are_refused(folder, scored, tmp_path, capsys):
    plain = tmp_path / "plain.json"
    assert main(["train", "--data", str(scored), "--out", str(plain)]) == 0
    command = ["evaluate", "--data", str(folder), "--kinds", "--leave-one-source-out"]
    assert main([*command, "--weights", str(plain)]) == 2
    assert "know no kinds" in capsys.readouterr().err
    (folder / "s2.jsonl").unlink()
    assert main(command) == 2
    assert "needs two sources" in capsys.readouterr().err
    verifier = ["train", "--what", "verifier", "--data", str(scored), "--out", str(plain)]
    assert main([*verifier, "--kinds", str(folder)]) == 2
    assert "--kinds belongs to" in capsys.readouterr().err
