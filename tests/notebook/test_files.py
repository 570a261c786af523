"""Displays as files: they stand for themselves."""

from __future__ import annotations

import sys

import pytest

from lc_asym_router import ConfigurationError
from lc_asym_router.notebook import Report, plot_ledger, save
from tests import pictures
from tests.conftest import frontier_model, small_model
from tests.notebook.looking import Page, drawn, harmless

DAY = {"day": "2026-01-31", "requests": 1, "answered": 1, "share_small": 1.0, "cost_usd": 0.1}


async def test_drawings_bring_their_paper_and_colours(make, escalated, tmp_path):
    save(make(), tmp_path / "graph.svg")
    save(escalated, tmp_path / "timeline.svg")
    for name, told in (("graph", "classify"), ("timeline", "1 small")):
        svg = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        assert told in drawn(svg)
        assert "prefers-color-scheme:dark" in svg
        assert 'class="paper"' in svg


async def test_whole_displays_as_pages(make, escalated, tmp_path):
    for thing in (make(), make().explain("hi"), escalated, Report.of([DAY])):
        save(thing, tmp_path / "page.html")
        text = (tmp_path / "page.html").read_text(encoding="utf-8")
        assert text.startswith("<!doctype html>")
        harmless(Page(text.replace('<meta charset="utf-8">', "")))


def test_figures_as_what_matplotlib_knows(tmp_path):
    save(plot_ledger([DAY]), tmp_path / "bill.pdf")
    assert (tmp_path / "bill.pdf").read_bytes().startswith(b"%PDF")


def test_what_can_not_be_a_file(make, tmp_path):
    with pytest.raises(ConfigurationError, match=r"no \.svg and no \.html"):
        save(make(), tmp_path / "graph.png")
    with pytest.raises(ConfigurationError, match="no single drawing"):
        save(make().decide("hi"), tmp_path / "decision.svg")
    with pytest.raises(ConfigurationError, match="can't be shown"):
        save(3, tmp_path / "x.html")


def test_make_pictures(monkeypatch, tmp_path, small, frontier, capsys):
    """The command, with scripted servers in place of the embedded pair."""
    monkeypatch.setattr(pictures, "embedded_small", lambda seed: small_model(small))
    monkeypatch.setattr(pictures, "embedded_frontier", lambda: frontier_model(frontier))
    monkeypatch.setattr(sys, "argv", ["pictures", str(tmp_path)])
    small.script("hello", "411", "401", "421")
    pictures.main()
    assert "rejected by Agreement" in capsys.readouterr().out
    assert "2 frontier" in drawn((tmp_path / "timeline.svg").read_text())
    assert "classify" in drawn((tmp_path / "graph.svg").read_text())
