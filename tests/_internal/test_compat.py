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
BY_NAME = ("getattr", "hasattr", "setattr", "delattr")
OWN = re.compile(r"(self|cls|super\(\)|(\w+\.)*router)$")
"""Whose private names are this package's own, though langchain-core's classes have some of the same."""
DOCUMENTED = {("os", "_exit"), ("row", "_mapping")}
"""Names of the standard library and of SQLAlchemy that are public all the same."""


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
        and re.search(r"(^|\.)_[a-zA-Z]", f"{module}.{name}")
    ]


def attributes_of_classes(file: Path) -> list[tuple[str, str, str]]:
    """Module, class and name of each private attribute that is read from an imported class."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    homes = {
        alias.name: str(node.module)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return [
        (homes[node.value.id], node.value.id, node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in homes
        and re.match("_[a-z]", node.attr)
    ]


def made_here(tree: ast.AST) -> set[str]:
    """Names that a file defines itself: functions, classes, variables and attributes."""
    made = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                made.add(node.attr)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            made.add(node.id)
    return made


def reached_for(tree: ast.AST) -> list[tuple[str, str]]:
    """Owner and name of each private attribute that is read or set, by name or by `getattr`."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.append((ast.unparse(node.value), node.attr))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in BY_NAME:
            owner, name = node.args[:2]
            if isinstance(name, ast.Constant):
                found.append((ast.unparse(owner), str(name.value)))
    return [(owner, name) for owner, name in found if re.match("_[a-zA-Z]", name)]


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


@pytest.mark.parametrize(("module", "owner", "name"), attributes_of_classes(COMPAT))
def test_a_class_still_has_a_private_attribute(module: str, owner: str, name: str) -> None:
    assert hasattr(getattr(import_module(module), owner), name), gone(
        f"{owner}.{name}", module.partition(".")[0].replace("_", "-")
    )


def test_a_chat_model_still_names_its_provider_and_streams() -> None:
    from langchain_core.language_models import BaseChatModel

    for name in ("_get_ls_params", "_generate", "_stream", "_astream"):
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


def test_openais_class_still_says_which_of_its_interfaces_it_calls() -> None:
    from langchain_openai import ChatOpenAI

    from lc_asym_router._internal.compat import goes_to_responses_api

    model = ChatOpenAI(model="m", api_key="none", use_responses_api=True)
    assert goes_to_responses_api(model, {}), gone(
        "ChatOpenAI._use_responses_api", "langchain-openai"
    )


def test_an_async_clients_pool_is_still_found() -> None:
    from langchain_ollama import ChatOllama

    from lc_asym_router._internal.compat import another_pool, async_transports, transport_pool

    transports = list(async_transports(ChatOllama(model="m")))
    assert transports, gone("AsyncClient._transport._pool", "httpx")
    pools = [another_pool(transport_pool(each)) for each in transports]
    assert all(pools), gone("AsyncConnectionPool._connections or ._requests", "httpcore")


def test_a_stream_of_events_still_has_its_task() -> None:
    from langchain_core.language_models.chat_model_stream import AsyncChatModelStream

    assert hasattr(AsyncChatModelStream(), "_producer_task"), gone(
        "AsyncChatModelStream._producer_task", "langchain-core"
    )


def test_no_other_file_imports_a_private_name() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if file != COMPAT]
    found = {str(file.relative_to(PACKAGE)): names for file in files if (names := imported(file))}
    assert not found, f"Move these to lc_asym_router/_internal/compat.py: {found}"


def test_no_other_file_reaches_for_a_private_attribute_of_anothers_object() -> None:
    """What no file of the package defines is another's; so is what `compat` names, of other owners."""
    trees = {
        str(file.relative_to(PACKAGE)): ast.parse(file.read_text(encoding="utf-8"))
        for file in PACKAGE.rglob("*.py")
    }
    compat = trees.pop(str(COMPAT.relative_to(PACKAGE)))
    ours = set().union(*map(made_here, trees.values()))
    theirs = {name for _, name in reached_for(compat)}
    found = {
        f"{file}: {owner}.{name}"
        for file, tree in trees.items()
        for owner, name in reached_for(tree)
        if (name not in ours or (name in theirs and not OWN.match(owner)))
        and (owner, name) not in DOCUMENTED
    }
    assert not found, f"Move these to lc_asym_router/_internal/compat.py: {found}"


@pytest.mark.parametrize(
    "line",
    [
        "model._get_ls_params()",
        'getattr(model, "_client", None)',
        "self._convert_input(input)",
        "transport._pool = pool",
    ],
)
def test_a_private_attribute_is_seen(line: str) -> None:
    compat = ast.parse(COMPAT.read_text(encoding="utf-8"))
    ((_, name),) = reached_for(ast.parse(line))
    assert name in {found for _, found in reached_for(compat)}
