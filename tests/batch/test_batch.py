"""`batch.run`: rows in, each with its answer out, in order, resumable."""

from __future__ import annotations

import asyncio
import csv
import gzip
import json
import time

import pandas
import pyarrow
import pyarrow.parquet
import pytest
from langchain_core.messages import HumanMessage
from pydantic import BaseModel

from lc_asym_router import Budget, ConfigurationError, RouterSpec, TierSpec
from lc_asym_router.batch import arun, run
from lc_asym_router.errors import DataError
from tests.servers import Reply, ToolCall

ADDED = ["answer", "parsed", "tier", "cost", "error", "seconds"]


@pytest.fixture(autouse=True)
def echoes(small, frontier):
    def reply(body):
        text = str(body["messages"][-1]["content"])
        return Reply(status=400, error="no") if "fails" in text else f"echo {text}"

    small.default = frontier.default = reply


@pytest.fixture(params=["threads", "tasks"])
def ask(request):
    """Both ways to run a batch."""

    def call(*args, **kwargs):
        if request.param == "threads":
            return run(*args, **kwargs)
        return asyncio.run(arun(*args, **kwargs))

    return call


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


TABLE = [{"ticket": f"t{n}", "weight": n / 2, "n": n} for n in range(5)]


def sources(tmp_path):
    """The same rows in every form."""
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in TABLE))
    with gzip.open(tmp_path / "a.jsonl.gz", "wt") as file:
        file.write("".join(json.dumps(row) + "\n\n" for row in TABLE))
    pandas.DataFrame(TABLE).to_csv(tmp_path / "a.csv", index=False)
    table = pyarrow.Table.from_pylist(TABLE)
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    return {
        "jsonl": tmp_path / "a.jsonl",
        "gzip": str(tmp_path / "a.jsonl.gz"),
        "csv": tmp_path / "a.csv",
        "parquet": tmp_path / "a.parquet",
        "pandas": pandas.DataFrame(TABLE),
        "arrow": table,
        "list": TABLE,
        "generator": iter(TABLE),
    }


@pytest.mark.parametrize(
    "kind", ["jsonl", "gzip", "csv", "parquet", "pandas", "arrow", "list", "generator"]
)
def test_rows_of_every_form(make, tmp_path, kind):
    out = tmp_path / "out.jsonl"
    source = sources(tmp_path)[kind]
    result = run(make(), source, out=out, prompt="Classify {ticket} ({n}) {{x}}")
    assert (result.rows, result.answered, result.failed, result.stopped) == (5, 5, 0, None)
    found = lines(out)
    assert [list(line) for line in found] == [["ticket", "weight", "n", *ADDED]] * 5
    assert [line["answer"] for line in found] == [
        f"echo Classify t{n} ({n}) {{x}}" for n in range(5)
    ]
    assert [str(line["n"]) for line in found] == list("01234")
    assert {line["tier"] for line in found} == {"small"}
    assert all(line["cost"] > 0 and line["seconds"] > 0 for line in found)
    assert result.cost_usd == pytest.approx(sum(line["cost"] for line in found))


@pytest.mark.full
def test_rows_of_polars(make, tmp_path):
    import polars  # of the extra `server-test`

    run(make(), polars.DataFrame(TABLE), out=tmp_path / "out.jsonl", prompt="{ticket} {n}")
    assert [line["answer"] for line in lines(tmp_path / "out.jsonl")] == [
        f"echo t{n} {n}" for n in range(5)
    ]


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "csv", "parquet"])
def test_outputs_of_every_form(make, ask, tmp_path, ending):
    out = tmp_path / f"out.{ending}"
    rows = [{"text": "one", "extra": 1}, {"text": 'two, "2"\nor so', "more": [1]}]
    ask(make(), rows, out=out)
    if ending == "csv":
        with out.open(newline="") as file:
            found = list(csv.DictReader(file))
    elif ending == "parquet":
        found = pyarrow.parquet.read_table(out).to_pylist()
    else:
        found = pandas.read_json(out, lines=True).to_dict("records")
    assert [row["answer"] for row in found] == ["echo one", 'echo two, "2"\nor so']
    assert found[1]["more"] in ("[1]", [1])
    assert set(ADDED) <= set(found[0])


def test_texts_and_messages_are_rows_too(make, ask, tmp_path):
    out = tmp_path / "out.jsonl"
    rows = ["one", [HumanMessage("two")], [("human", "three")], {"prompt": "four"}]
    rows.append({"messages": [{"role": "user", "content": "five"}]})
    ask(make(), rows, out=out)
    assert [line["answer"] for line in lines(out)] == [
        f"echo {word}" for word in ("one", "two", "three", "four", "five")
    ]


