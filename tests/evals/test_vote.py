"""A vote on recorded answers and calls: what the figures say is what the router does."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace

import pytest
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter, Price, Tier, Vote
from lc_asym_router.evals import Answer, DataError, Row, load, vote_report
from lc_asym_router.shell import main
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply, ToolCall

MIDDLE, THIRD = "middle-model", "third-model"
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds.",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "default": 0}},
            "required": ["a"],
        },
    },
}


def called(chance: random.Random, a: int, b: int, often: float) -> Answer:
    """The right call, a wrong one, one of no tool, or words in place of a call."""
    right = chance.random() < often
    kind = chance.choice(["call", "call", "no tool", "words"]) if not right else "call"
    name = "subtract" if kind == "no tool" else "add"
    calls = (
        () if kind == "words" else ({"name": name, "args": {"a": a, "b": b if right else b + 1}},)
    )
    text = "I can't add." if kind == "words" else ""
    return Answer(float(right), text, chance.randint(20, 90), chance.randint(1, 60), calls=calls)


def said(chance: random.Random, a: int, b: int, often: float) -> Answer:
    right = chance.random() < often
    value = a + b if right else a + b + chance.randint(1, 2)
    text = "" if chance.random() < 0.08 else f"It is {value}."
    return Answer(float(right and text != ""), text, chance.randint(20, 90), chance.randint(1, 60))


def rows(kind=said, count: int = 50, seed: int = 3) -> list[Row]:
    chance = random.Random(seed)
    made = []
    for number in range(count):
        a, b = chance.randint(100, 999), chance.randint(100, 999)
        made.append(
            Row(
                id=str(number),
                query=f"What is {a} plus {b}? ({number})",
                weak=kind(chance, a, b, 0.5),
                strong=kind(chance, a, b, 1.0),
                dataset="made",
                other={MIDDLE: kind(chance, a, b, 0.8), THIRD: kind(chance, a, b, 0.7)},
                tools=(TOOL,) if kind is called else (),
            )
        )
    return made


def serving(answers):
    def reply(body):
        given = answers[body["messages"][-1]["content"]]
        calls = [ToolCall(call["name"], call["args"]) for call in given.calls or ()]
        return Reply(
            given.response or "",
            tool_calls=calls,
            input_tokens=given.input_tokens,
            output_tokens=given.output_tokens,
        )

    return reply


@pytest.mark.parametrize("kind", [said, called])
def test_the_figures_are_what_the_router_does(small, frontier, kind):
    data = rows(kind)
    small.default = serving({row.query: row.weak for row in data})
    frontier.default = serving({row.query: row.strong for row in data})
    middle_says = serving({row.query: row.other[MIDDLE] for row in data})
    third_says = serving({row.query: row.other[THIRD] for row in data})
    with OpenAIServer(default=middle_says) as middle, OllamaServer(default=third_says) as third:
        middle_model = ChatOpenAI(
            model=MIDDLE, base_url=middle.base_url, api_key="sk-not-a-key", max_retries=0
        )
        third_model = small_model(third)
        third_model.model = THIRD
        router = AsymRouter(
            tiers=[
                Tier(small_model(small), "small", price=SMALL_PRICE),
                Tier(middle_model, "middle", price=Price(0.15, 0.6)),
                Tier(third_model, "third", price=SMALL_PRICE),
                Tier(frontier_model(frontier), "frontier", price=FRONTIER_PRICE),
            ],
            classify=lambda messages: 0.0,
            verify={"small": Vote(of=["small", "middle", "third"]), "middle": None, "third": None},
        )
        asked = router.bind_tools([TOOL]) if kind is called else router
        records = [record(asked.invoke(row.query)) for row in data]

    report = vote_report(data, [MIDDLE, THIRD], {MIDDLE: Price(0.15, 0.6)})
    up = [each["tier"] == "frontier" for each in records]
    assert report["frontier_share"] == pytest.approx(sum(up) / len(up))
    assert 0 < report["frontier_share"] < 1
    grades = [
        {"small": row.weak, "middle": row.other[MIDDLE], "third": row.other[THIRD]}.get(
            each["tier"], row.strong
        ).score
        for row, each in zip(data, records, strict=True)
    ]
    assert report["accuracy"] == pytest.approx(sum(grades) / len(grades))
    alone = sum(
        FRONTIER_PRICE.input * row.strong.input_tokens
        + FRONTIER_PRICE.output * row.strong.output_tokens
        for row in data
    )
    bill = sum(each["cost_usd"] for each in records) * 1e6
    assert report["cost_ratio"] == pytest.approx(bill / alone)


def test_the_shell_prints_it(tmp_path, capsys):
    file = tmp_path / "calls.jsonl.gz"
    with gzip.open(file, "wt") as out:
        for row in rows(called):
            print(json.dumps(_plain(row)), file=out)
    command = ["evaluate", "--data", str(file), "--vote", MIDDLE, THIRD, "--json"]
    main([*command, "--price", MIDDLE, "0.15", "0.6"])
    printed = json.loads(capsys.readouterr().out)
    vote = printed.pop("vote")
    names = {"accuracy", "frontier_share", "cost_ratio", "pgr", "pgr_ci95", "frontier_accuracy"}
    assert (set(vote), printed) == (names, {})
    assert vote["frontier_accuracy"] == 1.0
    main(command)
    cheaper = json.loads(capsys.readouterr().out)["vote"]["cost_ratio"]
    assert cheaper < vote["cost_ratio"]
    main(command[:-1])
    assert capsys.readouterr().out.startswith("vote: accuracy ")


def test_sources_whose_small_models_differ_are_priced_by_their_own():
    cheap, dear = (
        [replace(row, weak=replace(row.weak, model=name)) for row in rows(called)]
        for name in ("cheap", "dear")
    )
    prices = {"cheap": Price(0, 0), "dear": Price(50, 50)}

    def ratio(part):
        known = {name: prices[name] for name in {row.weak.model for row in part}}
        return vote_report(part, [MIDDLE, THIRD], known)["cost_ratio"]

    alone, both = [ratio(cheap), ratio(dear)], ratio([*cheap, *dear])
    assert alone[0] < alone[1]
    assert both == pytest.approx(sum(alone) / 2)


def test_rows_that_lack_a_voter_are_counted_on_stderr(tmp_path, capsys):
    file = tmp_path / "calls.jsonl"
    plain = [_plain(row) for row in rows(called)]
    del plain[0]["other"][THIRD]
    file.write_text("\n".join(map(json.dumps, plain)))
    main(["evaluate", "--data", str(file), "--vote", MIDDLE, THIRD, "--json"])
    printed = capsys.readouterr()
    assert set(json.loads(printed.out)) == {"vote"}
    assert (
        f"1 of {len(plain)} rows have no answer of {THIRD}: the vote is without them" in printed.err
    )


def test_a_folder_of_several_files_some_without_answers_and_grades(tmp_path, capsys):
    """Plain and compressed files of other sources; what is not for a vote is left out and counted."""
    plain = [_plain(row) for row in rows(called)]
    (tmp_path / "calls.jsonl").write_text("\n".join(map(json.dumps, plain)))
    alone = {"id": "x", "query": "What is it?", "strong_response": "It is 5."}
    with gzip.open(tmp_path / "alone.jsonl.gz", "wt") as out:
        out.write(json.dumps(alone))
    main(["evaluate", "--data", str(tmp_path), "--vote", MIDDLE, THIRD, "--json"])
    printed = capsys.readouterr()
    figures = json.loads(printed.out)["vote"]
    assert "1 of 51 rows have no answer of the small model" in printed.err
    (tmp_path / "alone.jsonl.gz").unlink()
    main(["evaluate", "--data", str(tmp_path), "--vote", MIDDLE, THIRD, "--json"])
    assert json.loads(capsys.readouterr().out)["vote"] == figures


def _plain(row: Row) -> dict:
    def answer(given: Answer, prefix: str = "") -> dict:
        return {
            f"{prefix}score": given.score,
            f"{prefix}response": given.response,
            f"{prefix}calls": list(given.calls or ()),
        }

    return {
        "id": row.id,
        "query": row.query,
        "tools": list(row.tools),
        **answer(row.weak, "weak_"),
        **answer(row.strong, "strong_"),
        "other": {name: answer(each) for name, each in row.other.items()},
    }


def test_calls_and_tools_of_a_file(tmp_path):
    file = tmp_path / "calls.jsonl"
    row = {
        "query": "2 + 3?",
        "tools": [TOOL],
        "gold": [{"name": "add", "args": {"a": [2], "b": [3]}}],
        "weak_score": 0,
        "weak_calls": [],
        "weak_invalid_calls": ["add(2"],
        "strong_score": 1,
        "strong_calls": [{"name": "add", "args": {"a": 2, "b": 3}}],
        "other": {MIDDLE: {"score": 1, "calls": [{"name": "add", "args": {"a": 2}}]}},
    }
    file.write_text(json.dumps(row))
    (read,) = load(file)
    assert read.tools == (TOOL,)
    assert read.gold == row["gold"]
    assert (read.weak.calls, read.weak.invalid_calls) == ((), ("add(2",))
    assert read.strong.calls == ({"name": "add", "args": {"a": 2, "b": 3}},)
    assert read.other[MIDDLE].calls == ({"name": "add", "args": {"a": 2}},)
    assert read.other[MIDDLE].recorded


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"tools": {}}, "'tools' must be a list of objects"),
        ({"weak_calls": [{"name": "add"}]}, "must hold a 'name' and an object of 'args'"),
        ({"weak_calls": "add"}, "'weak_calls' must be a list"),
    ],
)
def test_calls_that_are_none(tmp_path, wrong, said):
    file = tmp_path / "calls.jsonl"
    file.write_text(json.dumps({"query": "q", "weak_score": 0, "strong_score": 1, **wrong}))
    with pytest.raises(DataError, match=said):
        load(file)


def test_rows_without_the_voters():
    with pytest.raises(DataError, match=r"of nobody\. Other models .*: middle-model, third-model"):
        vote_report(rows(), [MIDDLE, "nobody"])
    silent = [replace(row, weak=replace(row.weak, response=None)) for row in rows()]
    with pytest.raises(DataError, match=r"an answer of the small model \(weak_response or"):
        vote_report(silent, [MIDDLE])
    named = [replace(row, weak=replace(row.weak, model="tiny")) for row in rows()]
    with pytest.raises(DataError, match="tiny is the small model of the rows"):
        vote_report(named, ["tiny", MIDDLE])


def test_a_price_of_nobody():
    with pytest.raises(DataError, match=r"hold.* middel.*Models of the rows: .*middle-model"):
        vote_report(rows(), [MIDDLE, THIRD], {"middel": Price(1, 1)})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--price", MIDDLE, "1", "1"], "belong to --vote"),
        (["--kinds", "--vote", MIDDLE], "leave --cascade, --second and --vote out"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, capsys, more, said):
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(_plain(row)) for row in rows()))
    assert main(["evaluate", "--data", str(file), *more]) != 0
    assert said in capsys.readouterr().err


def test_a_price_that_is_none(tmp_path, capsys):
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(json.dumps(_plain(row)) for row in rows()))
    command = ["evaluate", "--data", str(file), "--vote", MIDDLE, "--price", MIDDLE, "cheap", "1"]
    assert main(command) != 0
    assert "two numbers" in capsys.readouterr().err
