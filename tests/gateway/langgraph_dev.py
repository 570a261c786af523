"""`langgraph dev` on loopback, with scripted models behind its graphs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.servers import OllamaServer, OpenAIServer, Reply, ToolCall

ROOT = Path(__file__).parent.parent.parent
DRAFT = "I'm sorry, but I can't help with DRAFTTEXT that."
STARTING = 120
"""Seconds that the server may take to begin on a busy machine."""
CALLS_PER_THREAD = 6

OWN = """
from langchain_core.tools import tool
from langgraph.types import interrupt

from lc_asym_router import default_checks

FORM = default_checks()


@tool
def approve(what: str) -> str:
    '''Ask a person whether to do something.'''
    return interrupt({"approve": what})


def check(attempt):
    if "DRAFTTEXT for a person" in attempt.text:
        return interrupt("Is it right?") == "yes"
    return FORM(attempt)
"""


def small_reply(body: dict[str, Any]) -> Reply | str:
    """The small model's part, by what the last message asks for."""
    last = body["messages"][-1]
    text = str(last["content"])
    if last["role"] == "tool":
        return f"The person says {text}."
    if "everything fails" in text:
        return Reply(status=400, error="no such model")
    if "escalate" in text:
        return DRAFT
    if "check with a person" in text:
        return "A DRAFTTEXT for a person."
    if "for ever" in text:
        return Reply("never", hang="before")
    if "approval" in text and body.get("tools"):
        return Reply(tool_calls=[ToolCall("approve", {"what": "the order"})])
    return f"small: {text}"


def frontier_reply(body: dict[str, Any]) -> Reply | str:
    text = str(body["messages"][-1]["content"])
    if "everything fails" in text:
        return Reply(status=400, error="no such model")
    return f"frontier: {text}"


class LangGraphServer:
    """A running `langgraph dev`.

    Attributes:
        url: Where it listens.
        small: The small tier's server.
        frontier: The frontier's.
    """

    def __init__(self, url: str, log: Path, small: OllamaServer, frontier: OpenAIServer) -> None:
        self.url, self.small, self.frontier = url, small, frontier
        self._log = log

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text(errors="replace")


@contextmanager
def langgraph_dev(folder: Path) -> Iterator[LangGraphServer]:
    """Run the shipped `langgraph.json` from a folder of its own."""
    shutil.copy(ROOT / "langgraph.json", folder)
    (folder / "own_parts.py").write_text(textwrap.dedent(OWN))
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    log = folder / "log.txt"
    with (
        OllamaServer(default=small_reply, models=["small-model"]) as small,
        OpenAIServer(default=frontier_reply) as frontier,
        log.open("wb") as output,
    ):
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("LC_ASYM", "LANG"))}
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "langgraph_cli", "dev", "--no-browser", "--no-reload"),
                *("--port", str(port), "--config", str(folder / "langgraph.json")),
            ],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={
                **kept,
                "PYTHONPATH": str(ROOT),
                "NO_COLOR": "1",
                "LANGSMITH_TRACING": "false",
                "OLLAMA_HOST": small.url,
                "OPENAI_API_KEY": "sk-not-a-key",
                "OPENAI_BASE_URL": frontier.base_url,
                "OPENAI_MODEL": "frontier-model",
                "LC_ASYM_ROUTER_VERIFY": "own_parts:check",
                "LC_ASYM_ROUTER_TOOLS": "own_parts:approve",
                "LC_ASYM_ROUTER_LEDGER": str(folder / "ledger.sqlite3"),
                "LC_ASYM_ROUTER_BUDGETS": f'[{{"calls": {CALLS_PER_THREAD}, "per": "thread"}}]',
                "LC_ASYM_ROUTER_AUDIT": "0.01",
            },
        )
        try:
            server = LangGraphServer(f"http://127.0.0.1:{port}", log, small, frontier)
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            process.wait()


def _wait(server: LangGraphServer, process: subprocess.Popen[bytes]) -> None:
    transport = httpx.HTTPTransport(retries=0)
    with httpx.Client(transport=transport, base_url=server.url) as client:
        for _ in range(STARTING * 5):
            if process.poll() is not None:
                raise RuntimeError(f"langgraph dev has ended:\n{server.log}")
            try:
                if client.get("/ok", timeout=0.2).is_success:
                    return
            except httpx.HTTPError:
                pass
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    raise RuntimeError(f"langgraph dev did not begin:\n{server.log}")
