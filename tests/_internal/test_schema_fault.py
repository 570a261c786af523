"""What is refused as no JSON schema is none: no request is turned away for a sound one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from lc_asym_router._internal.schemas import _SchemaShape, schema_fault

KEYWORDS = sorted(set(_SchemaShape.__annotations__) - {"$schema", "$ref"})
TYPES = ["array", "boolean", "integer", "null", "number", "object", "string", "text", 5, None]
VALUES: Any = st.sampled_from([*TYPES, True, False, 1.5, [], {}, ["string"], ["a", "a"], [5]])


def schemas(inner: Any) -> Any:
    keywords = {
        name: VALUES | inner | st.lists(inner, max_size=2) | st.dictionaries(st.just("a"), inner)
        for name in KEYWORDS
    }
    return st.fixed_dictionaries({}, optional={**keywords, "title": VALUES, "x-own": VALUES})


SCHEMAS = st.recursive(schemas(VALUES), schemas, max_leaves=4)


@given(schema=SCHEMAS)
@settings(max_examples=300, deadline=None)
def test_no_sound_schema_is_refused(schema: dict[str, Any]) -> None:
    if schema_fault(schema) is not None:
        with pytest.raises(SchemaError):
            Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "no type"}, "type"),
        ({"properties": {"SECRET": {"type": 5}}}, "type"),
        ({"properties": []}, "properties"),
        ({"anyOf": [{"type": "string"}, {"required": 5}]}, "required"),
        ({"$schema": 5}, "$schema"),
    ],
)
def test_the_keyword_is_named_and_nothing_of_the_users(
    schema: dict[str, Any], keyword: str
) -> None:
    assert schema_fault(schema) == f"what stands under {keyword!r} is not allowed there"


def test_older_drafts_and_own_keywords_pass() -> None:
    older = "http://json-schema.org/draft-07/schema#"
    assert (
        schema_fault({"$schema": older, "items": [{"type": "string"}], "x-own": {"type": 5}})
        is None
    )
    assert schema_fault({"type": ["string", "null"], "default": {"type": 5}}) is None
