"""`router.graph` takes a context: the settings that a run overrides."""

from __future__ import annotations

import pytest
from langgraph.graph import START, MessagesState, StateGraph

from lc_asym_router import ConfigurationError, Decomposer, RouterContext
from lc_asym_router.graph.context import with_context
from tests.conftest import record

ASKED = {"messages": [("human", "hi")]}
OVERRIDES = ["tier", "threshold", "verify", "escalate", "deadline"]
REFUSAL = "I'm sorry, but I can't help with that."


def graph_of(make, kind, **settings):
    router = make(**settings)
    if kind == "router":
        return router.graph
    if kind == "decomposer":
        return Decomposer(router=router).graph
    parent = StateGraph(MessagesState, context_schema=RouterContext)
    parent.add_node("answer", router.graph)
    parent.add_edge(START, "answer")
    return parent.compile()


@pytest.fixture(params=["router", "decomposer", "parent"])
def kind(request):
    return request.param


async def test_a_context_overrides_the_tier(make, kind):
    graph = graph_of(make, kind)
    for context, tier in ((None, "small"), ({"tier": "frontier"}, "frontier"), ({}, "small")):
        for done in (
            graph.invoke(ASKED, context=context),
            await graph.ainvoke(ASKED, context=context),
        ):
            assert record(done["messages"][-1])["tier"] == tier


def test_the_other_overrides(make, kind, small):
    graph = graph_of(make, kind)
    assert (
        record(graph.invoke(ASKED, context={"threshold": 0})["messages"][-1])["tier"] == "frontier"
    )
    small.script(REFUSAL)
    assert graph.invoke(ASKED, context={"verify": False})["messages"][-1].text == REFUSAL


def test_a_context_wins_over_configurable(make, kind):
    config = {"configurable": {"tier": "frontier"}}
    done = graph_of(make, kind).invoke(ASKED, config, context={"tier": "small"})
    assert record(done["messages"][-1])["tier"] == "small"


def test_an_invalid_context_says_what_to_do(make, kind):
    with pytest.raises(ConfigurationError, match="tiers are small, frontier"):
        graph_of(make, kind).invoke(ASKED, context={"tier": "tiny"})


def test_a_prefix_keeps_a_parents_own_keys_apart(make):
    graph = make(configurable_prefix="router_").graph
    done = graph.invoke(ASKED, context={"tier": "gold", "router_tier": "frontier"})
    assert record(done["messages"][-1])["tier"] == "frontier"
    assert list(graph.get_context_jsonschema()["properties"]) == [f"router_{n}" for n in OVERRIDES]


def test_a_context_that_is_no_mapping_is_a_parents_own():
    config = {"configurable": {"tier": "small"}}
    assert with_context(config, object(), "") is config
    assert with_context(config, None, "") is config


def test_schemas_can_be_generated(make, kind):
    graph = graph_of(make, kind)
    assert list(graph.get_context_jsonschema()["properties"]) == OVERRIDES
    for schema in (graph.get_input_jsonschema(), graph.get_output_jsonschema()):
        assert list(schema["properties"]) == ["messages"]
