"""Who plans: a chat model with structured output, a callable, several in turn; and the gate."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from lc_asym_router import ChatPlanner, Decomposer, Gate, PerSecond, Plan, PlanError, Step, Tier
from lc_asym_router.decompose import Estimate
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.ladder import Ladder
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.decompose.test_properties import ask
from tests.decompose.world import WHOLE, World, plan_of, result
from tests.servers import Reply

WRITTEN = {
    "parts": [
        {"id": "t0", "instruction": "Do task t0.", "needs": [], "difficulty": "easy"},
        {"id": "t1", "instruction": "Do task t1.", "needs": [], "difficulty": "hard"},
        {"id": "t2", "instruction": "Do task t2.", "needs": ["t0"], "difficulty": "unknown"},
    ]
}


def planning(world: World, written: Any = WRITTEN, **given: Any) -> Decomposer:
    """A decomposer whose frontier writes the plan first."""
    text = written if isinstance(written, str) else json.dumps(written)
    world.frontier.script(Reply(text, input_tokens=200, output_tokens=90))
    return Decomposer(**{"router": world.router(), "planner": "chat", "gate": None, **given})


@pytest.mark.parametrize("face", ["invoke", "ainvoke", "stream", "astream", "graph", "agraph"])
def test_the_frontier_writes_the_plan_and_it_is_in_the_bill(world: World, face: str) -> None:
    chunks, answer = ask(planning(world), face)
    assert "".join(chunks) == answer.text
    assert all(result(name) in answer.text for name in ("t0", "t1", "t2"))
    assert "response_format" in world.frontier.requests[0].body
    found = record(answer)
    assert [call["purpose"] for call in found["side_calls"]] == ["plan"]
    assert found["side_calls"][0]["usage"]["input_tokens"] == 200
    assert found["cost_usd"] == pytest.approx(world.spent())
    steps = found["decomposition"]["steps"]
    assert [step["tier"] for step in steps] == ["small", "frontier", None]
    assert [step["record"]["tier"] for step in steps] == ["small", "frontier", "small"]
    assert found["decomposition"]["planner"] == "chat"


@pytest.mark.parametrize("face", ["invoke", "ainvoke"])
def test_a_model_of_its_own_plans(world: World, face: str) -> None:
    world.small.script(Reply(json.dumps(WRITTEN), input_tokens=100, output_tokens=50))
    planner = ChatPlanner(small_model(world.small))
    decomposer = Decomposer(router=world.router(), planner=planner, gate=None)
    _, answer = ask(decomposer, face)
    assert "format" in world.small.requests[0].body
    found = record(answer)
    assert [call["purpose"] for call in found["side_calls"]] == ["plan"]
    assert found["cost_usd"] == pytest.approx(world.spent())


BROKEN = {
    "no JSON": "I can't plan that.",
    "no steps": {"parts": []},
    "a circle": {
        "parts": [
            {"id": "t0", "instruction": "Do t0.", "needs": ["t1"], "difficulty": "easy"},
            {"id": "t1", "instruction": "Do t1.", "needs": ["t0"], "difficulty": "easy"},
        ]
    },
    "an unknown id": {
        "parts": [
            {"id": "t0", "instruction": "Do t0.", "needs": ["t9"], "difficulty": "easy"},
            {"id": "t1", "instruction": "Do t1.", "needs": [], "difficulty": "easy"},
        ]
    },
    "too many": {
        "parts": [
            {"id": f"t{n}", "instruction": "Do it.", "needs": [], "difficulty": "easy"}
            for n in range(5)
        ]
    },
    "an empty instruction": {
        "parts": [{"id": "a", "instruction": " ", "needs": [], "difficulty": "easy"}]
    },
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("face", ["invoke", "astream"])
def test_a_plan_that_is_none_goes_whole_to_the_frontier(world: World, name: str, face: str) -> None:
    _, answer = ask(planning(world, BROKEN[name], max_steps=4), face)
    assert answer.text == "the whole answer"
    found = record(answer)
    assert found["decomposition"]["reason"].startswith("frontier: the plan failed: PlanError")
    assert not world.small.requests
    assert len(world.frontier.requests) == 2
    assert found["cost_usd"] == pytest.approx(world.spent())


def test_a_planner_that_fails_goes_whole_to_the_frontier(world: World) -> None:
    def broken(text: str) -> Any:
        raise RuntimeError("no idea")

    answer = Decomposer(router=world.router(), planner=broken).invoke(WHOLE)
    assert record(answer)["decomposition"]["reason"].startswith(
        "frontier: the plan failed: RuntimeError"
    )
    world.begin()
    world.frontier.script(Reply(status=500, error="boom"))
    answer = Decomposer(router=world.router(), planner="chat", gate=None).invoke(WHOLE)
    assert record(answer)["decomposition"]["reason"].startswith("frontier: the plan failed: Tiers")
    assert record(answer)["side_calls"][0]["error"]


@pytest.mark.parametrize("found", [None, ["just do task t0"], Plan(["just do task t0"])])
def test_no_plan_and_a_plan_of_one_step_go_to_the_router_as_they_are(
    world: World, found: Any
) -> None:
    answer = world.decomposer(found).invoke(WHOLE)
    assert answer.text == "the whole answer"
    assert world.small.requests[0].body["messages"][-1]["content"] == WHOLE
    assert len(world.asked()) == 1
    assert record(answer)["tier"] == "small"
    assert not record(answer)["decomposition"]["split"]
    assert "join" in record(answer)["decomposition"]


async def test_callables_of_every_kind(world: World) -> None:
    async def later(text: str) -> list[Any]:
        assert text == WHOLE
        return ["Do task t0.", {"instruction": "Do task t1.", "needs": ["1"]}]

    for decomposer in (world.decomposer(None, planner=later),):
        for answer in (decomposer.invoke(WHOLE), await decomposer.ainvoke(WHOLE)):
            steps = record(answer)["decomposition"]["steps"]
            assert [step["needs"] for step in steps] == [[], ["1"]]


def test_a_callables_own_model_calls_are_in_the_bill(world: World) -> None:
    def planned(text: str) -> Plan:
        small_model(world.small).invoke("do task t9")
        return plan_of([[], []])

    answer = world.decomposer(None, planner=planned).invoke(WHOLE)
    assert [call["purpose"] for call in record(answer)["side_calls"]] == ["plan"]
    assert record(answer)["cost_usd"] == pytest.approx(world.spent())


def test_planners_are_tried_in_turn(world: World) -> None:
    decomposer = planning(world, planner=["structure", "chat"])
    assert record(decomposer.invoke(WHOLE))["decomposition"]["planner"] == "chat"
    world.begin()
    asked = "1. Do task t0, please?\n2. Do task t1, please?"
    found = record(decomposer.invoke(asked))["decomposition"]
    assert found["planner"] == "structure"
    assert not world.frontier.requests


def test_a_step_with_a_schema(world: World) -> None:
    class Size(BaseModel):
        """A size."""

        size: int

    plan = Plan([Step("a", "Do task t0.", schema=Size), Step("b", "Do task t1.")])
    assert Plan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
    world.replies["small", "t0"] = Reply('{"size": "large"}')
    world.replies["frontier", "t0"] = Reply('{"size": 3}')
    answer = world.decomposer(plan, router=world.router(verify="default")).invoke(WHOLE)
    assert '{"size": 3}' in answer.text
    assert "response_format" in world.frontier.requests[0].body
    assert "format" not in next(each for task, each in world.asked() if task == "t1").body
    world.begin()
    world.replies["small", "t0"] = world.replies["frontier", "t0"] = Reply("large")
    answer = world.decomposer(plan, router=world.router(verify="default")).invoke(WHOLE)
    assert answer.text == "the whole answer"
    assert "does not follow its schema" in record(answer)["decomposition"]["reason"]


# the gate ---------------------------------------------------------------------------------------


def ladder(small: Any = SMALL_PRICE, frontier: Any = FRONTIER_PRICE) -> Ladder:
    import langchain_ollama

    model = langchain_ollama.ChatOllama(model="x")
    return Ladder([Tier(model, "small", price=small), Tier(model, "frontier", price=frontier)])


def request(text: str) -> Request:
    from langchain_core.messages import HumanMessage

    return Request().with_messages([HumanMessage(text)])


@given(st.integers(2, 8), st.floats(0, 1), st.integers(1, 2000))
@settings(deadline=None)
def test_an_estimate_adds_up(steps: int, escalated: float, tokens: int) -> None:
    plan = Plan(Step(str(n), "What is 2+2?") for n in range(steps))
    gate = Gate(escalated=escalated, answer_tokens=tokens)
    tiers = ladder()
    asked = request("What is 2+2? " * steps)
    alone = gate.estimate(plan, asked, tiers, join=None)
    joined = gate.estimate(plan, asked, tiers, join=tiers[1], planner=tiers[1])
    assert alone.plan_usd == alone.join_usd == 0
    assert joined.split_usd == pytest.approx(
        joined.plan_usd + joined.parts_usd + joined.join_usd  # type: ignore[operator]
    )
    assert joined.split_usd > alone.split_usd  # type: ignore[operator]
    assert joined.frontier_tokens > alone.frontier_tokens
    assert alone.worth_it == (alone.split_usd < alone.frontier_usd)  # type: ignore[operator]
    dearer = Gate(escalated=min(1, escalated + 0.1), answer_tokens=tokens)
    assert dearer.estimate(plan, asked, tiers, join=None).split_usd >= alone.split_usd  # type: ignore[operator]


def test_unknown_prices_are_compared_by_the_frontiers_tokens() -> None:
    plan, asked = plan_of([[], []]), request("please do task t0 and task t1")
    for tiers in (ladder(None, None), ladder(PerSecond(1), FRONTIER_PRICE)):
        estimate = Gate().estimate(plan, asked, tiers, join=None)
        assert estimate.split_usd is None
        assert estimate.worth_it
        assert "not all prices are known" in estimate.reason
        dear = Gate(escalated=1).estimate(plan, asked, tiers, join=tiers[1])
        assert not dear.worth_it


def test_what_is_not_worth_it_goes_whole_to_the_router(world: World) -> None:
    hints = {0: "frontier", 1: "frontier"}
    decomposer = world.decomposer(plan_of([[], [0]], hints), gate=Gate(), join="frontier")
    answer = decomposer.invoke(WHOLE)
    assert answer.text == "the whole answer"
    found = record(answer)["decomposition"]
    assert found["reason"].startswith("whole: splitting is not worth it: about $")
    assert found["estimate"]["worth_it"] is False
    assert len(world.asked()) == 1


def test_a_plan_that_costs_more_than_it_can_save_is_not_asked_for(world: World) -> None:
    decomposer = planning(world, gate=Gate(answer_tokens=5))
    answer = decomposer.invoke(WHOLE)
    assert not world.frontier.requests
    assert "a plan is not worth it" in record(answer)["decomposition"]["reason"]


def test_a_gate_of_ones_own(world: World) -> None:
    seen: list[Estimate] = []

    def never(estimate: Estimate) -> bool:
        seen.append(estimate)
        return False

    world.decomposer(plan_of([[], []]), gate=never).invoke(WHOLE)
    assert seen[0].frontier_usd
    assert len(world.asked()) == 1


# what makes no sense is said at once --------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"planner": "magic"}, "'structure' or 'chat'"),
        ({"planner": []}, "is empty"),
        ({"planner": ChatPlanner(tier="gold")}, "small, frontier"),
        ({"gate": 3}, "callable from an Estimate"),
        ({"join": "glue"}, "'template'"),
        ({"max_steps": 1}, "at least 2"),
        ({"max_concurrency": 0}, "at least 1"),
        ({"router": "gpt-4o"}, "AsymRouter"),
        ({"nonsense": 1}, "no setting nonsense"),
    ],
)
def test_bad_settings(world: World, given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Decomposer(**{"router": world.router(), **given})


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Plan([]), "no steps"),
        (lambda: Plan([3]), "is a int"),
        (lambda: Plan([{"instruction": "x", "nonsense": 1}]), "keys that no step has"),
        (lambda: Plan([Step("a", "x"), Step("a", "y")]), "Two steps have the id a"),
        (lambda: Plan([Step("a", "x", ("b",))]), "needs b, which is no step"),
        (lambda: Step("a", "x", ("a",)), "needs itself"),
        (lambda: Step("a", "x", "b"), "a list of ids"),
        (lambda: Step("", "x"), "id is ''"),
        (lambda: Plan([Step("a", "x", tier="gold")]).check(9, ["small"]), "names the tier 'gold'"),
    ],
)
def test_bad_plans(make: Any, says: str) -> None:
    with pytest.raises(PlanError, match=says):
        make()


def test_bad_planners_and_gates(world: World) -> None:
    with pytest.raises(ValueError, match="not both"):
        ChatPlanner(frontier_model(world.frontier), tier="small")
    with pytest.raises(ValueError, match="give a chat model"):
        ChatPlanner("gpt-4o")
    with pytest.raises(ValueError, match="a share in"):
        Gate(escalated=2)


def test_settings_are_fixed_but_can_be_copied(world: World) -> None:
    decomposer = world.decomposer(plan_of([[], []]))
    with pytest.raises(ValidationError, match="frozen"):
        decomposer.join = "small"
    other = decomposer.model_copy(update={"join": "small"})
    assert record(other.invoke(WHOLE))["decomposition"]["join"]["by"] == "small"
    assert "planner=" in repr(other)
