"""What is asked wrongly: one line that says what to do instead, exit code 2, no traceback, no key."""

from __future__ import annotations

import json
import shlex
import sys

import pytest

from lc_asym_router._internal import imports
from lc_asym_router.shell import main
from lc_asym_router.shell import options as module

KEY = "sk-not-a-key"
QUESTIONS = "id,query,gold\n1,What is 2 times 3?,6\n"
CASES = {
    "": "lc-asym-router --help",
    "sing": "choose from 'ask'",
    "ask ''": "Give it a text",
    "ask --tier gold hi": "--tier gold: the tiers are small, frontier",
    "ask --threshold 7 hi": "--threshold 7: give a number in [0, 1]",
    "ask --threshold nan hi": "give a number in [0, 1]",
    "ask --threshold abc hi": "invalid float value: 'abc'. See `lc-asym-router ask --help`",
    "ask --classify magic hi": "choose from 'default'",
    "ask --small llama3.1:8b hi": "such as 'ollama:llama3.1:8b'",
    "ask --small ollama: hi": "names no model. Write 'provider:model', such as 'ollama:llama3.1:8b'",
    "ask --small nonsense: hi": "provider:model",
    "ask --small embedded:nonsense hi": "Choose one of: 'qwen2.5-coder:0.5b'",
    "ask --frontier gpt-4o hi": "such as 'openai:gpt-4o'",
    "ask --planner chat hi": "--decompose: add it",
    "ask --draw mermaid hi": "--decompose: add it",
    "decide --tier gold hi": "the tiers are small, frontier",
    "explain --threshold -1 hi": "give a number in [0, 1]",
    "record": "required: --data, --out",
    "record --data no.csv --out r.jsonl": "There is no file or folder no.csv",
    "record --data q.csv --out .": "give a file, such as rows.jsonl",
    "record --data q.csv --out r.csv": "give a file that ends in .jsonl",
    "record --data q.csv --out r.jsonl --concurrency 0": "at least 1",
    "record --data broken.jsonl --out r.jsonl": "line 1: no JSON",
    "record --data empty.csv --out r.jsonl": "Give a file with one JSON object a line, or a table",
    "calibrate --data q.csv --out c.json": "--quality-kept",
    "calibrate --data q.csv --out c.json --quality 1": "`lc-asym-router record` asks both",
    "calibrate --data q.csv --out c.json --quality 1 --second-price 1": "expected 2 arguments",
    "evaluate --data q.csv --second-price one two": "invalid float value: 'one'",
    "evaluate --data q.csv --arbiter x": "name that model with --second",
    "evaluate --data q.csv --needs x": "name the voters",
    "evaluate --data q.csv --kinds --cascade": "leave --cascade",
    "train --data q.csv --out no/x.json": "give a file in a folder that is there",
    "batch no.csv --out o.csv": "no.csv can't be read",
    "batch q.csv --out o.csv": "Say what to ask: prompt=",
    "batch q.csv --out q.csv --prompt {query}": "give another one",
    "batch q.csv --out o.xyz --prompt {query}": "give a file that ends in .jsonl",
    "batch q.csv --out o.csv --prompt {query} --schema q.csv": "--schema: q.csv can't be read",
    "batch q.csv --out o.csv --prompt {query} --max-usd -1": "must be over 0 USD",
    "batch q.csv --out o.csv --prompt {query} --router no.toml": "no.toml can't be read",
    "serve no.toml": "no.toml can't be read",
    "serve --port 99999": "at most 65535",
    "serve --port abc": "invalid int value: 'abc'",
    "serve --workers 0": "from 1 on",
    "serve --host 0.0.0.0": "lc-asym-router keys add NAME",
    "keys add 'a b' --url k.sqlite3": "letters, digits",
    "keys add ann --expires soon --url k.sqlite3": "write 30m, 12h, 90d or 4w",
    "keys revoke nobody --url k.sqlite3": "`keys add nobody` makes it",
    "keys list --url mysql://root:sk-not-a-key@h/db": "Write 'sqlite:///",
    "keys list --config no.toml": "no.toml can't be read",
    "ledger balances --url no.sqlite3": "Give its --url",
    "ledger prune --older-than soon --url no.sqlite3": "Give its --url",
    "report --url no.sqlite3": "callbacks=[Ledger()]",
    "report --by nonsense": "choose from 'hour'",
    "completion tcsh": "choose from 'bash'",
}


