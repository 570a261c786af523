"""`make bench-routing` where the shared data are not there: on made-up rows, and it says so."""

from __future__ import annotations

import sys

import pytest

from tests.benchmarks import routing


@pytest.mark.full
@pytest.mark.usefixtures("few_resamples")
def test_it_runs_on_example_rows(tmp_path, monkeypatch, capsys):
    figure = tmp_path / "curves.png"
    monkeypatch.setattr(routing, "DATA", tmp_path / "nothing")
    monkeypatch.setattr(sys, "argv", ["routing", "--figure", str(figure)])
    routing.main()
    printed = capsys.readouterr().out
    assert "is not there: made-up example rows are used" in printed
    assert "| example1 | 400 |" in printed
    assert "| example4 | second | 400 |" in printed
    assert figure.read_bytes().startswith(b"\x89PNG")
