"""Loopback servers that speak Ollama's and OpenAI's wire formats, scripted per request."""

from .base import Recorded, Server
from .ollama import OllamaServer
from .openai import OpenAIServer
from .reply import Reply, ToolCall

__all__ = ["OllamaServer", "OpenAIServer", "Recorded", "Reply", "Server", "ToolCall"]
