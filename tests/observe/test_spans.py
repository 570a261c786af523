"""One span for a request, one below it for each model call; whatever becomes of them."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import MessagesState, StateGraph
from langgraph.types import Command, interrupt
from opentelemetry.trace import SpanKind, StatusCode, get_current_span

from lc_asym_router import (
    AsymRouter,
    InvalidRequestError,
    Judge,
    JudgeClassifier,
    Tier,
    TiersFailedError,
    Verdict,
)
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, record, small_model
from tests.observe.conftest import Telemetry, told
from tests.servers import OllamaServer, Reply, ToolCall

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
REFUSAL = "I'm sorry, but I can't help with that."


def parent_of(span):
    return span.parent and span.parent.span_id


async def test_a_request_and_its_calls(make, ask, telemetry, small):
    small.script(Reply(REFUSAL, input_tokens=11, output_tokens=5))
    with telemetry.traces.get_tracer("t").start_as_current_span("caller") as caller:
        answer = await ask(make(callbacks=[telemetry.handler]), "hi")
    (request,) = telemetry.requests
    first, second = telemetry.calls
    assert parent_of(request) == caller.context.span_id
    assert parent_of(first) == parent_of(second) == request.context.span_id
    assert (request.kind, first.kind) == (SpanKind.INTERNAL, SpanKind.CLIENT)
    assert [span.status.status_code for span in telemetry.calls] == [StatusCode.UNSET] * 2
    assert dict(request.attributes) | {"lc_asym_router.seconds": 0} == {
        "gen_ai.operation.name": "invoke_workflow",
        "gen_ai.workflow.name": "AsymRouter",
        "lc_asym_router.request_id": record(answer)["id"],
        "lc_asym_router.outcome": "answered",
        "lc_asym_router.tier": "frontier",
        "lc_asym_router.model": "frontier-model",
        "lc_asym_router.escalated": True,
        "lc_asym_router.degraded": False,
        "lc_asym_router.vouched": "frontier",
        "lc_asym_router.decided_tier": "small",
        "lc_asym_router.complexity": 0.0,
        "lc_asym_router.threshold": 0.5,
        "lc_asym_router.confidence": 0.0,
        "lc_asym_router.classifier": "keyword",
        "lc_asym_router.decision_cached": False,
        "lc_asym_router.attempts": 2,
        "lc_asym_router.side_calls": 0,
        "lc_asym_router.cost_usd": record(answer)["cost_usd"],
        "lc_asym_router.frontier_cost_usd": record(answer)["frontier_cost_usd"],
        "lc_asym_router.saved_usd": record(answer)["saved_usd"],
        "lc_asym_router.seconds": 0,
    }
    assert first.name == "chat small-model"
    assert dict(first.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "small-model",
        "gen_ai.response.model": "small-model",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": first.attributes["gen_ai.usage.output_tokens"],
        "lc_asym_router.purpose": "answer",
        "lc_asym_router.tier": "small",
        "lc_asym_router.attempt": 1,
        "lc_asym_router.why": "decided",
        "lc_asym_router.because": "keyword",
        "lc_asym_router.cached": False,
        "lc_asym_router.result": "rejected",
        "lc_asym_router.check": "Refusal",
        "lc_asym_router.cost_usd": record(answer)["attempts"][0]["cost_usd"],
    }
    assert told(second, "why", "because", "result") == ("escalated", "Refusal", "unchecked")
    assert second.attributes["gen_ai.provider.name"] == "openai"
    assert first.end_time <= second.start_time
    assert second.end_time <= request.end_time
    assert telemetry.settled()


async def test_the_metrics_are_the_servers_own_counts(make, telemetry, small, frontier):
    """Every way to ask, in threads and tasks, with judges: each call is counted once."""

    def says(body):
        return Reply(status=500) if "fail" in body["messages"][-1]["content"] else "fine"

    small.default = says
    with OllamaServer(default=Reply('{"level": 1}', input_tokens=3)) as judge:
        router = make(verify=Judge(small_model(judge)), callbacks=[telemetry.handler])
        with ThreadPoolExecutor(4) as pool:
            loop = asyncio.get_running_loop()
            jobs = []
            for text in ("hi", "fail", "debug"):
                jobs.append(loop.run_in_executor(pool, router.invoke, text))
                jobs.append(loop.run_in_executor(pool, lambda t=text: list(router.stream(t))))
                jobs.append(loop.run_in_executor(pool, router.batch, [text, text]))
                jobs.append(asyncio.ensure_future(router.ainvoke(text)))
                jobs.append(asyncio.ensure_future(router.abatch([text, text])))
            await asyncio.gather(*jobs)
        servers = {"small": small, "frontier": frontier, "judge": judge}
        made = sum(len(server.requests) for server in servers.values())
        tokens = [sum(server.tokens[i] for server in servers.values()) for i in (0, 1)]
    assert len(telemetry.requests) == 21
    assert len(telemetry.calls) == made
    assert sum(p.count for p in telemetry.points("gen_ai.client.operation.duration")) == made
    spent = telemetry.points("gen_ai.client.token.usage")
    for kind, count in zip(("input", "output"), tokens, strict=True):
        of_kind = [p.sum for p in spent if p.attributes["gen_ai.token.type"] == kind]
        assert sum(of_kind) == count
    assert sum(telemetry.counts("lc_asym_router.calls").values()) == made
    assert telemetry.counts("lc_asym_router.requests", "outcome", "tier") == {
        ("answered", "small"): 7,
        ("answered", "frontier"): 14,
    }
    assert telemetry.counts("lc_asym_router.escalations", "from", "tier", "because") == {
        ("small", "frontier", "ResponseError 500"): 7
    }
    ids = {span.context.span_id for span in telemetry.requests}
    assert all(parent_of(call) in ids for call in telemetry.calls)
    assert telemetry.settled()


def test_the_buckets_are_the_conventions(make, telemetry):
    make(callbacks=[telemetry.handler]).invoke("hi")
    (durations,) = telemetry.points("gen_ai.client.operation.duration")
    assert [round(bound, 2) for bound in durations.explicit_bounds] == [
        *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64),
        *(1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    ]
    tokens = telemetry.points("gen_ai.client.token.usage")[0]
    assert list(tokens.explicit_bounds) == [
        *(1, 4, 16, 64, 256, 1024, 4096, 16384),
        *(65536, 262144, 1048576, 4194304, 16777216, 67108864),
    ]


async def test_judges_and_classifiers_stand_below_the_request(make, ask, telemetry):
    with (
        OllamaServer(default=Reply('{"level": 1}')) as judge,
        OllamaServer(default=Reply('{"level": 0}')) as rater,
    ):
        settings = {
            "verify": Judge(small_model(judge)),
            "classify": JudgeClassifier(chat=small_model(rater)),
        }
        await ask(make(callbacks=[telemetry.handler], **settings), "hi")
    (request,) = telemetry.requests
    assert [told(call, "purpose")[0] for call in telemetry.calls] == [
        "classify",
        "answer",
        "verify",
    ]
    assert {parent_of(call) for call in telemetry.calls} == {request.context.span_id}


async def test_spans_of_checks_of_ones_own_stand_below_the_request(make, ask, telemetry):
    tracer = telemetry.traces.get_tracer("mine")

    def checks(attempt):
        with tracer.start_as_current_span("mine"):
            return Verdict(True)

    await ask(make(verify=checks, callbacks=[telemetry.handler]), "hi")
    (mine,) = [span for span in telemetry.spans if span.name == "mine"]
    assert parent_of(mine) == telemetry.requests[0].context.span_id
    assert not get_current_span().get_span_context().is_valid


async def test_a_failed_request_ends_with_its_error(make, ask, telemetry, small, frontier):
    small.script(Reply(status=500, error="x"))
    frontier.script(Reply(status=401, error="sk-secret"))
    with pytest.raises(TiersFailedError):
        await ask(make(callbacks=[telemetry.handler]), "hi")
    (request,) = telemetry.requests
    assert request.status.status_code is StatusCode.ERROR
    assert request.attributes["error.type"] == "TiersFailedError"
    assert told(request, "outcome", "attempts") == ("failed", 2)
    types = [call.attributes["error.type"] for call in telemetry.calls]
    assert types == ["ResponseError", "OpenAIAuthenticationError"]
    assert telemetry.calls[1].status.description.startswith("OpenAIAuthenticationError 401")
    assert not any(span.events for span in telemetry.spans)  # an exception's event quotes it
    kinds = [
        point.attributes.get("error.type")
        for point in telemetry.points("gen_ai.client.operation.duration")
    ]
    assert sorted(kinds) == ["OpenAIAuthenticationError", "ResponseError"]
    assert telemetry.counts("lc_asym_router.requests", "outcome") == {("failed",): 1}
    assert telemetry.settled()


def test_a_request_that_can_not_be_routed_has_a_span(make, telemetry):
    router = make(callbacks=[telemetry.handler])
    with pytest.raises(InvalidRequestError):
        router.invoke("")
    assert not telemetry.spans  # refused before anything runs
    with pytest.raises(ValueError, match="tier"):
        router.invoke("hi", {"configurable": {"tier": "nope"}})
    (request,) = telemetry.requests
    assert request.attributes["error.type"] == "ConfigurationError"


async def test_a_cancelled_request_ends_its_spans(make, telemetry, small):
    small.script(Reply(hang="before"))
    task = asyncio.create_task(make(callbacks=[telemetry.handler]).ainvoke("hi"))
    await asyncio.to_thread(small.wait_requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (request,), (call,) = telemetry.requests, telemetry.calls
    assert told(request, "outcome") == ("left",)
    for span in (request, call):
        assert span.status.status_code is StatusCode.ERROR
        assert span.attributes["error.type"] == "CancelledError"
    (point,) = telemetry.points("gen_ai.client.operation.duration")
    assert point.attributes["error.type"] == "CancelledError"
    assert telemetry.settled()


@pytest.mark.parametrize("way", ["stream", "astream"])
async def test_a_stream_that_is_left_ends_its_spans(make, telemetry, frontier, way):
    frontier.script(Reply("one two three four five six", chunk_delay=0.05))
    router = make(callbacks=[telemetry.handler])
    if way == "stream":
        for _ in router.stream("debug"):
            break
    else:
        async for _ in router.astream("debug"):
            break
    await asyncio.to_thread(telemetry.wait)
    (request,) = telemetry.requests
    assert told(request, "outcome") == ("left",)
    assert request.status.status_code is StatusCode.ERROR
    assert len(telemetry.calls) == 1
    assert telemetry.settled()


def test_a_call_that_outlives_its_request_is_left_behind(make, telemetry):
    """A late judge's thread can't be stopped: its span ends with the request, and it counts once."""
    with OllamaServer(default=Reply('{"level": 1}', delay=0.6)) as judge:
        check = Judge(small_model(judge), deadline=0.1, fallback=True)
        make(verify=check, callbacks=[telemetry.handler]).invoke("hi")
        late = telemetry.calls[-1]
        assert late.attributes["error.type"] == "left"
        assert told(telemetry.requests[0], "outcome") == ("answered",)
        time.sleep(1)
    assert len(telemetry.calls) == 2
    counted = telemetry.points("gen_ai.client.operation.duration")
    assert sum(point.count for point in counted) == 2
    assert telemetry.settled()


def parent_graph(graph, **compiled):
    parent = StateGraph(MessagesState)
    parent.add_node("answer", graph)
    parent.set_entry_point("answer")
    return parent.compile(**compiled)


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "astream"])
async def test_a_subgraphs_request_is_one_span(make, telemetry, small, way):
    small.script(Reply(REFUSAL))
    graph = parent_graph(make().graph)
    asked = {"messages": [HumanMessage("hi")]}
    config = {"callbacks": [telemetry.handler]}
    if way == "invoke":
        graph.invoke(asked, config)
    elif way == "ainvoke":
        await graph.ainvoke(asked, config)
    else:
        _ = [part async for part in graph.astream(asked, config, stream_mode="messages")]
    (request,) = telemetry.requests
    assert told(request, "outcome", "tier", "attempts") == ("answered", "frontier", 2)
    assert {parent_of(call) for call in telemetry.calls} == {request.context.span_id}
    assert told(telemetry.calls[0], "result", "check") == ("rejected", "Refusal")
    assert telemetry.settled()


async def test_a_subgraph_that_fails_or_is_left_ends_its_spans(make, telemetry, small, frontier):
    graph, config = parent_graph(make().graph), {"callbacks": [telemetry.handler]}
    small.script(Reply(status=500, error="x"))
    frontier.script(Reply(status=500, error="x"))
    with pytest.raises(TiersFailedError):
        await graph.ainvoke({"messages": [HumanMessage("hi")]}, config)
    small.script(Reply(hang="before"))
    small.requests.clear()
    task = asyncio.create_task(graph.ainvoke({"messages": [HumanMessage("hi")]}, config))
    await asyncio.to_thread(small.wait_requests)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    failed, left = telemetry.requests
    assert failed.attributes["error.type"] == "TiersFailedError"
    assert told(left, "outcome") == ("left",)
    assert telemetry.settled()


async def test_a_subgraph_that_stops_between_its_steps_ends_its_span(make, telemetry):
    graph = make().graph
    async for _ in graph.astream(
        {"messages": [HumanMessage("hi")]},
        {"callbacks": [telemetry.handler]},
        stream_mode="updates",
        interrupt_after=["classify"],
    ):
        pass
    assert len(telemetry.requests) == 1
    assert telemetry.settled()


def test_a_paused_request_goes_on_in_a_span_of_its_own(make, telemetry):
    def asks(attempt):
        return Verdict(interrupt("is it good?") == "yes")

    graph = parent_graph(make(verify=asks).graph, checkpointer=InMemorySaver())
    config = {"callbacks": [telemetry.handler], "configurable": {"thread_id": "t-1"}}
    graph.invoke({"messages": [HumanMessage("hi")]}, config)
    (paused,) = telemetry.requests
    assert told(paused, "outcome") == ("paused",)
    assert paused.status.status_code is StatusCode.UNSET
    graph.invoke(Command(resume="yes"), config)
    done = telemetry.requests[1]
    assert told(done, "outcome") == ("answered",)
    assert done.attributes["gen_ai.conversation.id"] == "t-1"
    assert telemetry.counts("lc_asym_router.requests", "outcome") == {("answered",): 1}
    assert telemetry.settled()


async def test_a_router_in_a_tier_is_part_of_the_outer_request(
    small, frontier, make, ask, telemetry
):
    outer = AsymRouter(
        small=Tier(make(), price=SMALL_PRICE),
        frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE),
        classify="keyword",
        callbacks=[telemetry.handler],
        verify="form",
    )
    await ask(outer, "hi")
    (request,), (call,) = telemetry.requests, telemetry.calls
    assert parent_of(call) == request.context.span_id
    assert telemetry.counts("lc_asym_router.requests", "tier") == {("small",): 1}


async def test_in_an_agent_each_turn_is_a_request(make, telemetry, small):
    def look(q: str) -> str:
        """Look it up."""
        return f"{q} is 7"

    small.script(Reply(tool_calls=[ToolCall("look", {"q": "x"})]), "It is 7.")
    agent = create_agent(make(callbacks=[telemetry.handler]), tools=[look])
    with telemetry.traces.get_tracer("t").start_as_current_span("caller") as caller:
        await agent.ainvoke({"messages": [HumanMessage("what is x?")]})
    assert [parent_of(span) for span in telemetry.requests] == [caller.context.span_id] * 2
    assert [told(call, "result", "because") for call in telemetry.calls] == [
        ("passed", "keyword"),
        ("passed", "sticky"),
    ]
    assert telemetry.settled()


@pytest.mark.parametrize("when", ["enter", "exit", "record"])
async def test_a_handler_that_fails_takes_no_request_down(make, ask, when, caplog, frontier, small):
    class Fails(BaseCallbackHandler):
        run_inline = True

        @contextmanager
        def around_router(self, step):
            assert when != "enter"
            yield
            assert when != "exit"

        def on_router_record(self, told):
            assert when != "record"

    router = make(callbacks=[Fails()])
    assert (await ask(router, "hi")).text == "a small answer"
    assert "Fails failed: AssertionError" in caplog.text
    small.script(Reply(status=500))
    frontier.script(Reply(status=500))
    with pytest.raises(TiersFailedError):
        await ask(router, "hi")


async def test_calls_of_others_are_no_concern_of_it(small, telemetry):
    await small_model(small).ainvoke("hi", {"callbacks": [telemetry.handler]})
    assert not telemetry.spans


async def test_content_is_there_for_who_asks(make, ask, small):
    telemetry = Telemetry(content=True)
    small.script(Reply("It is 7.", tool_calls=[ToolCall("look", {"q": "x"})]))
    await ask(
        make(verify=None, callbacks=[telemetry.handler]),
        [
            HumanMessage([{"type": "text", "text": "look"}, IMAGE]),
            *small_turn(),
        ],
    )
    (request,), (call,) = telemetry.requests, telemetry.calls
    asked = json.loads(call.attributes["gen_ai.input.messages"])
    assert asked[0] == {
        "role": "user",
        "parts": [{"type": "text", "content": "look"}, {"type": "image_url"}],
    }
    assert asked[-1]["parts"] == [{"type": "tool_call_response", "id": "c0", "response": "7"}]
    (said,) = json.loads(call.attributes["gen_ai.output.messages"])
    made_up = said["parts"][1].pop("id")  # Ollama's calls have none
    assert made_up
    assert said["parts"] == [
        {"type": "text", "content": "It is 7."},
        {"type": "tool_call", "name": "look", "arguments": {"q": "x"}},
    ]
    assert said["finish_reason"] == "stop"
    assert told(request, "reason")[0]
    assert "It is 7." in request.attributes["gen_ai.output.messages"]


def small_turn():
    call = {"name": "look", "args": {"q": "w"}, "id": "c0"}
    return [AIMessage("", tool_calls=[call]), ToolMessage("7", tool_call_id="c0")]


def test_many_threads_at_once_keep_their_spans_apart(make, telemetry):
    router = make(callbacks=[telemetry.handler])
    tracer = telemetry.traces.get_tracer("t")

    def ask(number):
        with tracer.start_as_current_span(f"caller {number}") as caller:
            answer = router.invoke(f"please {'debug' if number % 2 else 'say'} {number}")
            return caller.context.span_id, record(answer)["id"]

    threads, found = [], {}
    for number in range(16):
        run = threading.Thread(target=lambda n=number: found.__setitem__(*ask(n)))
        threads.append(run)
        run.start()
    for thread in threads:
        thread.join()
    assert {parent_of(span): told(span, "request_id")[0] for span in telemetry.requests} == found
    assert len({parent_of(call) for call in telemetry.calls}) == 16
