"""A classifier on recorded answers, from Python and from the shell."""

from __future__ import annotations

import json

import pytest

from lc_asym_router import KeywordClassifier
from lc_asym_router.evals import Answer, DataError, Row, evaluate_offline, load
from lc_asym_router.shell import main


@pytest.fixture
def data(tmp_path):
    """Two sources on which `debug` marks what gains, and nothing else tells."""
    for name in ("one", "two"):
        rows = [
            {
                "query": f"{name} {number} {'debug' if number % 2 else 'say'}",
                "weak_score": 1 - number % 2,
                "strong_score": 1,
            }
            for number in range(40)
        ]
        lines = "\n".join(map(json.dumps, rows))
        (tmp_path / f"{name}.jsonl").write_text(lines)
    return tmp_path


def test_what_a_good_rule_gains(data):
    found = evaluate_offline(load(data), KeywordClassifier())
    assert found.apgr == pytest.approx(0.75)
    assert found.at(0.5) == {"share": 0.5, "quality": 1.0, "pgr": 1.0}
    assert set(found.sources) == {"one", "two"}
    told = found.to_dict()
    assert (told["n"], told["weak"], told["strong"]) == (80, 0.5, 1.0)
    assert told["apgr_ci95"][0] < 0.75 < told["apgr_ci95"][1]
    assert told["cpt80"] < 0.5
    assert told["baselines"]["oracle"]["apgr"] == pytest.approx(0.75)
    assert told["baselines"]["always_small"] == {"share": 0.0, "quality": 0.5, "pgr": 0.0}
    assert told["baselines"]["random"]["apgr"] == 0.5
    assert told["sources"]["one"]["n"] == 40


def test_a_classifier_that_fails_is_no_sign_of_ease(data):
    def broken(messages):
        raise RuntimeError("down")

    found = evaluate_offline(load(data), broken)
    assert found.unscored == 80
    assert (found.scores == 1).all()


def test_from_the_shell(data, capsys):
    assert main(["evaluate", "--data", str(data), "--classify", "keyword", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"n", "weak", "strong", "apgr", "apgr_ci95", "cpt50", "cpt80", "baselines"} <= set(told)
    assert told["apgr"] == pytest.approx(0.75)
    files = [str(data / "one.jsonl"), str(data / "two.jsonl")]
    assert main(["evaluate", "--data", *files, "--classify", "keyword"]) == 0
    printed = capsys.readouterr().out
    assert "0.750" in printed
    assert "baseline oracle" in printed


def test_bad_input_from_the_shell(tmp_path, capsys):
    (tmp_path / "rows.jsonl").write_text('{"query": "q", "weak_score": 2, "strong_score": 1}\n')
    assert main(["evaluate", "--data", str(tmp_path / "rows.jsonl")]) == 2
    assert "line 1: 'weak_score' is 2" in capsys.readouterr().err
    arguments = ["evaluate", "--data", str(tmp_path), "--classify", "keyword", "--weights", "x"]
    assert main(arguments) == 2


def test_rows_that_nobody_graded_are_refused():
    with pytest.raises(DataError, match="no row to measure"):
        evaluate_offline([], KeywordClassifier())
    ungraded = [Row("a", "Why?", Answer(None), Answer(1.0), "made")]
    with pytest.raises(DataError, match="The row 'a' lacks a score"):
        evaluate_offline(ungraded, KeywordClassifier())
