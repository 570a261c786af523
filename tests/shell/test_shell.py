"""The command: output, exit codes, and its options."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys

import pytest

from lc_asym_router.shell import main
from tests.router.test_from_env import nothing  # noqa: F401
from tests.servers import Reply


def test_ask_prints_the_answer_and_one_line_a_step(served, capsys, small):
    small.script(Reply(""))
    assert main(["ask", "hi"]) == 0
    out, err = capsys.readouterr()
    assert out == "a frontier answer\n"
    lines = err.splitlines()
    assert lines[0].startswith("small: small-model (Ollama at ")
    assert lines[1] == "frontier: frontier-model (OpenAI)"
    assert lines[2].startswith("decision: small (learned): complexity 0.")
    assert lines[3].startswith(
        "attempt 1: small (small-model) rejected by NotEmpty: the answer is empty ["
    )
    assert lines[4].startswith("attempt 2: frontier (frontier-model) answered, not checked [")
    assert lines[5].startswith("in all: ")


def test_ask_reads_standard_input(served, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("please debug\n"))
    assert main(["ask"]) == 0
    assert capsys.readouterr().out == "a frontier answer\n"


def test_ask_as_json(served, capsys):
    assert main(["ask", "--json", "hi"]) == 0
    out, err = capsys.readouterr()
    data = json.loads(out)
    assert err == ""
    assert data["answer"] == "a small answer"
    assert data["decision"]["tier"] == "small"
    assert data["attempts"][0]["model"] == "small-model"
    assert {"cost_usd", "frontier_cost_usd", "saved_usd", "seconds", "tiers"} <= set(data)


def test_options_of_ask(served, capsys, small):
    assert main(["ask", "--tier", "frontier", "hi"]) == 0
    assert main(["ask", "--threshold", "0", "hi"]) == 0
    assert capsys.readouterr().out == "a frontier answer\n" * 2
    small.script(Reply("I'm sorry, but I can't help with that."))
    assert main(["ask", "--no-verify", "hi"]) == 0
    assert "sorry" in capsys.readouterr().out
    small.script(Reply('{"level": 4}'))
    assert main(["ask", "--classify", "judge", "hi"]) == 0
    assert capsys.readouterr().out == "a frontier answer\n"
    assert main(["ask", "--small", "ollama:other", "hi"]) == 0
    assert small.requests[-1].body["model"] == "other"
    assert main(["ask", "--frontier", "openai:another", "debug"]) == 0


def test_decide(served, capsys, small, frontier):
    assert main(["decide", "debug this"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("decision: frontier (keyword): complexity 1.00 is at or over 0.")
    assert main(["decide", "--classify", "learned", "debug this"]) == 0
    assert capsys.readouterr().out.startswith("decision: small (learned)")
    assert main(["decide", "--json", "hi"]) == 0
    assert json.loads(capsys.readouterr().out)["tier"] == "small"
    assert not small.requests
    assert not frontier.requests


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["ask", ""], "empty"),
        (["ask", "--tier", "gold", "hi"], "small, frontier"),
        (["ask", "--threshold", "7", "hi"], "[0, 1]"),
        (["ask", "--small", "nonsense", "hi"], "provider:model"),
        (["ask", "--small", "embedded:nonsense", "hi"], "qwen2.5-coder"),
    ],
)
def test_bad_usage_is_2(served, capsys, words, says):
    assert main(words) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("words", [["ask", "--classify", "magic", "hi"], ["sing"], []])
def test_bad_words_are_2_too(served, words):
    with pytest.raises(SystemExit) as stopped:
        main(words)
    assert stopped.value.code == 2


def test_no_answer_is_3(served, capsys, small, frontier):
    small.script(Reply(status=404, error="model not found"))
    # ChatOpenAI's own two retries come first.
    frontier.script(*[Reply(status=500, error="boom")] * 3)
    assert main(["ask", "hi"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "ollama pull small-model" in err


def test_models_lists_what_is_here_and_how_to_get_the_rest(served, nothing, capsys, small):  # noqa: F811
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert "ollama:small-model (taken for the small tier)" in out
    assert "openai:frontier-model is taken" in out
    assert "embedded:qwen2.5-coder:0.5b" in out
    nothing.delenv("OPENAI_API_KEY")
    nothing.setenv("OLLAMA_HOST", "127.0.0.1:9")
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    assert "ollama pull" in out
    assert "set OPENAI_API_KEY" in out


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, "-m", "lc_asym_router"], marks=pytest.mark.full),
        ["lc-asym-router"],
    ],
)
def test_both_names_of_the_command(served, command):
    if command[0] == "lc-asym-router":
        command = [os.path.join(os.path.dirname(sys.executable), "lc-asym-router")]
    done = subprocess.run([*command, "ask", "hi"], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "a small answer\n")