@pytest.fixture
def folder(served, tmp_path, monkeypatch):
    """An empty folder with a few files that may be given."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.csv").write_text(QUESTIONS)
    (tmp_path / "empty.csv").write_text("id,query\n")
    (tmp_path / "broken.jsonl").write_text('{"id": "1", "query": \n')
    return tmp_path


def bad_usage(capsys, words: list[str]) -> str:
    """What is said on standard error, beside the tiers' names; the exit code must be 2."""
    try:
        code = main(words)
    except SystemExit as stopped:
        code = stopped.code
    err = capsys.readouterr().err
    assert code == 2, err
    (said,) = (line for line in err.splitlines() if line.startswith("lc-asym-router"))
    assert "Traceback" not in err
    assert KEY not in err
    return said


@pytest.mark.parametrize("command", CASES)
def test_it_says_what_to_do_instead(folder, capsys, command):
    assert CASES[command] in bad_usage(capsys, shlex.split(command))


@pytest.mark.parametrize(
    ("command", "module_name", "extra"),
    [
        ("serve", "starlette", "gateway"),
        ("keys list", "sqlalchemy", "ledger"),
        ("report", "sqlalchemy", "ledger"),
        ("ledger balances", "sqlalchemy", "ledger"),
        ("completion bash", "argcomplete", "shell"),
    ],
)
def test_a_missing_extra_is_named(folder, capsys, monkeypatch, command, module_name, extra):
    real = imports.import_module

    def without(name: str, *more: str) -> object:
        if name == module_name:
            raise ModuleNotFoundError(name=name)
        return real(name, *more)

    monkeypatch.setattr(imports, "import_module", without)
    said = bad_usage(capsys, command.split())
    assert said.endswith(f"pip install 'lc-asym-router[{extra}]'")


def test_with_no_model_at_all_each_way_to_one_is_named(folder, capsys, served, monkeypatch):
    monkeypatch.setitem(sys.modules, "lc_asym_router.embedded.server", None)
    served.setenv("OLLAMA_HOST", "127.0.0.1:9")
    said = bad_usage(capsys, ["ask", "hi"])
    assert "no Ollama with a chat model answers at http://127.0.0.1:9" in said
    assert "--small" in said
    assert "lc-asym-router[embedded]" in said
    assert "OPENAI_API_KEY" not in said  # there is one
    served.delenv("OPENAI_API_KEY")
    said = bad_usage(capsys, ["ask", "--small", "ollama:any", "hi"])
    assert "OPENAI_API_KEY is not set" in said
    assert "Ollama with" not in said


def test_a_request_needs_no_quotes(served, capsys, small):
    assert main(["ask", "What", "is", "this?"]) == 0
    assert small.requests[0].body["messages"][-1]["content"] == "What is this?"


def test_on_a_terminal_it_says_that_it_waits_for_the_request(served, capsys, monkeypatch):
    class Terminal:
        def isatty(self) -> bool:
            return True

        def read(self) -> str:
            return "hi"

    monkeypatch.setattr(module.sys, "stdin", Terminal())
    assert main(["ask", "--no-verify"]) == 0
    assert capsys.readouterr().err.startswith("Write the request, then Ctrl-D:")


def test_a_batch_that_asked_nothing_binds_nobody_to_its_prompt(folder, capsys):
    assert main(["batch", "q.csv", "--out", "o.jsonl"]) == 2
    assert main(["batch", "q.csv", "--out", "o.jsonl", "--prompt", "{query}"]) == 0
    assert json.loads((folder / "o.jsonl").read_text())["answer"]
    capsys.readouterr()
    assert main(["batch", "q.csv", "--out", "o.jsonl", "--prompt", "Say: {query}"]) == 2
    assert "another router, prompt" in capsys.readouterr().err
