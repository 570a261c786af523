"""The real clients, and the ways to ask them."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from tests.servers import OllamaServer, OpenAIServer, Server

KINDS = {"ollama": OllamaServer, "openai": OpenAIServer}
WAYS = ["invoke", "ainvoke", "stream", "astream"]


def model_for(server: Server, timeout: float = 5.0, **more: Any) -> BaseChatModel:
    if isinstance(server, OpenAIServer):
        settings = {"model": "frontier-model", "api_key": "x", "stream_usage": True, **more}
        return ChatOpenAI(
            base_url=server.base_url, timeout=timeout, **{"max_retries": 0, **settings}
        )
    kwargs = {"timeout": timeout, "verify": False}  # unverified: spares loading certificates
    return ChatOllama(model="small-model", base_url=server.url, client_kwargs=kwargs, **more)


def gathered(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


async def call(model: Any, how: str) -> AIMessage:
    """Ask in one of the four ways."""
    if how == "invoke":
        return await asyncio.to_thread(model.invoke, "hi")
    if how == "ainvoke":
        return await model.ainvoke("hi")
    if how == "stream":
        return gathered(await asyncio.to_thread(lambda: list(model.stream("hi"))))
    return gathered([chunk async for chunk in model.astream("hi")])


def finish(message: AIMessage) -> str | None:
    meta = message.response_metadata
    return meta.get("finish_reason") or meta.get("done_reason")
