"""docs/examples: each runs as it stands, is short, and is named on its page."""

from __future__ import annotations

import csv
import json
import runpy
from typing import Any

import pytest
from starlette.testclient import TestClient

from lc_asym_router import Budget
from tests.docs.test_pages import ROOT

FOLDER = ROOT / "docs" / "examples"
EXAMPLES = {path.stem: path for path in sorted(FOLDER.glob("*.py"))}
LINES = 60
SAID = {
    "agent_with_interrupt": (
        "may it? send_mail ['text', 'to']",
        "sent before anybody said yes: 0",
        "sent: 1",
    ),
    "calibrate": ("of 60", "quality"),
    "chain": ("the request contains 'analyze'", "cost:", "saved:"),
    "decomposition": ("1 [small]", "2 [frontier]", "cost:"),
    "gateway": ("small: ", "frontier: ", "tokens", "models: auto small frontier"),
    "notebook_cells": ("small", "frontier"),
    "rag_german": ("small: ", "frontier: ", "21 messages"),
    "supervisor": ("supervisor", "left today: "),
    "tickets": ("300 tickets, 300 sorted",),
}
"""What each prints, among other things, where the models answer as good ones would."""


def run(name: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES[name]), run_name="__main__")


@pytest.mark.parametrize("name", SAID)
def test_it_runs_and_says(name, models, capsys):
    run(name)
    out = capsys.readouterr().out
    for said in SAID[name]:
        assert said in out, out


def test_the_web_app_streams_and_each_user_has_a_budget(models):
    app = run("web_app")["app"]
    with TestClient(app) as client:
        for user in ("ann", "bob"):
            asked = {"question": "Please analyze this clause."}
            reply = client.post("/answer", json=asked, headers={"x-user": user})
            assert reply.status_code == 200
            events = reply.text.strip().split("\n\n")
            assert events[-1].startswith("event: done")
            assert json.loads(events[-1].partition("data: ")[2])["tier"] == "frontier"


def test_a_user_whose_budget_is_used_up_is_told_and_the_next_one_is_served(models):
    """With room for one call a user besides, since 5 USD are hundreds of them."""
    example = run("web_app")
    (given,) = example["router"].budgets
    small = Budget(
        usd=given.usd,
        calls=1,
        per=given.per,
        tag=given.tag,
        every=given.every,
        store=given.store,
        max_output_tokens=given.max_output_tokens,
    )
    served = example["events"].__globals__  # runpy gives a copy
    served["router"] = example["router"].model_copy(update={"budgets": [small]})
    with TestClient(example["app"]) as client:
        last = []
        for user in ("ann", "ann", "bob"):
            asked = {"question": "Please analyze this clause."}
            reply = client.post("/answer", json=asked, headers={"x-user": user})
            last.append(reply.text.strip().split("\n\n")[-1].partition("\n")[0])
    assert last == ["event: done", "event: error", "event: done"]


@pytest.mark.full
def test_what_was_sorted_is_in_the_file(models, tmp_path):
    run("tickets")
    with open(tmp_path / "sorted.csv", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == [str(n) for n in range(300)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_is_short_and_on_the_page(name):
    assert len(EXAMPLES[name].read_text().splitlines()) < LINES
    page = (ROOT / "docs" / "examples" / "index.md").read_text()
    assert f"({name}.py)" in page
    assert name in SAID or name == "web_app"
