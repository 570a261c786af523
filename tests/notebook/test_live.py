"""`watch`: nodes light up, the answer streams, and nothing unverified shows."""

from __future__ import annotations

import subprocess
import sys

import pytest
from langchain_core.callbacks import get_usage_metadata_callback

from lc_asym_router import TiersFailedError
from lc_asym_router.notebook import live_view as live
from tests.notebook.conftest import WRONG
from tests.notebook.looking import Page, harmless
from tests.servers import Reply


class Front:
    """A front end: keeps each bundle that its one output has shown."""

    def __init__(self):
        self.shown = []
        self.outputs = 0

    def display(self, bundle, *, raw, display_id):
        assert raw
        assert display_id is True
        self.outputs += 1
        self.shown.append(bundle)
        return self

    def update(self, bundle, *, raw):
        assert raw
        self.shown.append(bundle)

    @property
    def pages(self):
        return [Page(bundle["text/html"]) for bundle in self.shown]

    def lit(self, state):
        """For each picture the nodes in a state."""
        found = []
        for bundle in self.shown:
            nodes = bundle["text/html"].split('class="node ')[1:]
            found.append(
                {
                    node.split('data-node="')[1].split('"')[0]
                    for node in nodes
                    if state in node.split('"')[0].split()
                }
            )
        return found


@pytest.fixture
def front(monkeypatch):
    """A notebook's front end in place of a terminal."""
    front = Front()
    monkeypatch.setattr(live, "notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", front.display)
    monkeypatch.setattr(live, "FASTEST", 0.0)
    return front


async def test_nodes_light_up_as_they_run(make, small, front):
    small.script(WRONG)
    record = await make().watch("What is 17 times 23?")
    assert record.escalated
    assert record.answer.text == "a frontier answer"
    assert front.outputs == 1
    running = [next(iter(nodes)) for nodes in front.lit("run") if nodes]
    assert list(dict.fromkeys(running)) == ["classify", "small", "verify", "frontier"]
    assert front.lit("run")[-1] == set()
    assert front.lit("done")[-1] == {"classify", "small", "verify", "frontier"}
    for page in front.pages:
        harmless(page)
        assert WRONG not in page.text
    assert not any(WRONG in bundle["text/plain"] for bundle in front.shown)
    assert "rejected by Arithmetic" in front.pages[-1].text


async def test_the_answer_streams(make, frontier, front):
    frontier.script(Reply("one two three four", chunk_delay=0.02))
    await make().watch("debug it")
    texts = [page.text for page in front.pages]
    first = next(place for place, text in enumerate(texts) if "one" in text)
    assert "four" not in texts[first]
    assert "one two three four" in texts[-1]


async def test_a_request_that_fails_is_seen_to_fail(make, small, frontier, front, failing):
    small.script(failing)
    frontier.script(failing)
    with pytest.raises(TiersFailedError):
        await make().watch("hi")
    assert front.lit("run")[-1] == set()
    assert "went" in front.pages[-1].classes("g")
    assert "failed: " in front.pages[-1].text


async def test_each_call_is_counted_once(make, small, frontier, front):
    small.script(WRONG)
    with get_usage_metadata_callback() as usage:
        await make().watch("What is 17 times 23?")
    assert usage.usage_metadata["small-model"]["total_tokens"] == sum(small.tokens)
    assert usage.usage_metadata["frontier-model"]["total_tokens"] == sum(frontier.tokens)


async def test_lines_where_there_is_no_notebook(make, small, frontier, capsys):
    small.script(WRONG)
    frontier.script("a frontier\nanswer")
    record = await make().watch("What is 17 times 23?")
    printed = capsys.readouterr().out
    assert WRONG not in printed
    assert "17 times 23" not in printed
    assert [line.partition(" ")[0] for line in printed.splitlines()] == [
        "classify",
        "decision:",
        "small",
        "verify",
        "attempt",
        "frontier",
        "a",
        "answer",
        "attempt",
    ]
    assert "a frontier answer" not in repr(record)


async def test_both_calls_of_a_race_are_told_of(make, small, capsys):
    small.script(Reply("too late", delay=5.0))
    await make(hedge=0.1).watch("hi")
    printed = capsys.readouterr().out
    assert "attempt 1: small (small-model) failed: stopped" in printed
    assert "attempt 2: frontier" in printed
    assert "too late" not in printed


async def test_tools_and_configs_go_along(make, small, frontier, capsys):
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    record = await make().watch("hi", {"configurable": {"tier": "frontier"}}, tools=[tool])
    assert record.tier == "frontier"
    assert frontier.requests[0].body["tools"]


async def test_a_reader_that_is_cancelled_closes_the_call(make, frontier, capsys):
    import asyncio

    frontier.script(Reply("one two", hang="middle"))
    task = asyncio.create_task(make().watch("debug it"))
    assert await asyncio.to_thread(frontier.wait_requests)
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(frontier.wait_idle)
    assert frontier.requests[0].closed_by_client


def test_in_a_terminals_ipython_it_is_text():
    """IPython's terminal shows no HTML: its shell has no kernel."""
    code = "from lc_asym_router.notebook.showing import notebook; print('kernel:', notebook())"
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "kernel: False" in done.stdout
