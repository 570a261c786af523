"""Validation of a request's body against a description of what is supported.

A parameter that is not described is an error that names it, so that nothing is ignored in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from lc_asym_router._internal.schemas import schema_fault
from lc_asym_router.gateway.http_errors import invalid, unsupported

LONGEST_PATH = 200
"""Characters of a path in a message: its last part may be the client's."""


def _sound(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema; an unsound one would be paid for at every tier before anybody says so."""
    if why := schema_fault(schema):
        raise PydanticCustomError("json_schema", "it is no JSON schema: {why}", {"why": why})
    return schema


JsonSchema = Annotated[dict[str, Any], AfterValidator(_sound)]
"""A JSON schema, as far as `schema_fault` looks at it."""


class WireModel(BaseModel):
    """Base class of descriptions: no conversion, nothing undescribed."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: Any) -> Any:
        """Take null for absent: clients send back answers with all their empty fields."""
        if isinstance(given, dict) and None in given.values():
            return {name: value for name, value in given.items() if value is not None}
        return given


Body = TypeVar("Body", bound=WireModel)


def validated(described: type[Body], body: Mapping[str, Any]) -> Body:
    """Read a body.

    Raises:
        GatewayError: It is not as described (status 400); the message does not quote its texts.
    """
    try:
        return described.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    # A union reports an error for each of its kinds; the one that got furthest was meant.
    deepest = max(found, key=lambda each: len(each["loc"]))
    kind, path = deepest["type"], path_of(deepest["loc"], body)[:LONGEST_PATH] or "body"
    if kind == "extra_forbidden":
        raise unsupported(path, "leave it out.")
    if kind == "union_tag_invalid":  # pydantic's message quotes the tag
        context = deepest["ctx"]
        name = "role" if "role" in context["discriminator"] else "type"
        raise unsupported(f"{path}.{name}", f"{context['expected_tags']} are.")
    raise invalid(path, "it is required." if kind == "missing" else f"{deepest['msg']}.")


def path_of(loc: tuple[int | str, ...], body: Any) -> str:
    """An error's place in a body, such as "messages[0].content": pydantic's, without the names of a
    union's kinds."""
    path = ""
    value, in_kind = body, False
    for place, part in enumerate(loc):
        last = place == len(loc) - 1
        if isinstance(value, Mapping):
            named = part in (value.get("type"), value.get("role"))
            tag = not last and ((named and not in_kind) or part not in value)
            if tag or not str(part).isidentifier():
                in_kind = True
                continue
            path += f".{part}" if path else str(part)
            value, in_kind = value.get(part), False
        elif isinstance(value, list) and isinstance(part, int):
            path += f"[{part}]"
            value, in_kind = value[part], False
    return path
