"""The graphs named in `langgraph.json`, for LangGraph Server and Studio.

| graph | what it is |
| --- | --- |
| `router` | the router's graph under a parent with `MessagesState` |
| `agent` | LangChain's `create_agent` with the router as its model (extra `langchain`) |
| `decomposer` | a `Decomposer` of the router, under the same parent |

All three share one router, which is built once, off the event loop, from environment variables:

| variable | meaning |
| --- | --- |
| `LC_ASYM_ROUTER_SMALL`, `OPENAI_API_KEY`, ... | the models, as for `AsymRouter.from_env()` |
| `LC_ASYM_ROUTER_SPEC` | a `RouterSpec` as a TOML file, in place of all others but `_TOOLS` |
| `LC_ASYM_ROUTER_VERIFY` | as `verify=`; or "none", or a check's import path |
| `LC_ASYM_ROUTER_THRESHOLD` | a number in [0, 1], or a calibration's file |
| `LC_ASYM_ROUTER_DEADLINE` | seconds that a request may take |
| `LC_ASYM_ROUTER_LEDGER` | the ledger's database, a URL or a file's path; by default none |
| `LC_ASYM_ROUTER_BUDGETS` | arguments of each `Budget`, as JSON: `[{"usd": 5, "per": "day"}]` |
| `LC_ASYM_ROUTER_AUDIT` | share of the small answers that is audited |
| `LC_ASYM_ROUTER_TOOLS` | import paths of the agent's tools, or of lists of them; commas between |

An import path is "package.module:object". Budgets and audits are kept in the ledger's database where
there is one, else in memory.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from langgraph.graph import START, MessagesState, StateGraph

from lc_asym_router.audits.audit import Audit
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.graph.build import Graph
from lc_asym_router.graph.context import RouterContext
from lc_asym_router.money.budgets.budget import Budget
from lc_asym_router.money.budgets.store import BudgetStore
from lc_asym_router.router.router import AsymRouter
from lc_asym_router.router.spec import RouterSpec
from lc_asym_router.router.spec_values import imported

PREFIX = "LC_ASYM_ROUTER_"
_IN_SPEC = ("SMALL", "FRONTIER", "VERIFY", "THRESHOLD", "DEADLINE", "LEDGER", "BUDGETS", "AUDIT")
"""What a router's description says itself."""


async def router() -> Graph:
    """Return the router's graph, under a parent with `MessagesState`.

    Raises:
        ConfigurationError: A variable is invalid, or no model is available for a tier.
    """
    return (await _served()).router


async def agent() -> Graph:
    """Return an agent whose model is the router.

    Raises:
        ConfigurationError: As in `router`, or the package langchain is not installed.
    """
    return (await _served()).agent


async def decomposer() -> Graph:
    """Return the graph of a `Decomposer`, under the same parent.

    Raises:
        ConfigurationError: As in `router`.
    """
    return (await _served()).decomposer


@dataclass(frozen=True)
class Served:
    """The graphs of one router.

    Attributes:
        model: The router.
        router: Its graph.
        agent: An agent with it.
        decomposer: A decomposer's graph.
    """

    model: AsymRouter
    router: Graph
    agent: Graph
    decomposer: Graph

    @classmethod
    def from_env(cls, variables: Mapping[str, str] = os.environ) -> Served:
        """Build the graphs; this looks for models, reads files and may connect to a database.

        Args:
            variables: The environment.

        Raises:
            ConfigurationError: A variable is invalid, or no model is available for a tier.
        """
        from lc_asym_router.decompose.decomposer import Decomposer

        try:
            from langchain.agents import create_agent
        except ImportError as error:
            raise ConfigurationError(
                "The graph `agent` is an agent of the package langchain, which is not installed: "
                '`pip install "lc-asym-router[langchain]"`.'
            ) from error
        given = {
            name.removeprefix(PREFIX): value
            for name, value in variables.items()
            if name.startswith(PREFIX) and value
        }
        model = _router(given)
        return cls(
            model,
            _under_messages(model.graph, "Router"),
            create_agent(
                model, _tools(given.get("TOOLS", "")), context_schema=RouterContext, name="Agent"
            ),
            _under_messages(Decomposer(router=model).graph, "Decomposer"),
        )


