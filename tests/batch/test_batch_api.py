"""Escalations through OpenAI's batch API: submitted once, at half the price, in the rows' order."""

from __future__ import annotations

import asyncio
import json
import time

import openai
import pytest
from langchain_core.messages import HumanMessage

from lc_asym_router import AsymRouter, ConfigurationError, Ledger, Price, Tier
from lc_asym_router.batch import BatchAPI, arun, batch_api, run
from lc_asym_router.batch.batch_api import HalfPrice
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.servers import Reply
from tests.servers.openai_batches import OpenAIBatchServer

ROWS = [{"n": n, "text": f"{'hard' if n % 2 else 'plain'} {n}"} for n in range(6)]
HARD = {"row-1", "row-3", "row-5"}


@pytest.fixture
def server(small):
    small.default = lambda body: Reply(
        "" if "hard" in body["messages"][-1]["content"] else "fine",
        input_tokens=50,
        output_tokens=1,
    )
    with OpenAIBatchServer() as server:
        server.default = lambda body: Reply(
            f"batched {body['messages'][-1]['content']}", input_tokens=100, output_tokens=10
        )
        yield server


@pytest.fixture
def router(small, server):
    def build(**settings):
        return AsymRouter(
            small=Tier(small_model(small), price=SMALL_PRICE),
            frontier=Tier(frontier_model(server), price=FRONTIER_PRICE),
            **{"verify": "form", "classify": None, **settings},
        )

    return build


class Slept(list):
    """A clock: how long a run has waited."""

    def __call__(self, seconds):
        self.append(seconds)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("way", ["threads", "tasks"])
