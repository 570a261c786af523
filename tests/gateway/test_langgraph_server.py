"""The shipped `langgraph.json` under `langgraph dev`, driven as its users drive it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from langgraph_sdk import get_client

from lc_asym_router import Ledger
from tests.gateway.langgraph_dev import CALLS_PER_THREAD, ROOT, langgraph_dev

pytestmark = pytest.mark.full

GRAPHS = ("router", "agent", "decomposer")
MODES = [
    "values",
    "updates",
    "messages",
    "messages-tuple",
    "debug",
    "tasks",
    "checkpoints",
    "events",
]
OVERRIDES = ["tier", "threshold", "verify", "escalate", "deadline"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("langgraph")


@pytest.fixture(scope="module")
def server(folder):
    with langgraph_dev(folder) as running:
        yield running
        assert "Blocking call" not in running.log
        assert "BlockingError" not in running.log


@pytest.fixture
def client(server):
    return get_client(url=server.url)


def asked(text):
    return {"messages": [{"role": "user", "content": text}]}


def answer(state):
    return state["messages"][-1]["content"]


async def assistant(client, graph):
    (found,) = await client.assistants.search(graph_id=graph, metadata={"created_by": "system"})
    return found["assistant_id"]


@pytest.mark.parametrize("graph", GRAPHS)
async def test_wait_and_overrides(client, graph):
    small = await client.runs.wait(None, graph, input=asked("hello"))
    assert answer(small) == "small: hello"
    assert small["messages"][-1]["response_metadata"]["router"]["tier"] == "small"
    for how in (
        {"context": {"tier": "frontier"}},
        {"config": {"configurable": {"tier": "frontier"}}},
    ):
        up = await client.runs.wait(None, graph, input=asked("hello"), **how)
        assert answer(up) == "frontier: hello"


@pytest.mark.parametrize("graph", GRAPHS)
async def test_schemas(client, graph):
    schemas = await client.assistants.get_schemas(await assistant(client, graph))
    assert list(schemas["context_schema"]["properties"]) == OVERRIDES
    assert "messages" in schemas["input_schema"]["properties"]
    assert "messages" in schemas["state_schema"]["properties"]
    assert "trail" not in schemas["state_schema"]["properties"]


@pytest.mark.parametrize("graph", GRAPHS)
async def test_an_assistant_with_a_config_of_its_own(client, graph):
    for how in (
        {"context": {"tier": "frontier"}},
        {"config": {"configurable": {"tier": "frontier"}}},
    ):
        made = await client.assistants.create(graph, **how)
        done = await client.runs.wait(None, made["assistant_id"], input=asked("hello"))
        assert answer(done) == "frontier: hello"


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("subgraphs", [False, True])
async def test_no_draft_in_any_mode_state_or_history(client, graph, subgraphs):
    thread = (await client.threads.create())["thread_id"]
    seen, texts = [], []
    async for part in client.runs.stream(
        thread,
        graph,
        input=asked("escalate"),
        stream_mode=MODES,
        stream_subgraphs=subgraphs,
    ):
        seen.append(json.dumps(part.data, default=str))
        if part.event.startswith("messages") and part.event.count("/") == 0:
            message, _ = part.data
            texts.append(message["content"])
    assert "frontier: escalate" in "".join(texts)
    state = await client.threads.get_state(thread, subgraphs=True)
    assert answer(state["values"]) == "frontier: escalate"
    record = state["values"]["messages"][-1]["response_metadata"]["router"]
    assert [each["passed"] for each in record["attempts"]] == [False, None]
    assert [m["type"] for m in state["values"]["messages"]] == ["human", "ai"]
    history = await client.threads.get_history(thread)
    for each in (*seen, json.dumps(state), json.dumps(history)):
        assert "DRAFTTEXT" not in each


async def test_a_thread_goes_on(client):
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "router", input=asked("one"))
    await client.runs.wait(thread, "router", input=asked("two"))
    state = await client.threads.get_state(thread)
    assert [m["content"] for m in state["values"]["messages"]] == [
        "one",
        "small: one",
        "two",
        "small: two",
    ]


async def test_an_interrupt_in_a_tool(client):
    thread = (await client.threads.create())["thread_id"]
    await client.runs.wait(thread, "agent", input=asked("get an approval"))
    state = await client.threads.get_state(thread)
    (interrupt,) = [found for task in state["tasks"] for found in task["interrupts"]]
    assert interrupt["value"] == {"approve": "the order"}
    done = await client.runs.wait(thread, "agent", command={"resume": "go"})
    assert answer(done) == "The person says go."


@pytest.mark.parametrize(
    ("word", "told"),
    [("yes", "A DRAFTTEXT for a person."), ("no", "frontier: check with a person")],
)
async def test_an_interrupt_in_a_check(client, server, word, told):
    thread = (await client.threads.create())["thread_id"]
    before = len(server.small.requests)
    await client.runs.wait(thread, "router", input=asked("check with a person"))
    state = await client.threads.get_state(thread, subgraphs=True)
    assert "DRAFTTEXT" not in json.dumps(state)
    done = await client.runs.wait(thread, "router", command={"resume": word})
    assert answer(done) == told
    assert len(server.small.requests) == before + 1  # the draft was made once


async def test_a_hundred_runs_at_once(client, folder):
    graphs = [GRAPHS[n % len(GRAPHS)] for n in range(100)]
    done = await asyncio.gather(
        *(
            client.runs.wait(None, graph, input=asked(f"request {n}"))
            for n, graph in enumerate(graphs)
        )
    )
    assert [answer(each) for each in done] == [f"small: request {n}" for n in range(100)]
    with Ledger(folder / "ledger.sqlite3") as ledger:
        assert ledger.rows()[0]["requests"] >= 1  # what is written so far: the rest is queued


async def test_a_cancelled_run_ends_its_call(client, server):
    thread = (await client.threads.create())["thread_id"]
    run = await client.runs.create(thread, "router", input=asked("go on for ever"))
    while not server.small.open_requests:  # noqa: ASYNC110  of another thread
        await asyncio.sleep(0.05)
    await client.runs.cancel(thread, run["run_id"], wait=True)
    assert (await client.runs.get(thread, run["run_id"]))["status"] == "interrupted"
    assert server.small.wait_idle(30)


@pytest.mark.parametrize("graph", GRAPHS)
async def test_the_errors_keep_their_text(client, graph):
    failed = await client.runs.wait(None, graph, input=asked("everything fails"), raise_error=False)
    error = failed["__error__"]
    assert error["error"] == "TiersFailedError"
    assert "No tier could answer this request" in error["message"]
    assert "everything fails" not in error["message"]


async def test_a_used_up_budget_keeps_its_text(client):
    thread = (await client.threads.create())["thread_id"]
    for n in range(CALLS_PER_THREAD):
        await client.runs.wait(thread, "router", input=asked(f"call {n}"))
    failed = await client.runs.wait(thread, "router", input=asked("more"), raise_error=False)
    assert failed["__error__"]["error"] == "BudgetExceededError"
    assert "The budget 'thread'" in failed["__error__"]["message"]


def test_the_dockerfile_installs_what_is_needed(tmp_path):
    file = tmp_path / "Dockerfile"
    subprocess.run(
        [sys.executable, "-m", "langgraph_cli", "dockerfile", str(file), "-c", "langgraph.json"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    text = file.read_text()
    for each in json.loads((ROOT / "langgraph.json").read_text())["dependencies"][1:]:
        assert each in text
    assert "ADD . /deps/" in text
    assert "lc_asym_router.gateway.langgraph_server:router" in text
