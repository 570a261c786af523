"""Validate data against a caller's schema: pydantic, TypedDict or JSON schema.

LangChain parses a JSON-schema dict but does not validate against it; this does, with `jsonschema`.
Messages name places and types, never values: they are stored in records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, Union

from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json
from typing_extensions import TypedDict, is_typeddict


class SchemaError(ValueError):
    """Data does not fit its schema; the message contains no data."""


DEEPEST = 200
"""Brackets in brackets up to which JSON is read; pydantic's parser has the same bound."""

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NO_BRACKET = re.compile(r"[^\[\]{}]+")
_BEGINNING = 4_000
"""Characters of an answer that are looked at while it comes in."""


def parse_json(text: str) -> Any:
    """Parse a text that is JSON, or a fenced code block with JSON.

    Raises:
        SchemaError: It is no JSON, is nested deeper than `DEEPEST`, or has a number with more
            digits than Python parses.
    """
    stripped = text.strip()
    if stripped.startswith("```") and stripped.endswith("```"):
        language, _, body = stripped[3:-3].partition("\n")
        if re.fullmatch(r"[\w-]*", language.rstrip()):
            stripped = body.strip()
    if too_deep(stripped):
        raise SchemaError(f"its brackets are nested deeper than {DEEPEST}")
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError) as error:
        raise SchemaError("it is no JSON") from error


def too_deep(text: str) -> bool:
    """Whether JSON text is nested deeper than `DEEPEST`; brackets in strings don't count."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth = 0
    for bracket in _NO_BRACKET.sub("", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > DEEPEST:
            return True
    return False


def could_be_json(text: str) -> bool:
    """Whether a text may be the beginning of JSON, bare or in a code fence.

    It looks at a short prefix only, so that it is cheap to call after each chunk.
    """
    stripped = text[:_BEGINNING].lstrip()
    if not stripped or "```".startswith(stripped):
        return True
    if stripped.startswith("```"):
        _, newline, stripped = stripped.partition("\n")
        if not newline:
            return True
        stripped = stripped.partition("```")[0].lstrip()
    try:
        from_json(stripped, allow_partial="trailing-strings")
    except ValueError as error:
        return "EOF" in str(error)
    except TypeError:  # half a surrogate pair, which is no JSON
        return False
    return True


def conform(data: Any, schema: Any) -> Any:
    """Validate data, and return it in the schema's type: an instance of a pydantic class, else
    unchanged.

    Raises:
        SchemaError: It does not fit.
    """
    if isinstance(schema, type) and (issubclass(schema, BaseModel) or is_typeddict(schema)):
        try:
            return TypeAdapter(schema).validate_python(data)
        except ValidationError as error:
            raise SchemaError(_places(error, schema)) from None
    if isinstance(schema, type) and hasattr(schema, "parse_obj"):  # a pydantic v1 class
        try:
            return schema.parse_obj(data)
        except ValueError as error:
            raise SchemaError(f"{type(error).__name__} in {schema.__name__}") from None
    validate_json(data, as_json_schema(schema))
    return data


def as_json_schema(schema: Any) -> dict[str, Any]:
    """Convert any kind of schema to a JSON schema; a dict is returned unchanged."""
    if isinstance(schema, Mapping):
        function = schema.get("function")
        if isinstance(function, Mapping):
            return dict(function.get("parameters") or {"type": "object"})
        if "parameters" in schema and "name" in schema:
            return dict(schema["parameters"] or {"type": "object"})
        if "input_schema" in schema and "name" in schema:
            return dict(schema["input_schema"])
        return dict(schema)
    return dict(convert_to_json_schema(schema))


def validate_json(data: Any, schema: Mapping[str, Any]) -> None:
    """Validate data against a JSON schema.

    Raises:
        SchemaError: It does not fit.
    """
    from jsonschema.validators import validator_for

    try:
        errors = sorted(validator_for(schema)(schema).iter_errors(data), key=lambda e: e.json_path)
    except RecursionError:
        raise SchemaError("it is nested too deep to be validated") from None
    if errors:
        known = _properties(schema)
        faults = (
            f"{_place(error.absolute_path, known)} breaks {error.validator!r}"
            for error in errors[:3]
        )
        raise SchemaError("; ".join(faults))


_Name = Literal["array", "boolean", "integer", "null", "number", "object", "string"]
_Sub = Union["_SchemaShape", bool]
_Several = dict[str, _Sub]
_SchemaShape = TypedDict(
    "_SchemaShape",
    {
        "type": _Name | list[_Name],
        "properties": _Several,
        "patternProperties": _Several,
        "$defs": _Several,
        "definitions": _Several,
        "additionalProperties": _Sub,
        "items": _Sub | list[_Sub],
        "prefixItems": list[_Sub],
        "anyOf": list[_Sub],
        "allOf": list[_Sub],
        "oneOf": list[_Sub],
        "not": _Sub,
        "required": list[str],
        "enum": list[Any],
        "$ref": str,
        "$schema": str,
        "pattern": str,
    },
    total=False,
)
"""The kinds of what stands under the keywords that say how data is built. `jsonschema` would check a
schema in full, but computes for too long to do so on an event loop."""
_SHAPE = TypeAdapter(_SchemaShape)


def schema_fault(schema: Mapping[str, Any]) -> str | None:
    """What makes a schema none that JSON Schema knows: the keyword; `None` where nothing was found.

    In time linear in its size; not all that JSON Schema rules is looked at.
    """
    try:
        _SHAPE.validate_python(schema, strict=True)
    except ValidationError as error:
        places = error.errors(include_url=False, include_context=False, include_input=False)
        keywords = _SchemaShape.__annotations__  # no name of a property, which is the user's
        found = (each for each in reversed(places[0]["loc"]) if each in keywords)
        return f"what stands under {next(found, 'its root')!r} is not allowed there"
    return None


def _places(error: ValidationError, schema: Any) -> str:
    faults = error.errors(include_input=False, include_url=False, include_context=False)
    known = _properties(TypeAdapter(schema).json_schema())
    return "; ".join(f"{_place(fault['loc'], known)}: {fault['type']}" for fault in faults[:3])


def _place(path: Iterable[str | int], known: set[str]) -> str:
    """Return where a fault is. A key unknown to the schema is the model's own text: "*"."""
    parts = [str(part) if isinstance(part, int) or part in known else "*" for part in path]
    return ".".join(parts) or "the whole"


def _properties(schema: Any) -> set[str]:
    """Return the names of all properties, at any depth of a JSON schema."""
    if isinstance(schema, Mapping):
        own = schema.get("properties")
        names = {str(name) for name in own} if isinstance(own, Mapping) else set()
        return names.union(*(_properties(value) for value in schema.values()))
    if isinstance(schema, list):
        return set().union(*(_properties(value) for value in schema))
    return set()
