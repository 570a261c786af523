"""A setting that nobody knows is refused by every public class, with the nearest name."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel
from pydantic import BaseModel, ValidationError

import lc_asym_router
from lc_asym_router import (
    AsymRouter,
    AsymRouterMiddleware,
    Decomposer,
    JudgeClassifier,
    KeywordClassifier,
    LearnedClassifier,
)
from lc_asym_router.classify import ChatDecisionModel, KindClassifier
from lc_asym_router.errors import ConfigurationError

ROOMS = (
    *("audits", "batch", "classify", "decompose", "embedded", "evals", "gateway", "money"),
    *("observe", "records", "router", "tiers", "verify"),
)
UNKNOWN = "no_such_setting"
MODEL = FakeListChatModel(responses=["fine"])


def public_classes() -> dict[str, type]:
    """Every class that a user may make, by its name."""
    found: dict[str, type] = {}
    for module in [lc_asym_router, *filter(None, map(room, ROOMS))]:
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if inspect.isclass(value) and not issubclass(value, BaseException):
                found[f"{value.__module__}.{value.__qualname__}"] = value
    return found


def room(name: str) -> Any:
    try:
        return import_module(f"lc_asym_router.{name}")
    except ModuleNotFoundError:
        return None


CLASSES = public_classes()
DICTS = [name for name, each in CLASSES.items() if issubclass(each, dict)]
"""TypedDicts: a type checker's, plain dicts at run time."""
ABSTRACT = {name for name, each in CLASSES.items() if getattr(each, "_is_protocol", False)}


@pytest.mark.parametrize("name", sorted(set(CLASSES) - set(DICTS) - ABSTRACT))
def test_an_unknown_keyword_is_refused(name: str) -> None:
    needed: dict[str, Any] = {}
    for parameter in inspect.signature(CLASSES[name]).parameters.values():
        if parameter.default is parameter.empty and parameter.kind in (1, 3):
            needed[parameter.name] = MODEL
    with pytest.raises((TypeError, ConfigurationError, ValidationError)) as refused:
        CLASSES[name](**needed, **{UNKNOWN: 1})
    said = str(refused.value)
    assert UNKNOWN in said or "takes no" in said or "abstract" in said, said


NEAR: list[tuple[type, dict[str, Any], str, str]] = [
    (AsymRouter, {"small": MODEL, "frontier": MODEL}, "treshold", "threshold"),
    (AsymRouterMiddleware, {"small": MODEL}, "treshold", "threshold"),
    (AsymRouterMiddleware, {"small": MODEL, "frontier": MODEL}, "verifi", "verify"),
    (JudgeClassifier, {"chat": MODEL}, "deadlin", "deadline"),
    (ChatDecisionModel, {"chat": MODEL}, "modl", "model"),
    (KeywordClassifier, {}, "word", "words"),
    (LearnedClassifier, {}, "pth", "path"),
    (KindClassifier, {"examples": {"a": ["x"], "b": ["y"]}}, "modle", "model"),
]


@pytest.mark.parametrize(("made", "given", "wrong", "right"), NEAR)
def test_the_nearest_name_is_said(
    made: type, given: dict[str, Any], wrong: str, right: str
) -> None:
    with pytest.raises(ValueError, match=f"{wrong}.*Did you mean {right}"):
        made(**given, **{wrong: 1})


def test_a_decomposers_too() -> None:
    router = AsymRouter(small=MODEL, frontier=MODEL)
    with pytest.raises(ValueError, match="Did you mean planner"):
        Decomposer(router=router, planer="structure")
    with pytest.raises(ValueError, match="Did you mean deadline"):
        router.model_copy(update={"dedline": 1})


def test_no_pydantic_class_passes_one_over() -> None:
    """Whatever is added: pydantic itself ignores what it does not know."""
    models = [each for each in CLASSES.values() if issubclass(each, BaseModel)]
    assert len(models) >= 6
    for each in models:
        needs = {"examples": {"a": ["x"], "b": ["y"]}} if each is KindClassifier else {}
        with pytest.raises((ConfigurationError, ValidationError), match=UNKNOWN):
            each(**needs, **{UNKNOWN: 1})
