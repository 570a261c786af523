"""The two scripted servers, as the shell finds them."""

from __future__ import annotations

import pytest

from tests.router.test_from_env import nothing  # noqa: F401


@pytest.fixture
def served(nothing, small, frontier):  # noqa: F811
    """The two scripted servers, found through the environment."""
    nothing.setenv("OLLAMA_HOST", small.url)
    nothing.setenv("OPENAI_API_KEY", "sk-not-a-key")
    nothing.setenv("OPENAI_BASE_URL", frontier.base_url)
    nothing.setenv("OPENAI_MODEL", "frontier-model")
    return nothing
