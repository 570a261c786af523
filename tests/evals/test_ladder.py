"""Three tiers on recorded answers: what the figures say is what the router does."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest
from langchain_openai import ChatOpenAI

from lc_asym_router import Agreement, AsymRouter, Price, Tier, default_checks
from lc_asym_router.evals import Answer, CascadePrices, DataError, Row, ladder_report
from lc_asym_router.shell import main
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

MIDDLE, ARBITER = "middle-model", "arbiter-model"
PRICES = CascadePrices(
    small=SMALL_PRICE, second=Price(0.15, 0.6), frontier=FRONTIER_PRICE, arbiter=SMALL_PRICE
)


def answer(chance: random.Random, right: int, often: float, said: str) -> Answer:
    is_right = chance.random() < often
    value = right if is_right else right + chance.randint(1, 2)
    text = "" if chance.random() < 0.08 else said.format(value)
    return Answer(
        float(is_right and bool(text)), text, chance.randint(20, 90), chance.randint(1, 60)
    )


def rows(count: int = 60, seed: int = 5) -> list[Row]:
    """Sums that the models get right more or less often, and answers that are empty now and then."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        a, b = chance.randint(100, 999), chance.randint(100, 999)
        made.append(
            Row(
                id=str(number),
                query=f"What is {a} plus {b}? ({number})",
                weak=answer(chance, a + b, 0.5, "The answer is {}."),
                strong=replace(answer(chance, a + b, 0.97, "It is {}."), response=f"{a + b}"),
                dataset="made",
                other={
                    MIDDLE: answer(chance, a + b, 0.8, "I get {}."),
                    ARBITER: answer(chance, a + b, 0.7, "That makes {}."),
                },
            )
        )
    return made


def serving(answers):
    def reply(body):
        said = answers[body["messages"][-1]["content"]]
        return Reply(
            said.response or "", input_tokens=said.input_tokens, output_tokens=said.output_tokens
        )

    return reply


def test_the_figures_are_what_the_router_does(small, frontier):
    data = rows()
    small.default = serving({row.query: row.weak for row in data})
    frontier.default = serving({row.query: row.strong for row in data})
    middle_says = serving({row.query: row.other[MIDDLE] for row in data})
    arbiter_says = serving({row.query: row.other[ARBITER] for row in data})
    with OpenAIServer(default=middle_says) as middle, OllamaServer(default=arbiter_says) as arbiter:
        middle_model = ChatOpenAI(
            model=MIDDLE, base_url=middle.base_url, api_key="sk-not-a-key", max_retries=0
        )
        router = AsymRouter(
            tiers=[
                Tier(small_model(small), "small", price=SMALL_PRICE),
                Tier(middle_model, "middle", price=PRICES.second),
                Tier(frontier_model(frontier), "frontier", price=FRONTIER_PRICE),
            ],
            classify=lambda messages: 0.0,
            verify={
                "small": default_checks() & Agreement(second="middle"),
                "middle": default_checks() & Agreement(second=small_model(arbiter)),
            },
        )
        told = [record(router.invoke(row.query)) for row in data]
        asked = [len(server.requests) for server in (small, middle, frontier, arbiter)]

    found = ladder_report(data, MIDDLE, ARBITER, PRICES)
    tiers = [each["tier"] for each in told]
    assert set(tiers) == {"small", "middle", "frontier"}
    assert found["frontier_share"] == pytest.approx(tiers.count("frontier") / len(data))
    assert found["middle_share"] == pytest.approx(tiers.count("middle") / len(data))
    graded = [
        {"small": row.weak, "middle": row.other[MIDDLE], "frontier": row.strong}[tier].score
        for row, tier in zip(data, tiers, strict=True)
    ]
    assert found["quality"] == pytest.approx(sum(graded) / len(data))
    alone = sum(FRONTIER_PRICE.of(_usage(row.strong)) for row in data)
    assert found["cost_ratio"] == pytest.approx(sum(each["cost_usd"] for each in told) / alone)
    assert asked[0] == asked[1] == len(data)
    assert asked[2] == tiers.count("frontier")


def _usage(answer):
    taken, given = answer.input_tokens, answer.output_tokens
    return {"input_tokens": taken, "output_tokens": given, "total_tokens": taken + given}


def test_the_part_of_the_gap_and_its_interval():
    data = rows(200)
    found = ladder_report(data, MIDDLE, ARBITER)
    weak = sum(row.weak_score for row in data) / len(data)
    strong = sum(row.strong_score for row in data) / len(data)
    assert found["pgr"] == pytest.approx((found["quality"] - weak) / (strong - weak))
    low, high = found["pgr_ci95"]
    assert low < found["pgr"] < high


def test_rows_without_all_three_answers_are_left_out():
    data = rows(40)
    gaps = [replace(row, other={MIDDLE: row.other[MIDDLE]}) for row in data]
    assert ladder_report([*data, *gaps], MIDDLE, ARBITER) == ladder_report(data, MIDDLE, ARBITER)


@pytest.mark.parametrize(
    ("change", "names", "says"),
    [
        (lambda row: row, (MIDDLE, MIDDLE), "can't be the arbiter of its own"),
        (lambda row: row, (MIDDLE, "nobody"), "No row holds an answer of 'nobody'"),
        (lambda row: replace(row, weak=Answer(1.0)), (MIDDLE, ARBITER), "weak_response"),
        (
            lambda row: replace(
                row, other={**row.other, MIDDLE: replace(row.other[MIDDLE], score=None)}
            ),
            (MIDDLE, ARBITER),
            "their 'score' is needed",
        ),
    ],
)
def test_what_can_not_be_measured_is_said(change, names, says):
    with pytest.raises(DataError, match=says):
        ladder_report([change(row) for row in rows(10)], *names)


@pytest.mark.full
def test_from_the_shell(tmp_path, capsys):
    path = tmp_path / "rows.jsonl"
    with path.open("w") as lines:
        for row in rows(80):
            other = {
                name: {"score": each.score, "response": each.response}
                for name, each in row.other.items()
            }
            told = {
                "id": row.id,
                "query": row.query,
                "weak_score": row.weak_score,
                "weak_response": row.weak.response,
                "strong_score": row.strong_score,
                "strong_response": row.strong.response,
                "other": other,
            }
            lines.write(json.dumps(told) + "\n")
    asked = ["evaluate", "--data", str(path), "--second", MIDDLE, "--arbiter", ARBITER]
    assert main([*asked, "--second-price", "0.15", "0.6", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["ladder"]
    assert set(found) == {
        "pgr",
        "pgr_ci95",
        "frontier_share",
        "middle_share",
        "quality",
        "cost_ratio",
    }
    assert main([*asked, "--arbiter-price", "50", "50", "--json"]) == 0
    dearer = json.loads(capsys.readouterr().out)["ladder"]
    assert dearer["quality"] == found["quality"]
    assert dearer["cost_ratio"] > found["cost_ratio"]
    assert main(asked) == 0
    assert "ladder: pgr" in capsys.readouterr().out
    gap = json.loads(path.read_text().splitlines()[0]) | {"id": "gap", "other": {}}
    path.write_text(path.read_text() + json.dumps(gap) + "\n")
    assert main(asked) == 0
    assert f"1 of 81 rows have no answer of {MIDDLE}" in capsys.readouterr().err
    without = ["evaluate", "--data", str(path), "--arbiter", ARBITER]
    assert main(without) == 2
    assert "--second" in capsys.readouterr().err
