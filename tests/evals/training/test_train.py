"""Training on small made-up rows: splits, errors, determinism, and nothing half-written."""

from __future__ import annotations

import json
import os
import random

import numpy as np
import pytest

from lc_asym_router.classify import LearnedClassifier
from lc_asym_router.errors import DataError
from lc_asym_router.evals.data import Answer, Row, load
from lc_asym_router.evals.example import same_question
from lc_asym_router.evals.training.fitting import calibration_curve, pools, steadied_gains
from lc_asym_router.evals.training.train_classifier import train
from lc_asym_router.shell import main

WORDS = [a + b + c for a in "bdfgk" for b in "aeiou" for c in ("lim", "ron", "tas")]


def _rows(source: str, number: int, seed: int) -> list[dict]:
    """Questions of which the longer half gains."""
    draw = random.Random(seed)
    rows = []
    for place in range(number):
        length = draw.randrange(3, 40)
        rows.append(
            {
                "id": f"{source}/{place}",
                "dataset": source,
                "query": f"{place} {source} " + " ".join(draw.sample(WORDS, length)) + "?",
                "weak_score": int(length < 20),
                "strong_score": 1,
                "other": {"tiny": {"score": int(length < 15)}, "large": {"score": 1}},
            }
        )
    return rows


def _file(folder, *sources):
    for source, rows in sources:
        (folder / f"{source}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder


@pytest.fixture
def data(tmp_path):
    """Two sources of made-up questions."""
    folder = tmp_path / "data"
    folder.mkdir()
    return _file(folder, ("one", _rows("one", 120, 1)), ("two", _rows("two", 120, 2)))


def test_what_carries_over_is_learned(data):
    trained = train(load(data))
    assert trained.split == "source"
    assert [result.trained_on for result in trained.sources] == [120, 120]
    assert all(result.apgr > 0.7 for result in trained.sources)
    low, high = trained.mean_ci95
    assert low <= trained.means[trained.shape] <= high
    assert 0 < trained.gains[0] < trained.gains[1] < 1


@pytest.mark.full
def test_from_the_shell(data, tmp_path, capsys):
    (data / "README.md").write_text(
        "| file | licence |\n| --- | --- |\n| one | MIT |\n| three | GPL |\n"
    )
    out = tmp_path / "my.json"
    assert main(["train", "--data", str(data), "--out", str(out), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["apgr"] == pytest.approx(told["means"][told["shape"]])
    card = (tmp_path / "my.md").read_text()
    assert "| one | MIT |" in card
    assert "three" not in card
    assert f"**{told['apgr']:.3f}**" in card
    learned = LearnedClassifier(path=out)
    assert learned.complexity("one " * 3) < learned.complexity(" ".join(WORDS))


@pytest.mark.full
def test_the_same_rows_give_the_same_bytes(data, tmp_path):
    files = []
    for name in ("a", "b"):
        out = tmp_path / name / "c.json"
        out.parent.mkdir()
        assert main(["train", "--data", str(data), "--out", str(out)]) == 0
        files.append(out.read_bytes())
    assert files[0] == files[1]


def test_one_source_is_split_by_question(tmp_path):
    trained = train(load(_file(tmp_path, ("one", _rows("one", 150, 1)))))
    assert trained.split == "question"
    assert len(trained.sources) == 1


def test_shared_questions_never_straddle(data):
    rows = _rows("one", 120, 1)
    copied = [
        {**row, "id": f"three/{place}", "dataset": "three", "query": row["query"].upper() + " Why?"}
        for place, row in enumerate(rows[:80])
    ]
    trained = train(load(_file(data, ("three", copied))))
    left = {result.source: result.trained_on for result in trained.sources}
    assert left["three"] < 240 - 50  # the rows of `one` that it copies are out too
    assert left["one"] < 200 - 50


def _row(query: str, source: str, name: str = "x") -> Row:
    return Row(name, query, Answer(0.0), Answer(1.0), source)


def test_which_questions_are_the_same():
    long = "How many of the very many apples in the large basket are red and not green at all"
    template = (
        "You are given a Python function and an assertion that holds an input to it: what is "
    )
    rows = [
        _row(f"{long}?", "a"),
        _row(f"{long.lower()} -- think step by step", "b"),
        _row("Two plus two?", "a"),
        _row("two, plus TWO", "b"),
        _row("Two plus three?", "b"),
        *(_row(f"{template}{number}", "c") for number in range(5)),
    ]
    numbers = same_question(rows)
    assert numbers[0] == numbers[1]
    assert numbers[2] == numbers[3] != numbers[4]
    assert len(set(numbers[5:])) == 5  # a template's opening is no question


def test_further_models_stand_where_their_scores_are_nearer():
    def answers(number: int) -> dict[str, Answer]:
        return {
            "like weak": Answer(float(number % 2)),
            "like strong": Answer(1.0),
            "broken": Answer(0.0),
            "rare": Answer(1.0 if number == 0 else None),
        }

    rows = [
        Row(str(n), f"q {n}", Answer(float(n < 5)), Answer(1.0), "a", other=answers(n))
        for n in range(10)
    ]
    assert pools(rows) == (["like weak"], ["like strong"])
    # Row 0: its own gain is 0; over the pairs the small ones have 1 and 0, the others 1 and 1.
    assert steadied_gains(rows)[0] == pytest.approx((0 + (1 - 0.5)) / 2)


def test_the_calibration_rises_within_sources():
    draw = np.random.default_rng(0)
    raw = draw.normal(size=2000)
    source = np.repeat([0, 1], 1000)
    gain = (draw.random(2000) < 0.3 + 0.1 * np.tanh(raw)).astype(float)
    places, gains = calibration_curve(raw + 5 * source, gain - 0.2 * source, source)
    assert (np.diff(places) > 0).all()
    assert (np.diff(gains) > 0).all()
    assert gains.mean() == pytest.approx(0.2, abs=0.05)
    assert gains[-1] - gains[0] > 0.08
    # What falls is pooled into one level.
    assert len(calibration_curve(raw, -raw, source)[0]) == 1


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows[:60], "too few"),
        (lambda rows: [{**row, "strong_score": 0} for row in rows], "no gain"),
        (lambda rows: [{**row, "dataset": str(i < 90)} for i, row in enumerate(rows)], "left out"),
        (lambda rows: [{**row, "query": "the same"} for row in rows], "different questions"),
    ],
)
def test_rows_that_do_not_do(tmp_path, change, told, capsys):
    folder = _file(tmp_path, ("one", change(_rows("one", 120, 1))))
    out = tmp_path / "x.json"
    code = main(["train", "--data", str(folder), "--out", str(out)])
    assert code == 2
    assert told in capsys.readouterr().err
    assert not out.exists()
    assert not out.with_suffix(".md").exists()


def test_bad_rows_and_bad_places(tmp_path, data):
    out = tmp_path / "x.json"
    with pytest.raises(DataError):
        load(tmp_path / "none")
    for bad in (tmp_path / "no" / "x.json", tmp_path, tmp_path / "x.md"):
        assert main(["train", "--data", str(data), "--out", str(bad)]) == 2
    assert main(["train", "--data", str(tmp_path / "none"), "--out", str(out)]) == 2
    assert not out.exists()


def test_a_failed_write_leaves_nothing_half_written(data, tmp_path, monkeypatch):
    out = tmp_path / "out" / "x.json"
    out.parent.mkdir()
    out.write_bytes(b"old")

    def full(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["train", "--data", str(data), "--out", str(out)]) == 2
    assert [path.name for path in out.parent.iterdir()] == ["x.json"]
    assert out.read_bytes() == b"old"
