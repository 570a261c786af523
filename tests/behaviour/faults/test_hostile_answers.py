"""Answers that are hard to read, through a router: formulas without end, JSON without a bottom."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from lc_asym_router import Agreement, LearnedVerifier, SelfVerification, Vote
from lc_asym_router.errors import UnreadableOutputError
from lc_asym_router.evals import Answer, Row, evaluate, replay_router, same_final_answer
from lc_asym_router.verify import Check
from tests.behaviour.faults.rig import WAYS, Rig, ask
from tests.conftest import record, small_model
from tests.servers import OllamaServer, Reply, ToolCall

FORMULAS = [
    "\\binom{2000000}{1000000}",
    "\\binom{2000}{1000}",
    "\\binom{99999999}{5000000} + 1",
    "9^{9^{9}}",
    "2^{2^{2^{2^{2^{2}}}}}",
    "99999999!",
    "((20!)!)!",
    "\\frac{10^{10^{10}}}{3}",
    "\\sqrt{10^{9^{9}}}",
    "10^{400} \\cdot \\sin(10^{400})",
    "1e99999999",
    "9" * 3_000,
]
COMPUTING = 5.0
"""Seconds of computing, which others' processes do not lengthen; without bounds it never ends."""
CHECKS: dict[str, Callable[[Any], Check]] = {
    "agreement": lambda model: Agreement(samples=1, vary=None),
    "varied": lambda model: Agreement(samples=1),
    "learned": lambda model: LearnedVerifier(second=model),
    "vote": lambda model: Vote([model]),
    "self": lambda model: SelfVerification(1, model=model),
}


@pytest.fixture(autouse=True, scope="module")
def nothing_to_collect() -> None:
    """What other tests left is not to be collected at the bottom of a deep answer, where even its
    warning is too deep."""
    gc.collect()


def says(formula: str) -> str:
    return f"Counting all of them, the answer is \\boxed{{{formula}}}."


@pytest.mark.full
@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("formula", FORMULAS, ids=range(len(FORMULAS)))
def test_a_formula_without_end_is_an_answer_like_others(rig: Rig, check: str, formula: str) -> None:
    rig.servers["small"].default = says(formula)
    with OllamaServer(default=says(formula)) as other:
        router = rig.router(verify=CHECKS[check](small_model(other)), classify=None, deadline=60)
        started = time.process_time()
        answer = router.invoke("How many are there?")
        assert answer.text in (says(formula), "a frontier answer")
        if check in ("agreement", "vote"):
            assert record(answer)["tier"] == "small"
            rig.servers["small"].script(says(formula), "5")
            other.default = "5"
            assert record(router.invoke("How many?"))["escalated"]
        assert time.process_time() - started < COMPUTING


def test_rows_of_such_formulas_are_evaluated(rig: Rig) -> None:
    rows = [
        Row(
            id=str(number),
            query=f"How many? {number}",
            weak=Answer(0.0, says(formula), output_tokens=9),
            strong=Answer(1.0, says("5"), output_tokens=9),
            other={"second": Answer(0.0, says(formula), output_tokens=9)},
            dataset="made",
            gold=formula if number % 2 else "5",
        )
        for number, formula in enumerate(FORMULAS)
    ]
    rig.servers["small"].default = lambda body: says(
        FORMULAS[int(body["messages"][-1]["content"].split()[-1])]
    )
    started = time.process_time()
    found = evaluate(rig.router(), rows, same_final_answer, concurrency=2)
    assert found.to_dict()["errors"] == 0
    assert found.quality == pytest.approx(0.5)
    with OllamaServer() as other:
        check = Agreement(second=small_model(other))
        replay_router(rig.router(verify=check, classify=lambda _: 0.0), rows, "second")
    assert time.process_time() - started < COMPUTING


DEPTHS = [800, 3_000, pytest.param(60_000, marks=pytest.mark.full)]


