"""docs/recipes: what can run here runs; of the others syntax and our own names are checked."""

from __future__ import annotations

import ast
import importlib
import json
import runpy

import pytest

from lc_asym_router import RouterSpec, TierSpec
from tests.docs.test_pages import ROOT
from tests.servers import Reply

FOLDER = ROOT / "docs" / "recipes"
RECIPES = {path.stem: path for path in sorted(FOLDER.glob("*.py"))}


@pytest.mark.parametrize("name", RECIPES)
def test_its_syntax_and_our_names(name):
    tree = ast.parse(RECIPES[name].read_text(encoding="utf-8"))
    ours = [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("lc_asym_router")
        for alias in node.names
    ]
    assert ours
    for module, each in ours:
        assert hasattr(importlib.import_module(module), each)
    assert f"({name}.py)" in (FOLDER / "index.md").read_text(encoding="utf-8")


def test_a_job_that_failed_goes_on_when_it_is_tried_again(small, frontier, tmp_path, monkeypatch):
    tiers = tuple(
        TierSpec("ollama:m", settings={"base_url": server.url}) for server in (small, small)
    )
    description = RouterSpec(tiers=tiers, verify="form").to_toml()
    (tmp_path / "router.toml").write_text(description)
    (tmp_path / "tickets-monday.csv").write_text("id,ticket\n1,late\n2,broken\n")
    monkeypatch.setenv("ROUTER", str(tmp_path / "router.toml"))
    classify = runpy.run_path(str(RECIPES["nightly_job"]))["classify"]
    small.default = lambda body: (
        Reply(status=400, error="no") if "broken" in str(body) else "a kind"
    )
    with pytest.raises(RuntimeError, match="1 rows failed"):
        classify("monday", str(tmp_path))
    small.reset()
    small.default = "a kind"
    out = classify("monday", str(tmp_path))
    assert len(small.requests) == 1
    with open(out) as file:
        assert [json.loads(line)["answer"] for line in file] == ["a kind", "a kind"]
