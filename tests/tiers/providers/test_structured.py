"""Structured output is read out of prose, by every method and of every provider, on both tiers."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from tests.tiers.providers.conftest import Rig


class Person(BaseModel):
    """A person."""

    name: str
    age: int


DATA = '{"name": "Ann", "age": 3}'
TEXTS = [
    f"Here it is:\n```json\n{DATA}\n```\nAnything else?",
    f'<think>A name: {{"name": 1}}</think>\nIt is {DATA}, I think.',
]


@pytest.mark.parametrize("method", ["json_mode", "json_schema", "function_calling"])
@pytest.mark.parametrize("text", TEXTS)
def test_json_among_prose(rig: Rig, method: str, text: str) -> None:
    rig.server.default = text
    for router in (rig.first(verify="form"), rig.last(fallbacks=[])):
        asked = router.with_structured_output(Person, method=method, include_raw=True)
        out = asked.invoke("Who? Answer as JSON.")
        assert out["parsed"] == Person(name="Ann", age=3)
        assert out["parsing_error"] is None
        assert not rig.spare.requests
