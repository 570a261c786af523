"""Loopback servers that speak Ollama's and OpenAI's wire formats, scripted per request."""

from .base import Server
from .blackhole import BlackHole
from .ollama import OllamaServer
from .openai import OpenAIServer
from .reply import Reply, ToolCall
from .serving import Recorded

__all__ = ["BlackHole", "OllamaServer", "OpenAIServer", "Recorded", "Reply", "Server", "ToolCall"]
