"""The models that the docs' code finds: servers that answer as a good model would."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from tests.behaviour.answering import answer
from tests.router.test_from_env import nothing  # noqa: F401
from tests.servers import OllamaServer, OpenAIServer


@pytest.fixture
def models(nothing, tmp_path, monkeypatch) -> Iterator[None]:  # noqa: F811
    """An empty folder, and an Ollama and an OpenAI that answer as a good model would."""
    monkeypatch.chdir(tmp_path)
    log = logging.getLogger("lc_asym_router.requests")
    handlers, level = list(log.handlers), log.level
    with OllamaServer(default=answer) as small, OpenAIServer(default=answer) as frontier:
        nothing.setenv("OLLAMA_HOST", small.url)
        nothing.setenv("OPENAI_API_KEY", "sk-not-a-key")
        nothing.setenv("OPENAI_BASE_URL", frontier.base_url)
        yield
    log.handlers, log.level = handlers, level
