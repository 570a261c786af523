"""What stands for a model: strings that lack their provider, things in the wrong place."""

from __future__ import annotations

import pytest
from langchain_ollama import ChatOllama

from lc_asym_router import Agreement, AsymRouter, ConfigurationError, Price, Tier, Vote
from lc_asym_router.verify import LearnedVerifier


@pytest.mark.parametrize(
    ("given", "suggested"),
    [
        ("llama3.1:8b", "ollama:llama3.1:8b"),
        ("qwen2.5-coder:0.5b", "ollama:qwen2.5-coder:0.5b"),
        ("llama3", "ollama:llama3"),
        ("mistral", "ollama:mistral"),
        ("gpt-4o", "openai:gpt-4o"),
        ("o3-mini", "openai:o3-mini"),
        ("claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("gemini-2.5-pro", "google_genai:gemini-2.5-pro"),
        ("gpt-oss:20b", "ollama:gpt-oss:20b"),
        ("", "ollama:llama3.1:8b"),
        (":8b", "ollama:8b"),
    ],
)
def test_a_name_without_its_provider_gets_one_suggested(given, suggested):
    if given == "gpt-oss:20b":  # could be a provider's name, so that has to be tried
        with pytest.raises(ConfigurationError, match="gpt-oss"):
            Tier(given)
        return
    with pytest.raises(ConfigurationError, match=f"'{suggested}'"):
        Tier(given)


def test_a_price_in_the_names_place_is_told():
    with pytest.raises(ConfigurationError, match=r"price=Price\(1, 2\)"):
        Tier(ChatOllama(model="a"), Price(1, 2))  # type: ignore[arg-type]


@pytest.mark.parametrize("check", [Agreement, LearnedVerifier])
def test_a_second_model_may_be_a_string(check):
    assert check(second="ollama:gemma2:9b").second.model == "gemma2:9b"
    assert check(second="middle").second == "middle"
    with pytest.raises(ConfigurationError, match=r"'ollama:llama3.1:8b'"):
        check(second="llama3.1:8b")


def test_voters_may_be_strings(make, small, frontier):
    vote = Vote(of=["small", "ollama:gemma2:9b"], needs="ollama:gemma2:9b")
    assert vote.of[1].model == "gemma2:9b"
    assert vote.needs is vote.of[1]
    assert isinstance(make(verify=vote), AsymRouter)
