"""A scripted pair that calls tools: the embedded models don't."""

from __future__ import annotations

from typing import Any

from prepare import pair


class Scripted:
    """Two servers on this machine that speak Ollama's and OpenAI's protocols, and follow a script.

    They are those of this project's tests: a tool is called where the question has to do with it,
    and what it returned is told.
    """

    def __init__(self) -> None:
        from tests.behaviour.answering import answer
        from tests.servers import OllamaServer, OpenAIServer

        self._small = OllamaServer(default=answer)
        self._frontier = OpenAIServer(default=answer)

    def tiers(self) -> dict[str, Any]:
        """The two tiers over the servers: settings of `AsymRouter`."""
        from langchain_ollama import ChatOllama
        from langchain_openai import ChatOpenAI

        from lc_asym_router import Power, Price, Tier

        small = ChatOllama(model="scripted-small", base_url=self._small.url)
        frontier = ChatOpenAI(
            model="scripted-frontier", base_url=self._frontier.base_url, api_key="sk-none"
        )
        return {
            "small": Tier(small, price=Power(watts=30, usd_per_kwh=0.30), source="scripted"),
            "frontier": Tier(frontier, price=Price(2.50, 10.00), source="scripted"),
        }

    def small_slips(self, name: str, **arguments: Any) -> None:
        """Let the small model's next answer be this tool call."""
        from tests.servers import Reply, ToolCall

        self._small.script(Reply(tool_calls=[ToolCall(name, arguments)]))


def tool_pair(models: str) -> tuple[dict[str, Any], Scripted | None]:
    """The two tiers for tool calls, and their script; real models follow none.

    Args:
        models: "embedded" (then scripted) or "real".
    """
    if models == "real":
        return pair(models), None
    print("scripted servers stand in for models that call tools (tests/servers)")
    scripted = Scripted()
    return scripted.tiers(), scripted
