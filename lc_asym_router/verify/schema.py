"""Checks of structure: is the answer JSON, and of the right shape?"""

from __future__ import annotations

from typing import Any, ClassVar

from lc_asym_router._internal.schemas import SchemaError, conform, could_be_json, parse_json
from lc_asym_router.tiers.structured import structured
from lc_asym_router.verify.attempt import Attempt, Verdict
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.prefix import Prefix


class ParsesAsJSON(Check):
    """Passes where the answer's text is JSON, with or without a code fence around it."""

    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        try:
            parse_json(attempt.text)
        except SchemaError as error:
            return Verdict(False, reason=f"the answer is not as asked: {error}")
        return Verdict(True)

    def early(self, prefix: Prefix) -> Verdict | None:
        return _not_json(prefix)


class MatchesSchema(Check):
    """Passes where the answer's text is JSON that validates against a schema.

    Args:
        schema: A pydantic class, a TypedDict, or a JSON schema (needs the extra `schema`).
    """

    vouches: ClassVar[str] = "form"

    def __init__(self, schema: Any) -> None:
        self.schema = schema

    def check(self, attempt: Attempt) -> Verdict:
        try:
            conform(parse_json(attempt.text), self.schema)
        except SchemaError as error:
            return Verdict(False, reason=f"the answer does not fit the schema: {error}")
        return Verdict(True)

    def early(self, prefix: Prefix) -> Verdict | None:
        return _not_json(prefix)


class ValidStructure(Check):
    """Passes where the output of `with_structured_output`, or of a `response_format`, validates.

    A request that asks for neither passes; so do tool calls before the last word of an agent.
    """

    vouches: ClassVar[str] = "form"

    def check(self, attempt: Attempt) -> Verdict:
        request = attempt.request
        try:
            if request.schema:
                structured(attempt.message, request.schema)
            elif request.response_schema and not attempt.message.tool_calls:
                conform(parse_json(attempt.text), request.response_schema)
        except SchemaError as error:
            return Verdict(False, reason=f"the structured output does not validate: {error}")
        return Verdict(True)

    def early(self, prefix: Prefix) -> Verdict | None:
        binding = prefix.request.schema
        if binding is None or prefix.called or prefix.provider not in _JSON_BY_DEFAULT:
            return None
        if binding.kwargs.get("method") == "function_calling":
            return None  # text may come before the call
        return _not_json(prefix)


_JSON_BY_DEFAULT = frozenset({"ollama", "openai", "azure"})
"""Providers whose `with_structured_output` asks for JSON text unless told otherwise."""


def _not_json(prefix: Prefix) -> Verdict | None:
    if could_be_json(prefix.text):
        return None
    return Verdict(False, reason="the answer begins as no JSON can")
