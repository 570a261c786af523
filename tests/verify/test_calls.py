"""Tool calls compared for what they do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.tools import tool
from pydantic import BaseModel, Field

from lc_asym_router.records.bindings import ToolBinding
from lc_asym_router.verify.answers.calls import same_calls


class Seat(BaseModel):
    """A seat."""

    row: int
    level: str = "Gold"


@tool
def book(title: str, count: float = 1, note: str | None = None, seat: Seat | None = None) -> str:
    """Book tickets."""
    return title


class Rank(BaseModel):
    """Ranks things."""

    order: str = Field(json_schema_extra={"enum": ["Up", "down"]})
    keys: list[str] = []


class Switch(BaseModel):
    """Switches a light."""

    on: bool
    label: str = ""
    dim: bool | str = ""


TOOLS = ToolBinding((book, Rank, Switch)).openai_tools


def call(name: str = "book", **args: object) -> dict[str, object]:
    return {"name": name, "args": args, "id": "1", "type": "tool_call"}


SAME = [
    ([], []),
    ([call(title="a", count=5)], [call(title="a", count=5.0)]),
    ([call(title="Gold")], [call(title="gold")]),
    ([call(title="New  York ")], [call(title="new york")]),
    ([call(title="a", count=1)], [call(title="a")]),
    ([call(title="a", count=1.0)], [call(title="A")]),
    ([call(title="a", note=None)], [call(title="a")]),
    ([call(title="a"), call(title="b")], [call(title="b"), call(title="a")]),
    ([call(title="a", count=10**20)], [call(title="a", count=1e20)]),
    ([call(title="a", seat={"row": 3, "level": "Gold"})], [call(title="a", seat={"row": 3})]),
    (
        [call(title="a", seat={"row": 3, "level": "Gold"})],
        [call(title="a", seat={"level": "gold", "row": 3.0})],
    ),
    ([call("Rank", order="Up", keys=[])], [call("Rank", order="Up")]),
    ([call("Rank", order="Up", keys=["A", "b"])], [call("Rank", order="Up", keys=["a", "B"])]),
    ([call("other", x={"b": 1, "a": 2})], [call("other", x={"a": 2, "b": 1})]),
    ([{"name": "book", "args": None}], [call()]),
    ([call("Switch", on="true")], [call("Switch", on=True)]),
    ([call("Switch", on="False")], [call("Switch", on=False)]),
    ([call(title="a", count=-0.0)], [call(title="a", count=0)]),
    ([call(title="Caf\u00e9")], [call(title="cafe\u0301")]),
    ([call(title="a"), call(title="a")], [call(title="A", count=1), call(title="a", note=None)]),
]  # fmt: skip
DIFFERENT = [
    ([call("Switch", on="true")], [call("Switch", on=False)]),
    ([call("Switch", on="yes")], [call("Switch", on=True)]),
    ([call("Switch", on=True, label="true")], [call("Switch", on=True, label=True)]),
    ([call("Switch", on=True, dim="true")], [call("Switch", on=True, dim=True)]),
    ([], [call(title="a")]),
    ([call(title="a")], [call(title="a"), call(title="a")]),
    (
        [call(title="a"), call(title="a"), call(title="b")],
        [call(title="a"), call(title="b"), call(title="b")],
    ),
    ([call(title="a", count=5)], [call(title="a", count=6)]),
    ([call(title="a", count=5)], [call(title="a")]),
    ([call(title="a", count=5)], [call(title="a", count="5")]),
    ([call(title="a", count=True)], [call(title="a", count=1)]),
    ([call(title="a", count=10**20)], [call(title="a", count=10**20 + 1)]),
    ([call(title="a")], [call("other", title="a")]),
    ([call(title="a b")], [call(title="ab")]),
    ([call("Rank", order="Up")], [call("Rank", order="up")]),
    ([call("Rank", order="Up", keys=["a", "b"])], [call("Rank", order="Up", keys=["b", "a"])]),
    ([call(title="a", seat={"row": 3, "level": "Silver"})], [call(title="a", seat={"row": 3})]),
    ([call("other", note=None)], [call("other")]),
    ([call("other", count=1)], [call("other")]),
    ([call("other", x=[])], [call("other", x={})]),
    ([call("other", x=[["a", 1]])], [call("other", x={"a": 1})]),
    ([call("other", x="1")], [call("other", x=1)]),
    ([call("Rank", order="Up", keys=["a"])], [call("Rank", order="Up", keys=["a", "a"])]),
    ([call(title="C++")], [call(title="C")]),
    ([call(title="a", seat={"row": 3}, count=2)], [call(title="a", seat={"row": 2}, count=3)]),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), SAME)
def test_calls_that_do_the_same(one, other):
    assert same_calls(one, other, TOOLS)
    assert same_calls(other, one, TOOLS)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_calls_that_do_something_else(one, other):
    assert not same_calls(one, other, TOOLS)
    assert not same_calls(other, one, TOOLS)


def test_without_the_tools_a_default_is_an_argument():
    assert not same_calls([call(title="a", count=1)], [call(title="a")])
    assert same_calls([call(title="a", count=1)], [call(title="A", count=1.0)])


@pytest.mark.parametrize("depth", [61, 800, 3_000])
def test_what_is_nested_too_deep_differs(depth):
    deep: object = 1
    for _ in range(depth):
        deep = [deep]
    assert not same_calls([call(title=deep)], [call(title=deep)], TOOLS)


def test_numbers_of_any_length_are_compared():
    long = int("9" * 4_000) * 10**4_000
    assert same_calls([call(count=long)], [call(count=long)], TOOLS)
    assert not same_calls([call(count=long)], [call(count=long + 1)], TOOLS)
    assert same_calls([call(count=float("nan"))], [call(count=float("nan"))], TOOLS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
CALLS = st.lists(
    st.builds(
        lambda name, args: {"name": name, "args": args},
        st.sampled_from(["book", "Rank", "other"]),
        st.dictionaries(st.sampled_from(["title", "count", "seat", "keys", "x"]), JSON, max_size=3),
    ),
    max_size=3,
)


@given(CALLS, CALLS, st.randoms())
def test_comparing_is_an_equivalence(one, other, random):
    turned = random.sample(one, len(one))
    assert same_calls(one, turned, TOOLS)
    assert same_calls(one, other, TOOLS) is same_calls(other, one, TOOLS)
    assert same_calls(turned, other, TOOLS) is same_calls(one, other, TOOLS)
