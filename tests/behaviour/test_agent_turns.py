"""An agent's turn: the first tier is asked and checked, what was escalated stays up, circles end."""

from __future__ import annotations

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

from lc_asym_router import AsymRouter, Price, Tier, Vote
from lc_asym_router.records.signing import with_record
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply, ToolCall

HARD = (
    "Our job queue stalls under load: two workers wait for each other's lock. Find the cause, write a "
    "version that cannot deadlock, and explain the plan for Bonn."
)


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"It rains in {city}."


@tool
def broken(city: str) -> str:
    """Something that does not work."""
    return f"Error: no such station near {city[:0]}the coast"


@tool
def job(name: str) -> str:
    """How a job stands."""
    return f"The job {name} is still running."


def call(_tool="weather", **arguments):
    return Reply(tool_calls=[ToolCall(_tool, arguments)])


def last_decisions(said):
    return [record(m)["decision"] for m in said["messages"] if m.type == "ai"]


@pytest.fixture(params=["create_agent", "a plain graph"])
def agent_of(request):
    """An agent over a router: LangChain's, or a graph written by hand."""

    def build(router, tools):
        if request.param == "create_agent":
            return create_agent(router, tools)
        bound = router.bind_tools(tools)

        def model(state):
            return {"messages": [bound.invoke(state["messages"])]}

        graph = StateGraph(MessagesState)
        graph.add_node("model", model)
        graph.add_node("tools", ToolNode(tools, handle_tool_errors=True))
        graph.add_edge(START, "model")
        graph.add_conditional_edges("model", tools_condition)
        graph.add_edge("tools", "model")
        return graph.compile()

    return build


def run(agent, asked):
    return agent.invoke({"messages": [HumanMessage(asked)]}, {"recursion_limit": 30})


def test_with_tools_bound_the_question_does_not_decide(make, small, frontier):
    router = make()
    assert router.decide(HARD).tier == "frontier"
    small.script(call(city="Bonn"))
    answer = router.bind_tools([weather]).invoke(HARD)
    decision = record(answer)["decision"]
    assert (decision["tier"], decision["classifier"]) == ("small", "tools")
    assert decision["complexity"] is None
    assert "small is asked first" in decision["reason"]
    assert not frontier.requests


async def test_the_same_async(make, small):
    decision = await make().adecide(HARD, tools=[weather])
    assert (decision.tier, decision.classifier) == ("small", "tools")


@pytest.mark.parametrize(
    ("settings", "config", "bound"),
    [
        ({"verify": None}, {}, {}),  # nobody would check the call
        ({}, {"configurable": {"verify": False}}, {}),
        ({}, {}, {"tool_choice": "none"}),  # no call can be made
        ({}, {"configurable": {"threshold": 0.1}}, {}),
        ({"threshold": 0}, {}, {}),  # everything is to go up
        ({"classify": lambda messages: 1.0}, {}, {}),  # a user's own word stands
        ({"classify": "keyword"}, {}, {}),
    ],
)
def test_where_the_classifier_decides_all_the_same(make, settings, config, bound):
    asked = f"{HARD} debug it"
    decision = make(**settings).decide(asked, config, tools=[weather], **bound)
    assert decision.tier == "frontier"
    assert decision.complexity is not None


def test_the_first_tiers_call_is_voted_on_and_a_won_vote_is_no_escalation(small, frontier):
    """The middle tier's call has won; the turn's next word is the first tier's again."""
    with OpenAIServer(default="a middle answer") as middle, OllamaServer() as third:
        model = ChatOpenAI(model="middle-model", base_url=middle.base_url, api_key="sk-not-a-key")
        other = small_model(third)
        router = AsymRouter(
            tiers=[
                Tier(small_model(small), "small", price=SMALL_PRICE),
                Tier(model, "middle", price=FRONTIER_PRICE),
                Tier(frontier_model(frontier), "frontier", price=FRONTIER_PRICE),
            ],
            verify=Vote(of=["small", "middle", other]),
        )
        small.script(call(city="Rome"), "It rains.")
        middle.script(call(city="Bonn"), "It rains in Bonn.")
        third.script(call(city="Bonn"))
        said = run(create_agent(router, [weather]), "How is the weather in Bonn?")
    first, second = (m for m in said["messages"] if m.type == "ai")
    assert (record(first)["tier"], record(first)["vouched"]) == ("middle", "vote")
    assert first.tool_calls[0]["args"] == {"city": "Bonn"}
    assert (record(second)["decision"]["tier"], record(second)["vouched"]) == ("small", "vote")
    assert not frontier.requests


def test_what_was_escalated_stays_up(agent_of, make, small, frontier):
    small.script(Reply(tool_calls=[ToolCall("no_such_tool", {})]))
    frontier.script(call(city="Bonn"), "It rains.")
    said = run(agent_of(make(), [weather]), "Weather in Bonn?")
    assert [each["classifier"] for each in last_decisions(said)] == ["tools", "sticky"]
    assert len(small.requests) == 1


def test_the_same_call_again_goes_up(agent_of, make, small, frontier):
    """With the form alone checked the second call is made; the third is the frontier's."""
    small.script(*[call(city="Bonn")] * 9)
    frontier.script("It rains.")
    said = run(agent_of(make(), [weather]), "Weather in Bonn?")
    assert said["messages"][-1].text == "It rains."
    assert len(small.requests) == 2
    decision = last_decisions(said)[-1]
    assert (decision["tier"], decision["classifier"]) == ("frontier", "stalled")
    assert "the tool weather was called again with the same arguments" in decision["reason"]


