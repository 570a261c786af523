"""The benchmark command counts what it says, on rows made here."""

from __future__ import annotations

import gzip
import json

from tests.benchmarks.read_calls import main, measure

TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def row(raw, calls, response=""):
    return {
        "id": "1",
        "tools": TOOLS,
        "weak_model": "w",
        "weak_calls": calls,
        "weak_raw": raw,
        "weak_response": response,
        "strong_model": "s",
        "strong_calls": [{"name": "f", "args": {}}],
        "strong_response": "beside a call",
        "other": {"o": {"calls": [], "response": "No tool fits."}},
    }


ROWS = [
    row(
        '<tool_call>{"name": "f", "arguments": {"a": 1}}</tool_call>',
        [{"name": "f", "args": {"a": 1}}],
    ),
    row('[{"name": "f", "arguments": {"a": 1}}]', [{"name": "f", "args": {"a": 2}}]),
    row('<tool_call>{"name": "g", "arguments": {}}</tool_call>', [{"name": "g", "args": {}}]),
    row('{"name": "f", "arguments": {}}', []),
    row(None, [], "Hi"),
]


def test_the_command_counts_each_kind(tmp_path, monkeypatch, capsys):
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(made) + "\n" for made in ROWS)
    counts = measure([path])
    assert counts["w"] == {
        "texts": 5,
        "equal": 2,
        "missed": 1,
        "unbound": 1,
        "false": 1,
        "wrong": 2,
    }
    assert counts["o"] == {"texts": 5, "equal": 5}
    assert "s" not in counts
    monkeypatch.setattr("sys.argv", ["read_calls", str(tmp_path)])
    main()
    assert "0.400" in capsys.readouterr().out
