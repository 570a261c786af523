"""Loopback servers that speak the providers' wire formats, scripted per request."""

from .anthropic import AnthropicServer
from .base import Server
from .blackhole import BlackHole
from .gemini import GeminiServer
from .mistral import MistralServer
from .ollama import OllamaServer
from .openai import OpenAIServer
from .reply import Reply, ToolCall
from .responses import ResponsesServer
from .serving import Recorded

__all__ = [
    "AnthropicServer",
    "BlackHole",
    "GeminiServer",
    "MistralServer",
    "OllamaServer",
    "OpenAIServer",
    "Recorded",
    "Reply",
    "ResponsesServer",
    "Server",
    "ToolCall",
]
