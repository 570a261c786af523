"""What is bound to a request: its tools and its output schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from langchain_core.utils.function_calling import convert_to_openai_tool

TOOLS_KEY = "lc_asym_router_tools"
"""Key of the unconverted tools among the bound keyword arguments."""
SCHEMA_KEY = "lc_asym_router_schema"
"""Key of the unconverted output schema among the bound keyword arguments."""


def is_provider_tool(tool: Any) -> bool:
    """Whether the provider runs the tool itself: a dict that describes no function."""
    return (
        isinstance(tool, dict)
        and tool.get("type") not in (None, "function", "object")
        and not {"function", "parameters", "input_schema", "properties"} & set(tool)
    )


@dataclass(frozen=True)
class ToolBinding:
    """The caller's tools, converted to a provider's format only when the tier is known.

    Attributes:
        tools: Tools, functions, pydantic classes, TypedDicts or dicts.
        kwargs: Other arguments of `bind_tools`: `tool_choice`, `strict`, ...
    """

    tools: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def openai_tools(self) -> list[dict[str, Any]]:
        """The tools in OpenAI's format, as prebuilt agents expect them."""
        return [
            tool if is_provider_tool(tool) else convert_to_openai_tool(tool) for tool in self.tools
        ]

    @property
    def may_be_called(self) -> bool:
        """Whether `tool_choice` lets a model call any of them."""
        return self.kwargs.get("tool_choice") != "none"

    @cached_property
    def provider_tools(self) -> list[str]:
        """The types of the tools that the provider runs itself, such as "web_search"."""
        return [str(tool["type"]) for tool in self.tools if is_provider_tool(tool)]


@dataclass(frozen=True)
class SchemaBinding:
    """The caller's output schema.

    Attributes:
        schema: A pydantic class, a TypedDict, or a JSON schema.
        kwargs: Other arguments of `with_structured_output`: `method`, `strict`.
    """

    schema: Any
    kwargs: Mapping[str, Any] = field(default_factory=dict)
