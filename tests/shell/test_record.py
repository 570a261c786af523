"""`record`, and what goes on from it; `explain`, `--version`, `completion`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from lc_asym_router._internal.imports import __version__
from lc_asym_router.evals import load
from lc_asym_router.shell import main
from tests.servers import Reply


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.csv"
    path.write_text(
        "id,query,gold\n" + "".join(f"{n},How much is {n} and 1?,{n + 1}\n" for n in range(60))
    )
    return path


def test_record_asks_every_tier_and_writes_rows(
    served, capsys, small, frontier, questions, tmp_path
):
    small.default, frontier.default = "The answer is 2.", "The answer is 3."
    out = tmp_path / "rows.jsonl"
    assert main(["record", "--data", str(questions), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"60 rows in {out}\n"
    rows = load(out)
    assert [row.weak_score for row in rows] == [float(n == 1) for n in range(60)]
    assert [row.strong_score for row in rows] == [float(n == 2) for n in range(60)]
    assert (len(small.requests), len(frontier.requests)) == (60, 60)
    assert rows[0].weak.model == "small-model"
    # What was answered is not asked again.
    assert main(["record", "--data", str(questions), "--out", str(out)]) == 0
    assert (len(small.requests), len(frontier.requests)) == (60, 60)
    calibration = tmp_path / "calibration.json"
    words = ["--frontier-share", "0.5", "--out", str(calibration), "--json"]
    assert main(["calibrate", "--data", str(out), *words]) == 0
    assert calibration.exists()


def test_what_fails_is_left_out_and_said(served, capsys, small, questions, tmp_path):
    small.script(*[Reply(status=404, error="model not found")] * 60)
    out = tmp_path / "rows.jsonl"
    assert main(["record", "--data", str(questions), "--out", str(out), "--concurrency", "1"]) == 3
    said = capsys.readouterr()
    assert "60 of 60 questions are left out" in said.err


def test_questions_without_a_right_answer_are_refused(served, capsys, tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text('{"query": "hi"}\n')
    assert main(["record", "--data", str(path), "--out", str(tmp_path / "rows.jsonl")]) == 2
    assert "has no 'gold'" in capsys.readouterr().err


def test_explain_says_what_moved_it(served, capsys, small, frontier):
    assert main(["explain", "please debug this"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("frontier (keyword): ")
    assert "debug" in out.splitlines()[1]
    assert main(["explain", "--json", "please debug this"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tier"] == "frontier"
    assert found["parts"][0]["name"] == "debug"
    assert not small.requests
    assert not frontier.requests


def test_the_version(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"lc-asym-router {__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(capsys, shell):
    assert main(["completion", shell]) == 0
    assert "lc-asym-router" in capsys.readouterr().out


def test_a_shell_is_told_the_commands(tmp_path):
    answers = tmp_path / "answers"
    asking = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answers),
        "_ARGCOMPLETE_IFS": "\n",
        "COMP_LINE": "lc-asym-router ex",
        "COMP_POINT": "17",
    }
    command = [sys.executable, "-m", "lc_asym_router"]
    subprocess.run(command, env={**os.environ, **asking}, timeout=60, check=False)
    assert "explain" in answers.read_text()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shells_completion_is_printed(capsys, shell):
    assert main(["completion", shell]) == 0
    assert "lc-asym-router" in capsys.readouterr().out