def test_failed_rows_are_asked_again_and_no_other(make, ask, small, frontier, tmp_path):
    out = tmp_path / "out.jsonl"
    rows = ["one", "fails", "three"]
    result = ask(make(), rows, out=out)
    assert (result.answered, result.failed) == (2, 1)
    failed = lines(out)[1]
    assert failed["answer"] is None
    assert failed["error"].startswith("No tier could answer this request")
    small.default = "now"
    small.reset()
    result = ask(make(), rows, out=out)
    assert (result.answered, result.failed) == (3, 0)
    assert [line["answer"] for line in lines(out)] == ["echo one", "now", "echo three"]
    assert len(small.requests) == 1
    ask(make(), rows, out=out)
    assert len(small.requests) == 1


def test_a_schema_and_tools(make, ask, small, frontier, tmp_path):
    class Mood(BaseModel):
        mood: str

    small.default = '{"mood": "good"}'
    out = tmp_path / "out.jsonl"
    schema = Mood.model_json_schema()
    for given, place in ((Mood, out), (schema, tmp_path / "second.jsonl")):
        ask(make(), ["one"], out=place, schema=given)
        assert lines(place)[0]["parsed"] == {"mood": "good"}
    small.default = frontier.default = "no JSON"
    result = ask(make(), ["one"], out=tmp_path / "third.jsonl", schema=Mood)
    assert result.failed == 1
    assert "can't be read" in lines(tmp_path / "third.jsonl")[0]["error"]
    small.default = Reply(tool_calls=[ToolCall("weather", {"city": "Bonn"})])
    tool = {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    ask(make(), ["one"], out=tmp_path / "fourth.jsonl", tools=[tool])
    assert lines(tmp_path / "fourth.jsonl")[0]["parsed"] == [
        {"name": "weather", "args": {"city": "Bonn"}}
    ]


def test_a_budget_stops_it_cleanly_and_it_goes_on(make, ask, tmp_path):
    out = tmp_path / "out.jsonl"
    rows = [f"row {n}" for n in range(20)]
    result = ask(make(budgets=[Budget(calls=7, per="day")]), rows, out=out, concurrency=2)
    assert "The budget 'day'" in result.stopped
    assert (result.rows, result.answered, result.failed) == (7, 7, 0)
    assert len(lines(out)) == 7
    result = ask(make(budgets=[Budget(calls=30, per="day")]), rows, out=out)
    assert result.stopped is None
    assert [line["answer"] for line in lines(out)] == [f"echo row {n}" for n in range(20)]


def test_what_is_spent_stops_it_too(make, ask, small, tmp_path):
    out = tmp_path / "out.jsonl"
    rows = [f"row {n}" for n in range(20)]
    one = ask(make(), rows[:1], out=tmp_path / "one.jsonl").cost_usd
    result = ask(make(), rows, out=out, max_usd=3.5 * one, concurrency=1)
    assert result.rows == 4
    assert "max_usd" in result.stopped
    with pytest.raises(ConfigurationError, match="over 0"):
        ask(make(), rows, out=out, max_usd=0)


def test_a_budget_of_a_request_is_the_rows_failure(make, tmp_path):
    router = make(budgets=[Budget(calls=1, per="request")], verify=lambda attempt: False)
    result = run(router, ["one", "two"], out=tmp_path / "out.jsonl")
    assert (result.failed, result.stopped) == (2, None)


def test_another_run_is_refused(make, tmp_path):
    out = tmp_path / "out.jsonl"
    run(make(), ["one", "two"], out=out)
    with pytest.raises(DataError, match="row 2 was asked something else"):
        run(make(), ["one", "another"], out=out)
    with pytest.raises(DataError, match="another router, prompt, schema or tools"):
        run(make(threshold=0.1), ["one", "two"], out=out)
    (tmp_path / "out.csv.journal").write_text("no journal\n")
    with pytest.raises(DataError, match="no journal of a batch"):
        run(make(), ["one"], out=tmp_path / "out.csv")


def test_a_damaged_and_a_cut_off_line_are_asked_again(make, small, tmp_path):
    out = tmp_path / "out.jsonl"
    rows = ["one", "two", "three"]
    run(make(), rows, out=out, concurrency=1)
    journal = tmp_path / "out.jsonl.journal"
    header, first, second, third = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(header + first + b"{damaged" + second[8:] + third[:-5])
    small.reset()
    run(make(), rows, out=out)
    assert len(small.requests) == 2
    assert [line["answer"] for line in lines(out)] == ["echo one", "echo two", "echo three"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"prompt": "{missing}"}, "no column 'missing'"),
        ({"prompt": "{}"}, "can't be read"),
        ({"prompt": "{ticket.x}"}, "no column 'ticket.x'"),
        ({"prompt": "{ticket!r}"}, "can't be read"),
        ({"prompt": "{ticket"}, "can't be read"),
        ({}, "none of the columns"),
        ({"prompt": "x", "tools": ["t"], "schema": {}}, "either tools= or schema="),
        ({"prompt": "x", "concurrency": 0}, "at least 1"),
    ],
)
def test_what_can_not_be_run_says_why(make, tmp_path, given, told):
    with pytest.raises(ConfigurationError, match=told):
        run(make(), TABLE, out=tmp_path / "out.jsonl", **given)