class Place(BaseModel):
    """A place."""

    name: str
    within: Any = None


def nested(depth: int) -> dict[str, str]:
    """JSON of such a depth: whole, cut off, in a fence, and as a field that the schema knows."""
    deep = "[" * depth + "]" * depth
    return {
        "whole": deep,
        "cut": '{"name": ' * depth,
        "fence": f"```json\n{deep}\n```",
        "field": f'{{"name": "Rome", "within": {deep}}}',
    }


def written(method: str, text: str) -> Reply:
    """A reply that says the text where structured output of such a method stands."""
    return Reply(tool_calls=[ToolCall("Place", text)]) if "call" in method else Reply(text)


async def structured(router: Any, method: str, way: str, **more: Any) -> Any:
    chain = router.with_structured_output(Place, method=method, **more)
    return await chain.ainvoke("where?") if way == "ainvoke" else chain.invoke("where?")


@pytest.mark.full
@pytest.mark.parametrize("shape", nested(1))
@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("method", ["json_mode", "json_schema", "function_calling"])
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_json_without_a_bottom_is_output_that_can_not_be_read(
    rig: Rig, way: str, method: str, depth: int, shape: str
) -> None:
    bad, router = written(method, nested(depth)[shape]), rig.router(classify=None)
    rig.servers["small"].default = bad
    rig.servers["frontier"].default = written(method, '{"name": "Rome"}')
    assert (await structured(router, method, way)).name == "Rome"
    rig.servers["frontier"].default = bad
    raw = await structured(router, method, way, include_raw=True)
    if raw["parsing_error"] is None:  # as deep as a client reads, and its schema allows it
        assert (shape, depth, raw["parsed"].name) == ("field", 800, "Rome")
        return
    assert raw["parsed"] is None
    assert isinstance(raw["parsing_error"], UnreadableOutputError)
    with pytest.raises(UnreadableOutputError):
        await structured(router, method, way)


ARGUMENTS = ["[1]", "[[]]", '"x"', "5", "1e400", "true", "{", "{'name': 1}", "[" * 150 + "]" * 150]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=range(len(ARGUMENTS)))
@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
async def test_arguments_that_are_no_object_are_the_models_fault(
    rig: Rig, way: str, arguments: str
) -> None:
    """Clients raise there: of `include_raw=True`, too, and of a server that is not to blame."""
    bad, router = written("call", arguments), rig.router(classify=None)
    rig.servers["small"].default = rig.servers["frontier"].default = bad
    for _ in range(3):
        raw = await structured(router, "function_calling", way, include_raw=True)
        assert raw["parsed"] is None
        assert isinstance(raw["parsing_error"], UnreadableOutputError)
    assert {each.state for each in router.breakers.values()} == {"closed"}
    with pytest.raises(UnreadableOutputError):
        await structured(router, "function_calling", way)
    for server in rig.servers.values():
        server.reset()
    seen = await ask(router.bind_tools([Place]), way, "where?")
    assert seen.answer is not None
    assert not seen.answer.tool_calls
    booked = [each["usage"] for each in seen.attempts_of("frontier")]
    assert rig.servers["frontier"].tokens == tuple(
        sum(each[name] for each in booked) for name in ("input_tokens", "output_tokens")
    )
    # Ollama's client stops reading before the counts have come.
    assert {each["cost_usd"] for each in seen.attempts_of("small")} == {None}
    rig.servers["frontier"].default = "a frontier answer"
    seen = await ask(router.bind_tools([Place]), way, "where?")
    assert seen.text == "a frontier answer"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("depth", DEPTHS)
async def test_a_deep_text_is_an_answer_to_be_checked_in_any_way(
    rig: Rig, way: str, depth: int
) -> None:
    for text in nested(depth).values():
        rig.servers["small"].default = text
        seen = await ask(rig.router(classify=None, deadline=60), way, "where?")
        assert seen.error is None
        assert seen.text in (text, "a frontier answer")
