"""The private names of other packages: all in one file, and all still there."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "lc_asym_router"
COMPAT = PACKAGE / "_internal" / "compat.py"
OURS = "lc_asym_router"


def imported(file: Path) -> list[tuple[str, str]]:
    """Module and name of every import of a private name or from a private module of others."""
    found = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found += [(node.module, alias.name) for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
    return [
        (module, name)
        for module, name in found
        if not module.startswith((OURS, "_", "importlib"))
        and re.search(r"(^|\.)_[a-z]", f"{module}.{name}")
    ]


def gone(name: str, distribution: str) -> str:
    return (
        f"{distribution} {version(distribution)} no longer has {name}. "
        "lc_asym_router/_internal/compat.py says what it is for: find another way there, or keep the "
        "version out in pyproject.toml."
    )


@pytest.mark.parametrize(("module", "name"), imported(COMPAT))
def test_a_private_name_is_still_there(module: str, name: str) -> None:
    distribution = {"langchain_core": "langchain-core"}.get(top := module.partition(".")[0], top)
    try:
        found = hasattr(import_module(module), name)
    except ImportError:
        found = False
    assert found, gone(f"{module}.{name}", distribution)


def test_a_chat_model_still_names_its_provider_and_streams() -> None:
    from langchain_core.language_models import BaseChatModel

    for name in ("_get_ls_params", "_stream", "_astream"):
        assert hasattr(BaseChatModel, name), gone(f"BaseChatModel.{name}", "langchain-core")


def test_the_providers_still_name_themselves() -> None:
    from langchain_ollama import ChatOllama
    from langchain_openai import ChatOpenAI

    from lc_asym_router._internal.compat import ls_provider

    assert ls_provider(ChatOllama(model="m")) == "ollama"
    assert ls_provider(ChatOpenAI(model="m", api_key="none")) == "openai"


def test_the_http_clients_are_still_found() -> None:
    from langchain_ollama import ChatOllama
    from langchain_openai import ChatOpenAI

    from lc_asym_router._internal.compat import http_clients

    for model, package, name in (
        (ChatOllama(model="m"), "langchain-ollama", "ChatOllama._client._client"),
        (
            ChatOpenAI(model="m", api_key="none"),
            "langchain-openai",
            "ChatOpenAI.root_client._client",
        ),
    ):
        hooks = [getattr(client, "event_hooks", None) for client in http_clients(model)]
        assert any(isinstance(each, dict) for each in hooks), gone(f"{name}.event_hooks", package)


def test_a_stream_of_events_still_has_its_task() -> None:
    from langchain_core.language_models.chat_model_stream import AsyncChatModelStream

    assert hasattr(AsyncChatModelStream(), "_producer_task"), gone(
        "AsyncChatModelStream._producer_task", "langchain-core"
    )


def test_no_other_file_imports_a_private_name() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if file != COMPAT]
    found = {str(file.relative_to(PACKAGE)): names for file in files if (names := imported(file))}
    assert not found, f"Move these to lc_asym_router/_internal/compat.py: {found}"


def test_no_other_file_reaches_for_a_private_attribute_of_a_model() -> None:
    reached = re.compile(
        r"(?<!super\(\))(?<!router)\.(_get_ls_params|_producer_task)\b|[\"](_client|_stream|_astream)[\"]"
    )
    files = [file for file in PACKAGE.rglob("*.py") if file != COMPAT]
    found = [str(f.relative_to(PACKAGE)) for f in files if reached.search(f.read_text("utf-8"))]
    assert not found, f"Move this to lc_asym_router/_internal/compat.py: {found}"
