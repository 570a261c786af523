"""docs/settings.md says what the docstrings say, and every setting is in a docstring."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest
from langchain_core.decisions import BaseDecisionModel

import lc_asym_router
from lc_asym_router import AsymRouter, errors
from lc_asym_router.router.router import _SETTINGS
from tests.reference import ROOMS, _entries, document

ROOT = Path(__file__).parent.parent.parent
SETTINGS = ROOT / "docs" / "settings.md"
NAMES = [name for names in ROOMS.values() for name in names]
REFERENCE = SETTINGS.parent / "reference"
PACKAGES = sorted(
    ".".join(found.relative_to(ROOT).parent.parts)
    for found in (ROOT / "lc_asym_router").rglob("__init__.py")
    if "__all__" in found.read_text(encoding="utf-8")
)
"""Packages with public names."""
PAGES = ("README.md", "docs/settings.md", "docs/start/*.md", "docs/guides/*.md")
OURS = {
    node.name
    for file in (ROOT / "lc_asym_router").rglob("*.py")
    for node in ast.parse(file.read_text(encoding="utf-8")).body
    if isinstance(node, ast.ClassDef)
}
"""Every class of the package."""
IN_RECORDS = {"ResponseBodyError"}
"""Classes whose name stands in a record's text, and nowhere to be imported from."""


def test_it_is_current() -> None:
    assert SETTINGS.read_text(encoding="utf-8") == document(), "run `make reference`"


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("AsymRouter", "Decomposer")])
def test_every_parameter_is_documented(name: str) -> None:
    cls = getattr(lc_asym_router, name)
    told = {entry for entry, _ in _entries("Args", cls)}
    taken = {
        each
        for each, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
    }
    # A decision model's name is LangChain's field, not a setting of ours.
    own = {"model", "name"} if issubclass(cls, BaseDecisionModel) else set()
    assert told >= taken - own


def test_every_setting_of_the_router_is_documented() -> None:
    told = {entry for entry, _ in _entries("Args", AsymRouter)}
    assert told >= _SETTINGS - {"streaming"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_in_the_reference(package: str) -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in REFERENCE.glob("*.md"))
    shown = {name.rpartition(".")[2] for name in re.findall(r"^::: (\S+)$", pages, re.MULTILINE)}
    assert shown >= set(import_module(package).__all__)


def test_every_class_that_a_page_names_can_be_imported() -> None:
    public = {name for package in PACKAGES for name in import_module(package).__all__}
    public |= {name for name, each in vars(errors).items() if inspect.isclass(each)}
    for page in (found for pages in PAGES for found in ROOT.glob(pages)):
        text = page.read_text(encoding="utf-8")
        named = set(re.findall(r"`([A-Z][a-z]\w*)[`(.]", text)) & OURS - IN_RECORDS
        assert named <= public, f"{page.name}: export these from their package: {named - public}"


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("classify", "KeywordClassifier LearnedClassifier JudgeClassifier EmbeddingClassifier"),
        ("records", "Request Decision Trail Record Call FinishedRequest FinishedAudit"),
        ("verify", "Refusal NotEmpty MeanLogprob MaxLength MatchesSchema Agreement Judge Vote"),
    ],
)
def test_these_names_stay(package: str, names: str) -> None:
    """Users import them: a name that goes is an entry of the changelog, and a version."""
    assert set(names.split()) <= set(import_module(f"lc_asym_router.{package}").__all__)