def test_a_column_of_the_same_name(make, tmp_path):
    rows = [{"text": "one", "answer": "gold"}]
    with pytest.raises(ConfigurationError, match="prefix='router_'"):
        run(make(), rows, out=tmp_path / "out.jsonl")
    run(make(), rows, out=tmp_path / "second.jsonl", prefix="router_")
    (line,) = lines(tmp_path / "second.jsonl")
    assert (line["answer"], line["router_answer"]) == ("gold", "echo one")


@pytest.mark.parametrize("wrong", [7, {"a": 1}, "rows.txt"])
def test_no_rows_at_all(make, tmp_path, wrong):
    with pytest.raises(ConfigurationError):
        run(make(), wrong, out=tmp_path / "out.jsonl")
    with pytest.raises(ConfigurationError):
        run(make(), ["one"], out=tmp_path / "out.xml")


def test_what_stands_in_the_outputs_place_outlives_a_run_that_asks_nothing(make, ask, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text('{"text": "mine"}\n')
    with pytest.raises(ConfigurationError, match="rows' own file"):
        ask(make(), str(out), out=tmp_path / "." / "out.jsonl")
    for rows in ([{"text": "one", "answer": "gold"}], tmp_path / "nowhere.jsonl", 7):
        with pytest.raises(ConfigurationError):
            ask(make(), rows, out=out)
        assert lines(out) == [{"text": "mine"}]
    ask(make(), [], out=out)
    assert lines(out) == []


def test_rows_are_not_held(make, tmp_path):
    """No more of them are read than are asked."""
    read = 0

    def rows():
        nonlocal read
        for n in range(10_000):
            read += 1
            yield f"row {n}"

    router = make(budgets=[Budget(calls=5, per="day")])
    run(router, rows(), out=tmp_path / "out.jsonl", concurrency=2)
    assert read <= 10


def test_a_spec_is_built(small, frontier, tmp_path):
    spec = RouterSpec(
        tiers=(
            TierSpec("ollama:small-model", settings={"base_url": small.url}),
            TierSpec("ollama:frontier-model", settings={"base_url": small.url}),
        ),
        verify="form",
    )
    run(spec, ["one"], out=tmp_path / "out.jsonl")
    assert lines(tmp_path / "out.jsonl")[0]["answer"] == "echo one"


async def test_in_a_notebooks_loop(make, tmp_path):
    assert run(make(), ["one"], out=tmp_path / "out.jsonl").answered == 1


async def test_a_cancelled_run_writes_what_there_is_and_goes_on(make, small, tmp_path):
    out = tmp_path / "out.jsonl"
    rows = [f"row {n}" for n in range(50)]
    small.default = lambda body: Reply(f"echo {body['messages'][-1]['content']}", delay=0.02)
    task = asyncio.create_task(arun(make(), rows, out=out, concurrency=4))
    while len(small.requests) < 10:  # noqa: ASYNC110  of another thread
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    asked = len(small.requests)
    assert len(lines(out)) == asked < 50
    await arun(make(), rows, out=out)
    assert [line["answer"] for line in lines(out)] == [f"echo row {n}" for n in range(50)]
    assert len(small.requests) == 50


def test_a_rate_limit_lowers_the_level(make, small, tmp_path, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    seen = []
    monkeypatch.setattr(
        "lc_asym_router.batch.level.ConcurrencyLevel.ended",
        lambda self, seconds, throttled: seen.append(throttled),
    )
    small.script(Reply(status=429, error="slow down", headers={"Retry-After": "0"}))
    run(make(), ["one", "two"], out=tmp_path / "out.jsonl", concurrency=1)
    assert seen == [True, False]


def test_progress_shows_rate_and_cost(make, tmp_path, capsys):
    run(make(), ["one", "two"], out=tmp_path / "out.jsonl", progress=True)
    said = capsys.readouterr().err
    assert "2/2" in said
    assert "USD" in said
    assert "row" in said