_lock = threading.Lock()
_found: list[Served] = []


async def _served() -> Served:
    """Return the graphs, built once in a thread: building looks for models, which blocks."""
    return _found[0] if _found else await asyncio.to_thread(_build_once)


def _build_once() -> Served:
    with _lock:
        if not _found:
            _found.append(Served.from_env())
        return _found[0]


def _under_messages(graph: Graph, name: str) -> Graph:
    """Return a graph with a router's graph as its only node.

    The server's threads then hold the messages alone; what the router's nodes pass on to one
    another stays below.
    """
    parent = StateGraph(MessagesState, context_schema=RouterContext)
    parent.add_node("answer", graph)
    parent.add_edge(START, "answer")
    return parent.compile(name=name)


def _router(given: Mapping[str, str]) -> AsymRouter:
    """Build the router from its description, or from the models that are available.

    Raises:
        ConfigurationError: A variable is invalid, or there are others beside a description.
    """
    if not (spec := given.get("SPEC")):
        return AsymRouter.from_env(**_settings(given))
    if others := [name for name in _IN_SPEC if name in given]:
        raise ConfigurationError(
            f"{PREFIX}SPEC describes the router whole: leave {', '.join(PREFIX + o for o in others)} "
            "out, and set it in that file."
        )
    router: AsymRouter = RouterSpec.from_toml(Path(spec)).build()
    return router


def _settings(given: Mapping[str, str]) -> dict[str, Any]:
    """Read the router's settings.

    Args:
        given: The variables that are set, without their prefix.

    Raises:
        ConfigurationError: One is invalid.
    """
    settings: dict[str, Any] = {}
    ledger = given.get("LEDGER")
    if verify := given.get("VERIFY"):
        settings["verify"] = _verify(verify)
    if threshold := given.get("THRESHOLD"):
        settings["threshold"] = _number_or_text(threshold)
    if deadline := given.get("DEADLINE"):
        settings["deadline"] = _number("DEADLINE", deadline)
    if ledger:
        from lc_asym_router.money.ledger.handler import Ledger

        settings["callbacks"] = [Ledger(ledger)]
    if budgets := given.get("BUDGETS"):
        settings["budgets"] = _budgets(budgets, BudgetStore(ledger))
    if share := given.get("AUDIT"):
        settings["audit"] = replace(Audit(share=_number("AUDIT", share)), url=ledger)
    return settings


def _verify(given: str) -> Any:
    if ":" in given:
        return imported(given, f"{PREFIX}VERIFY")
    return None if given == "none" else given


def _number_or_text(given: str) -> float | str:
    try:
        return float(given)
    except ValueError:
        return given


def _number(name: str, given: str) -> float:
    try:
        return float(given)
    except ValueError:
        raise ConfigurationError(f"{PREFIX}{name}={given!r} must be a number.") from None


def _budgets(given: str, store: BudgetStore) -> list[Budget]:
    try:
        listed = json.loads(given)
        return [Budget(**{"store": store, **each}) for each in listed]
    except (ValueError, TypeError) as error:
        raise ConfigurationError(
            f"{PREFIX}BUDGETS takes a JSON list with the arguments of each Budget, "
            f'[{{"usd": 5, "per": "day"}}]: {error}'
        ) from None


def _tools(given: str) -> list[Any]:
    found: list[Any] = []
    for path in filter(None, (part.strip() for part in given.split(","))):
        tools = imported(path, f"{PREFIX}TOOLS")
        found += tools if isinstance(tools, list | tuple) else [tools]
    return found
