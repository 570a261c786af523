"""Parse what local models write into the text of an answer: thinking, tool calls and JSON.

Pure functions on texts and messages, independent of provider and router. They take linear time,
never evaluate code, and raise only what they document, for any text.
"""

from __future__ import annotations

from lc_asym_router.tiers.model_text.structured_output import json_candidates, json_in
from lc_asym_router.tiers.model_text.thinking import (
    ThoughtText,
    separate_thinking,
    split_thinking,
    thinking_is_complete,
)
from lc_asym_router.tiers.model_text.tool_calls import (
    ReadCalls,
    RepairedMessage,
    TextCall,
    read_calls,
    repair_tool_calls,
    tools_of,
)

__all__ = [
    "ReadCalls",
    "RepairedMessage",
    "TextCall",
    "ThoughtText",
    "json_candidates",
    "json_in",
    "read_calls",
    "repair_tool_calls",
    "separate_thinking",
    "split_thinking",
    "thinking_is_complete",
    "tools_of",
]