def test_by_default_the_second_call_is_not_even_made(agent_of, make, small, frontier):
    small.script(*[call(city="Bonn")] * 9)
    frontier.script("It rains.")
    said = run(agent_of(make(verify="default"), [weather]), "Weather in Bonn?")
    assert said["messages"][-1].text == "It rains."
    assert [m.type for m in said["messages"]] == ["human", "ai", "tool", "ai"]
    attempt = record(said["messages"][-1])["attempts"][0]
    assert (attempt["check"], attempt["passed"]) == ("RepeatedCalls", False)
    assert "again with the same arguments" in attempt["reason"]


def test_the_same_tool_error_twice_goes_up(agent_of, make, small, frontier):
    small.script(call("broken", city="Bonn"), call("broken", city="Rome"), "never asked")
    frontier.script("It can't be found out.")
    said = run(agent_of(make(), [broken]), "Weather in Bonn and Rome?")
    assert said["messages"][-1].text == "It can't be found out."
    reason = last_decisions(said)[-1]["reason"]
    assert "the tool broken failed twice in the same way" in reason
    assert len(small.requests) == 2


def test_steps_that_bring_nothing_new_go_up(make, small, frontier):
    @tool
    def search(query: str) -> str:
        """Search."""
        return "nothing found"

    small.script(*[call("search", query=f"rain {n}") for n in range(9)])
    frontier.script("Nothing is known.")
    said = run(create_agent(make(), [search]), "Search for rain")
    assert len(small.requests) == 4, "the first brings news, three more do not"
    assert "3 steps in a row brought nothing new" in last_decisions(said)[-1]["reason"]


def test_it_can_be_turned_off(make, small, frontier):
    small.script(*[call(city="Bonn")] * 5, "It rains.")
    said = run(create_agent(make(stall_steps=None), [weather]), "Weather in Bonn?")
    assert said["messages"][-1].text == "It rains."
    assert not frontier.requests
    with pytest.raises(ValueError, match="at least 2 steps"):
        make(stall_steps=1)


def test_a_job_that_is_still_running_may_be_asked_after(make, small, frontier):
    small.script(*[call("job", name="a")] * 2, "It runs.")
    said = run(create_agent(make(verify="default", stall_steps=5), [job]), "How is the job a?")
    assert said["messages"][-1].text == "It runs."
    assert not frontier.requests


def test_a_call_that_may_not_escalate_does_not(make, small, frontier):
    turn = turn_of(*[({"city": "Bonn"}, "rain")] * 3)
    config = {"configurable": {"escalate": False}}
    assert make().decide(turn, tools=[weather]).classifier == "stalled"
    assert make().decide(turn, config, tools=[weather]).tier == "small"


def turn_of(*steps, by=None):
    """A turn with steps of one call, and what came back."""
    messages = [HumanMessage("Weather?")]
    for number, (args, result) in enumerate(steps):
        calls = [{"name": "weather", "args": args, "id": str(number)}]
        called = AIMessage("", tool_calls=calls)
        messages += [
            with_record(called, {"tier": by}, "Weather?") if by else called,
            ToolMessage(result, tool_call_id=str(number)),
        ]
    return messages


def test_what_the_last_tier_does_goes_nowhere(make):
    turn = turn_of(*[({"city": "Bonn"}, "rain")] * 5, by="frontier")
    decision = make().decide(turn, tools=[weather])
    assert (decision.tier, decision.classifier) == ("frontier", "sticky")


# a thread's prompt cache ----------------------------------------------------------------------


def thread(words):
    asked = "hello " * words
    first = with_record(AIMessage("well " * words), {"tier": "frontier"}, asked)
    return [HumanMessage(asked), first, HumanMessage("thanks")]


@pytest.mark.parametrize(
    ("price", "words", "tier", "by"),
    [
        (Price(2.5, 10.0), 3000, "frontier", "sticky"),  # no price of cached input: it stays
        (Price(2.5, 10.0, cached_input=0.25), 3000, "small", "learned"),  # long answers are dear
        (Price(2.5, 1.0, cached_input=0.25), 3000, "frontier", "sticky"),  # a tenth, and reading it
        (Price(2.5, 1.0, cached_input=2.4), 3000, "small", "learned"),  # hardly cheaper
        (None, 3000, "frontier", "sticky"),
    ],
)
def test_a_threads_cache_is_weighed(small, frontier, price, words, tier, by):
    router = AsymRouter(
        small=Tier(small_model(small), price=SMALL_PRICE),
        frontier=Tier(frontier_model(frontier), price=price),
        verify="form",
        sticky="thread",
    )
    decision = router.decide(thread(words))
    assert (decision.tier, decision.classifier) == (tier, by)


CACHED = Price(2.5, 1.0, cached_input=0.25)


@pytest.fixture
def staying(small, frontier):
    """A router whose threads stay on the last tier while its prompt cache is worth it."""
    return AsymRouter(
        small=Tier(small_model(small), price=SMALL_PRICE),
        frontier=Tier(frontier_model(frontier), price=CACHED),
        verify="form",
        sticky="thread",
    )


def test_only_what_the_last_tier_has_seen_is_in_its_cache(staying):
    """Its answer was early and short; what the small tier has written since would be read anew."""
    asked = "hello " * 3000
    first = with_record(AIMessage("well"), {"tier": "frontier"}, "hi")
    later = with_record(AIMessage("fine " * 3000), {"tier": "small"}, asked)
    talk = [HumanMessage("hi"), first, HumanMessage(asked), later, HumanMessage("thanks")]
    assert staying.decide(talk).tier == "small"
    assert staying.decide(thread(3000)).tier == "frontier"


def test_the_tools_are_in_the_cache_too(staying):
    """Their schemas come before every conversation: most of a short thread."""
    long = {"type": "function", "function": {"name": "s", "description": "It searches. " * 4000}}
    assert staying.decide(thread(9), tools=[long]).classifier == "sticky"
