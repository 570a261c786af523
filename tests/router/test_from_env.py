"""`from_env`: what is to be had here, tier by tier, and said so."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import pytest

from lc_asym_router import AsymRouter, ConfigurationError
from lc_asym_router._internal.fault_log import Throttle
from lc_asym_router.router import from_env
from lc_asym_router.router.from_env import NUM_CTX, ollama_url, preferred
from lc_asym_router.shell.options import build
from tests.conftest import record, small_model
from tests.servers import OllamaServer, OpenAIServer

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture
def nothing(monkeypatch):
    """An environment with no Ollama, no key and no wishes."""
    for name in (
        "LC_ASYM_ROUTER_SMALL",
        "LC_ASYM_ROUTER_FRONTIER",
        "OPENAI_API_KEY",
        "OPENAI_MODEL",
        "OPENAI_BASE_URL",
        "OPENAI_API_BASE",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    return monkeypatch


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:5000", "http://127.0.0.1:5000"),
        (":5000", "http://127.0.0.1:5000"),
        ("box", "http://box:11434"),
        ("http://box:80/", "http://box:80"),
        ("https://box", "https://box:443"),
    ],
)
def test_ollama_host_as_ollama_reads_it(host, url):
    assert ollama_url(host) == url


def test_the_preferred_model():
    assert preferred(("phi3:mini", "llama3.1:8b")) == "llama3.1:8b"
    assert preferred(("phi3:mini",)) == "phi3:mini"
    assert preferred(()) is None


def test_real_ones_are_taken_where_they_are(nothing, small, frontier, caplog):
    nothing.setenv("OLLAMA_HOST", small.url)
    nothing.setenv("OPENAI_API_KEY", "sk-not-a-key")
    nothing.setenv("OPENAI_BASE_URL", frontier.base_url)
    nothing.setenv("OPENAI_MODEL", "frontier-model")
    with caplog.at_level(logging.INFO, "lc_asym_router"):
        router = AsymRouter.from_env()
    assert [tier.model_name for tier in router.ladder] == ["small-model", "frontier-model"]
    assert [tier.source for tier in router.ladder] == [f"Ollama at {small.url}", "OpenAI"]
    assert "small-model" in caplog.text
    assert "sk-not-a-key" not in caplog.text
    assert router.invoke("hi").text == "a small answer"
    assert router.invoke("debug").text == "a frontier answer"


def test_a_stand_in_for_the_frontier_is_said_once_a_minute(nothing, small, caplog):
    now = [0.0]
    nothing.setattr(from_env, "_stand_ins", Throttle(60, lambda: now[0]))
    nothing.setenv("OLLAMA_HOST", small.url)
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        for moment in (0, 1, 59, 60):
            now[0] = moment
            AsymRouter.from_env()
    said = [each.message for each in caplog.records if "stands in for the frontier" in each.message]
    assert len(said) == 2
    assert "it is no frontier model. Set the key" in said[0]


def test_embedded_ones_where_there_is_nothing(nothing):
    router = AsymRouter.from_env()
    assert [tier.model_name for tier in router.ladder] == [
        "qwen2.5-coder:0.5b",
        "qwen2.5-coder:1.5b",
    ]
    assert "stand-in" in router.ladder[1].source
    assert "Agreement" in repr(router)


def test_tier_by_tier(nothing, small):
    nothing.setenv("OLLAMA_HOST", small.url)
    router = AsymRouter.from_env()
    assert router.ladder[0].source.startswith("Ollama")
    assert router.ladder[1].source.startswith("embedded")
    assert "Agreement" in repr(router)


def test_the_readmes_chain_make_ask_and_the_constructor_are_one_router(nothing):
    """The same models, classifier, threshold and checks, whichever makes it."""
    with OllamaServer(models=["llama3.1:8b"]) as server:
        nothing.setenv("OLLAMA_HOST", server.url)
        nothing.setenv("OPENAI_API_KEY", "sk-not-a-key")
        found = AsymRouter.from_env()
        asked = argparse.Namespace(small=None, frontier=None, classify=None)
        chain = README.read_text().partition("## In a chain")[2].partition("```python\n")[2]
        names: dict[str, Any] = {}
        exec(chain.partition("prompt = ")[0], names)
        built = AsymRouter(small=found.ladder[0], frontier=found.ladder[1])
        routers = [build(asked), names["router"], built]
    assert "small=llama3.1:8b" in repr(found)
    assert "Agreement" in repr(found)
    assert {repr(each) for each in routers} == {repr(found)}
    windows = {each.ladder[0].model.num_ctx for each in (found, names["router"])}
    assert windows == {NUM_CTX}


def test_wishes_win(nothing, small):
    nothing.setenv("LC_ASYM_ROUTER_SMALL", "ollama:mine")
    router = AsymRouter.from_env(threshold=0.2)
    assert router.ladder[0].model_name == "mine"
    assert router.threshold == 0.2
    assert AsymRouter.from_env(small=small_model(small)).ladder[0].model_name == "small-model"
    assert AsymRouter.from_env(small="embedded:smollm2:135m").ladder[0].model_name == (
        "smollm2:135m"
    )


def test_an_unknown_embedded_model(nothing):
    with pytest.raises(ConfigurationError, match=r"qwen2\.5-coder:0\.5b"):
        AsymRouter.from_env(small="embedded:llama")


def test_an_ollama_without_models_is_not_taken(nothing):
    with OllamaServer(models=["nomic-embed-text"]) as server, OpenAIServer():
        nothing.setenv("OLLAMA_HOST", server.url)
        assert AsymRouter.from_env().ladder[0].source == "embedded"


async def test_the_record_says_which_model_served(nothing, small, frontier, ask):
    nothing.setenv("OLLAMA_HOST", small.url)
    answer = await ask(AsymRouter.from_env(), "hi")
    assert record(answer)["attempts"][0]["model"] == "small-model"
