"""Each provider's real client against a scripted server of its own wire format."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk

from tests.servers import (
    AnthropicServer,
    GeminiServer,
    MistralServer,
    OllamaServer,
    OpenAIServer,
    ResponsesServer,
    Server,
)

WAYS = ("invoke", "ainvoke", "stream", "astream")


@dataclass(frozen=True)
class Client:
    """A provider's client.

    Attributes:
        server: Its server's class.
        make: Makes the model from the server and further settings.
        name: The provider's, in the registry.
    """

    server: type[Server]
    make: Callable[..., BaseChatModel]
    name: str


def ollama(server: Server, **more: Any) -> BaseChatModel:
    from langchain_ollama import ChatOllama

    kwargs = {"timeout": 5.0, "verify": False}
    return ChatOllama(**{"model": "m", "base_url": server.url, "client_kwargs": kwargs, **more})


def openai(server: Server, **more: Any) -> BaseChatModel:
    from langchain_openai import ChatOpenAI

    url = f"{server.url}/v1"
    given = {"model": "gpt-4o", "base_url": url, "api_key": "x", "max_retries": 0, "timeout": 5}
    return ChatOpenAI(**{**given, **more})


def responses(server: Server, **more: Any) -> BaseChatModel:
    return openai(server, use_responses_api=True, **more)


def azure(server: Server, **more: Any) -> BaseChatModel:
    from langchain_openai import AzureChatOpenAI

    given = {
        "azure_endpoint": server.url,
        "api_version": "2024-10-21",
        "azure_deployment": "gpt-4o",
        "api_key": "x",
        "max_retries": 0,
        "timeout": 5,
    }
    return AzureChatOpenAI(**{**given, **more})


def anthropic(server: Server, **more: Any) -> BaseChatModel:
    from langchain_anthropic import ChatAnthropic

    given = {"model": "claude-haiku-4-5", "base_url": server.url, "api_key": "x"}
    return ChatAnthropic(**{**given, "max_retries": 0, "timeout": 5.0, **more})


def gemini(server: Server, **more: Any) -> BaseChatModel:
    from langchain_google_genai import ChatGoogleGenerativeAI

    given = {"model": "gemini-2.5-flash", "base_url": server.url, "api_key": "x", "max_retries": 1}
    return ChatGoogleGenerativeAI(**{**given, **more})


def mistral(server: Server, **more: Any) -> BaseChatModel:
    from langchain_mistralai import ChatMistralAI

    given = {"model": "mistral-small", "endpoint": f"{server.url}/v1", "api_key": "x"}
    return ChatMistralAI(**{**given, "max_retries": 1, "timeout": 5, **more})


def deepseek(server: Server, **more: Any) -> BaseChatModel:
    from langchain_deepseek import ChatDeepSeek

    given = {"model": "deepseek-chat", "api_base": f"{server.url}/v1", "api_key": "x"}
    return ChatDeepSeek(**{**given, "max_retries": 0, "timeout": 5, **more})


def groq(server: Server, **more: Any) -> BaseChatModel:
    from langchain_groq import ChatGroq

    given = {"model": "llama-3.3-70b-versatile", "base_url": server.url, "api_key": "x"}
    return ChatGroq(**{**given, "max_retries": 0, "timeout": 5, **more})


def xai(server: Server, **more: Any) -> BaseChatModel:
    from langchain_xai import ChatXAI

    given = {"model": "grok-3", "xai_api_base": f"{server.url}/v1/", "api_key": "x"}
    return ChatXAI(**{**given, "max_retries": 0, "timeout": 5, **more})


CLIENTS = {
    "ollama": Client(OllamaServer, ollama, "ollama"),
    "openai": Client(OpenAIServer, openai, "openai"),
    "responses": Client(ResponsesServer, responses, "openai"),
    "azure": Client(OpenAIServer, azure, "azure"),
    "anthropic": Client(AnthropicServer, anthropic, "anthropic"),
    "gemini": Client(GeminiServer, gemini, "google_genai"),
    "mistral": Client(MistralServer, mistral, "mistral"),
    "deepseek": Client(OpenAIServer, deepseek, "deepseek"),
    "groq": Client(OpenAIServer, groq, "groq"),
    "xai": Client(OpenAIServer, xai, "xai"),
}


async def ask(model: Any, way: str, messages: Any = "hi", **kwargs: Any) -> AIMessage:
    """Ask in one of the four ways."""
    if way == "invoke":
        return await asyncio.to_thread(lambda: model.invoke(messages, **kwargs))
    if way == "ainvoke":
        return await model.ainvoke(messages, **kwargs)
    if way == "stream":
        return added(await asyncio.to_thread(lambda: list(model.stream(messages, **kwargs))))
    return added([chunk async for chunk in model.astream(messages, **kwargs)])


def added(chunks: list[AIMessageChunk]) -> AIMessage:
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total