def test_what_is_escalated_comes_back_in_one_batch(router, server, small, tmp_path, way):
    slept, out = Slept(), tmp_path / "out.jsonl"
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        made = router(callbacks=[ledger])
        if way == "threads":
            api = BatchAPI(poll_seconds=30, sleep=slept)
            result = run(made, ROWS, out=out, escalations=api)
            assert slept == [30, 30]
        else:
            api = BatchAPI(poll_seconds=0.001)
            result = asyncio.run(arun(made, ROWS, out=out, escalations=api))
        by_tag = {row["tag"]: row for row in ledger.rows("tag")}
    assert (result.answered, result.failed, result.waiting) == (6, 0, 0)
    found = lines(out)
    assert [line["n"] for line in found] == list(range(6))
    assert [line["tier"] for line in found] == ["small", "frontier"] * 3
    assert [line["answer"] for line in found[:2]] == ["fine", "batched hard 1"]
    assert server.requests == []  # no live call
    assert len(server.batches) == 1
    half = FRONTIER_PRICE.of({"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}) / 2
    draft = SMALL_PRICE.of({"input_tokens": 50, "output_tokens": 1, "total_tokens": 51})
    assert found[1]["cost"] == pytest.approx(draft + half)
    assert result.cost_usd == pytest.approx(6 * draft + 3 * half)
    assert by_tag["batch_api"]["requests"] == 3
    assert by_tag["batch_api"]["cost_usd"] == pytest.approx(3 * half)


def test_a_killed_run_goes_on_with_its_batch(router, server, small, tmp_path):
    out = tmp_path / "out.jsonl"

    def killed(seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(router(), ROWS, out=out, escalations=BatchAPI(sleep=killed))
    assert ["waits for" in (line["error"] or "") for line in lines(out)] == [False, True] * 3
    asked = len(small.requests)
    assert run(router(), ROWS, out=out, escalations=BatchAPI(sleep=Slept())).answered == 6
    assert (len(server.batches), len(small.requests)) == (1, asked)


@pytest.mark.parametrize("submitted", [True, False])
def test_a_run_that_is_killed_as_it_submits_does_not_pay_twice(router, server, tmp_path, submitted):
    """Killed before its batch's id was in the journal: the API is asked for a batch of the file."""
    out, journal = tmp_path / "out.jsonl", tmp_path / "out.jsonl.journal"

    def killed(seconds):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(router(), ROWS, out=out, escalations=BatchAPI(sleep=killed))
    *entries, with_id = journal.read_bytes().splitlines(keepends=True)
    assert b"batch_1" in with_id
    journal.write_bytes(b"".join(entries))
    if not submitted:
        server.batches.clear()
    assert run(router(), ROWS, out=out, escalations=BatchAPI(sleep=Slept())).answered == 6
    assert len(server.batches) == 1
    assert sum(name in content for content in server.files.values() for name in HARD) == 6


def slow_to_create(server, monkeypatch, seconds):
    """The server has the batch at once, and says so later."""
    create = server._create

    def slow(body):
        found = create(body)
        time.sleep(seconds)
        return found

    monkeypatch.setattr(server, "_create", slow)


def test_a_batch_whose_creation_got_no_answer_is_not_created_again(
    router, server, tmp_path, monkeypatch
):
    slow_to_create(server, monkeypatch, 0.8)
    made, api = router(), BatchAPI(sleep=Slept())
    model = made.ladder[-1].model
    model.root_client = model.root_client.with_options(timeout=0.4, max_retries=2)
    with pytest.raises(openai.APITimeoutError):
        run(made, ROWS, out=tmp_path / "out.jsonl", escalations=api)
    assert run(router(), ROWS, out=tmp_path / "out.jsonl", escalations=api).answered == 6
    assert len(server.batches) == 1


async def test_a_run_that_is_cancelled_as_it_submits_notes_the_batch(
    router, server, tmp_path, monkeypatch
):
    slow_to_create(server, monkeypatch, 0.3)
    api = BatchAPI(poll_seconds=0.001)
    task = asyncio.create_task(arun(router(), ROWS, out=tmp_path / "o.jsonl", escalations=api))
    while not server.batches:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    journal = (tmp_path / "o.jsonl.journal").read_text().splitlines()
    assert json.loads(journal[-1])["job"]["batch"] == "batch_1"


def test_the_most_that_a_batchs_row_can_cost_is_half_of_the_most():
    price = Price(2, 10, cache_write=3, reasoning=40)
    assert HalfPrice(price).most(100, 1000, 1.0) == price.most(100, 1000, 1.0) / 2


def test_no_batch_has_more_bytes_than_is_taken(router, server, tmp_path, monkeypatch):
    monkeypatch.setattr(batch_api, "MOST_BYTES", 500)
    rows = [{"text": f"hard {'x' * size}"} for size in (10, 10, 400, 10)]
    api = BatchAPI(sleep=Slept())
    assert run(router(), rows, out=tmp_path / "out.jsonl", escalations=api).answered == 4
    asked = [server.files[each["input_file_id"]] for each in server.batches.values()]
    assert all(len(file) <= 500 or file.count("\n") == 1 for file in asked)
    assert sum(file.count("\n") for file in asked) == 4


def test_what_fails_in_a_batch_is_said_and_asked_again(router, server, tmp_path):
    out = tmp_path / "out.jsonl"
    server.ends, server.unasked, server.refused = "expired", {"row-3"}, {"row-5"}
    api = BatchAPI(sleep=Slept())
    result = run(router(), ROWS, out=out, escalations=api)
    assert (result.answered, result.failed) == (4, 2)
    errors = [line["error"] for line in lines(out)]
    assert errors[3] == "OpenAI's batch batch_1 has not asked it: expired."
    assert errors[5] == "OpenAI's batch batch_1 refused it (status 400)."
    server.ends, server.unasked, server.refused = "completed", set(), set()
    assert run(router(), ROWS, out=out, escalations=api).answered == 6
    second = server.files[server.batches["batch_2"]["input_file_id"]].splitlines()
    assert {json.loads(line)["custom_id"] for line in second} == {"row-3", "row-5"}


def test_an_answer_that_is_none_is_an_error_and_a_fault_of_the_api_ends_no_run(
    router, server, tmp_path, monkeypatch
):
    answer, look, looks = server._answer, server._look, []

    def emptied(batch):
        answer(batch)
        content = server.files[batch["output_file_id"]]
        results = [json.loads(line) for line in content.splitlines()]
        results[0]["response"]["body"] = None
        server.files[batch["output_file_id"]] = "\n".join(map(json.dumps, results))

    def faulty(id_):
        looks.append(id_)
        if len(looks) == 1:
            time.sleep(0.6)
        return look(id_)

    monkeypatch.setattr(server, "_answer", emptied)
    monkeypatch.setattr(server, "_look", faulty)
    made = router()
    model = made.ladder[-1].model
    model.root_client = model.root_client.with_options(timeout=0.4, max_retries=0)
    result = run(made, ROWS, out=tmp_path / "out.jsonl", escalations=BatchAPI(sleep=Slept()))
    assert (result.answered, result.failed) == (5, 1)
    errors = [line["error"] for line in lines(tmp_path / "out.jsonl")]
    assert [each for each in errors if each] == ["OpenAI's batch batch_1 has no answer to it."]


def test_a_schema_and_messages(router, server, small, tmp_path):
    out = tmp_path / "out.jsonl"
    server.default = '{"mood": "good"}'
    schema = {
        "title": "Mood",
        "type": "object",
        "properties": {"mood": {"type": "string"}},
        "required": ["mood"],
    }
    rows = [[HumanMessage("hard")], [("human", "hard")]]
    run(router(), rows, out=out, schema=schema, escalations=BatchAPI(sleep=Slept()))
    assert [line["parsed"] for line in lines(out)] == [{"mood": "good"}] * 2
    body = json.loads(server.files["file-1"].splitlines()[0])["body"]
    assert body["model"] == "frontier-model"
    assert not body.get("stream")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"escalations": "later"}, "None for live calls"),
        ({"escalations": "batch_api"}, "is for a last tier of ChatOpenAI"),
    ],
)
def test_what_can_not_be_batched(small, tmp_path, given, said):
    made = AsymRouter(small=small_model(small), frontier=small_model(small), verify="form")
    with pytest.raises(ConfigurationError, match=said):
        run(made, ["one"], out=tmp_path / "out.jsonl", **given)
    with pytest.raises(ConfigurationError, match="over 0"):
        BatchAPI(poll_seconds=0)
