"""Streams: held until checked, live from the frontier, ended early, never cut silently."""

from __future__ import annotations

import asyncio
import time

import pytest
from langchain_core.callbacks import BaseCallbackHandler, get_usage_metadata_callback
from pydantic import BaseModel

from lc_asym_router import AsymRouter, TiersFailedError, Verdict, default_checks
from lc_asym_router.verify import (
    Check,
    Looping,
    MaxLength,
    MeanLogprob,
    NotEmpty,
    ParsesAsJSON,
    Prefix,
    Refusal,
)
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply, ToolCall

SLOW = 0.02
REFUSAL = Reply("I'm sorry, but I can't help with that. " + "Words and more words. " * 40)


def slow(reply: Reply) -> Reply:
    """The same reply, in many pieces and at a model's pace."""
    return Reply(reply.text, chunk_delay=SLOW)


@pytest.fixture(params=["sync", "async"])
def stream(request):
    """Yields (seconds since start, chunk)."""

    async def run(router, asked, config=None, **kwargs):
        started = time.perf_counter()
        if request.param == "sync":
            for chunk in router.stream(asked, config, **kwargs):
                yield time.perf_counter() - started, chunk
        else:
            async for chunk in router.astream(asked, config, **kwargs):
                yield time.perf_counter() - started, chunk

    return run


async def test_a_small_answer_comes_in_its_own_chunks_after_its_check(make, stream, small):
    small.script(Reply("one two three", chunk_delay=SLOW, input_tokens=5, output_tokens=9))
    seen = [item async for item in stream(make(), "hi")]
    texts = [chunk.text for _, chunk in seen if chunk.text]
    assert texts == ["one ", "two ", "three"]
    # All at once: the first was held until the last had come and the check had passed.
    first = next(at for at, chunk in seen if chunk.text)
    assert first >= 2 * SLOW
    whole = seen[0][1]
    for _, chunk in seen[1:]:
        whole = whole + chunk
    assert whole.usage_metadata["total_tokens"] == 14
    assert record(whole)["tier"] == "small"
    assert [chunk.chunk_position for _, chunk in seen].count("last") == 1
    assert seen[-1][1].chunk_position == "last"
    assert len({chunk.id for _, chunk in seen}) == 1


@pytest.mark.parametrize("verify", ["default", None])
async def test_what_may_pass_live_passes_live(make, stream, small, frontier, verify):
    server, asked = (frontier, "debug") if verify else (small, "hi")
    server.script(Reply("one two three four five", chunk_delay=0.1))
    seen = [item async for item in stream(make(verify=verify), asked) if item[1].text]
    assert [chunk.text for _, chunk in seen] == ["one ", "two ", "three ", "four ", "five"]
    assert seen[-1][0] - seen[0][0] >= 0.3


async def test_tool_call_chunks_and_ids_are_intact(make, stream, small):
    calls = [ToolCall("add", {"a": 1}, id="call-1"), ToolCall("add", {"a": 2}, id="call-2")]
    small.script(Reply(tool_calls=calls))

    def add(a: int) -> int:
        """Add."""
        return a

    bound = make().bind_tools([add])
    chunks = [chunk async for _, chunk in stream(bound, "hi")]
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    assert [call["args"] for call in whole.tool_calls] == [{"a": 1}, {"a": 2}]
    assert len({call["id"] for call in whole.tool_calls}) == 2


# ended early ------------------------------------------------------------------------------------

LONG = "Nothing to see here at all. " + "Words and more words that differ. " * 40
BAD = {
    "refusal": (Refusal(), REFUSAL),
    "loop": (Looping(), Reply("Well. " + "I say it over and over again. " * 60)),
    "no JSON": (ParsesAsJSON(), Reply("Sure! Here is the JSON that you asked for. " * 20)),
    "too long": (MaxLength(50), Reply(LONG)),
    "any of two": (Refusal() | MaxLength(5), REFUSAL),
    "all of many": (default_checks(), REFUSAL),
}


@pytest.mark.parametrize("case", BAD)
@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_a_failing_answer_is_ended_early(make, small, frontier, case, way):
    check, reply = BAD[case]
    small.script(slow(reply))
    router = make(verify=check)
    with get_usage_metadata_callback() as counted:
        if way == "invoke":
            answer = router.invoke("hi")
        elif way == "ainvoke":
            answer = await router.ainvoke("hi")
        elif way == "stream":
            answer = sum_of(list(router.stream("hi")))
        else:
            answer = sum_of([chunk async for chunk in router.astream("hi")])
    assert answer.text == "a frontier answer"
    (sent,) = small.requests
    assert small.wait_idle()
    assert sent.closed_by_client
    whole = len(reply.text.split(" "))
    assert sent.chunks_sent < whole / 2
    attempt = record(answer)["attempts"][0]
    assert (attempt["passed"], attempt["error"]) == (False, None)
    assert attempt["reason"]
    assert attempt["stopped_early"]["usage_estimated"]
    # It is in every count, as an estimate: its true counts never came.
    assert counted.usage_metadata["small-model"] == attempt["usage"]
    assert attempt["usage"]["output_tokens"] <= sent.chunks_sent
    assert record(answer)["cost_usd"] is not None


def sum_of(chunks):
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole = whole + chunk
    return whole


async def test_the_record_says_how_many_tokens_that_saved(small, frontier):
    router = AsymRouter(
        small=small_model(small, num_predict=400), frontier=frontier_model(frontier), verify="form"
    )
    small.script(slow(REFUSAL))
    attempt = record(await router.ainvoke("hi"))["attempts"][0]
    saved = attempt["stopped_early"]["tokens_saved_at_most"]
    assert saved == 400 - attempt["usage"]["output_tokens"]


async def test_a_short_refusal_ends_by_itself_and_is_counted_exactly(make, small):
    small.script(Reply("I'm sorry, but I can't help with that.", input_tokens=3, output_tokens=7))
    attempt = record(await make().ainvoke("hi"))["attempts"][0]
    assert attempt["usage"]["total_tokens"] == 10
    assert "stopped_early" not in attempt
    assert not small.requests[0].closed_by_client


async def test_a_schema_ends_prose_early(make, small, frontier):
    class City(BaseModel):
        """A city."""

        name: str

    small.script(slow(Reply("Of course, I would love to tell you about it. " * 20)))
    frontier.script('{"name": "Rome"}')
    said = await make().with_structured_output(City).ainvoke("Which city?")
    assert said == City(name="Rome")
    assert small.wait_idle()
    assert small.requests[0].closed_by_client


async def test_low_confidence_ends_early(small, frontier):
    words = [f"w{n} " for n in range(80)]
    reply = Reply(
        chunks=words, text="".join(words), logprobs=[{w: -3.0} for w in words], chunk_delay=SLOW
    )
    small.script(reply)
    router = AsymRouter(
        small=small_model(small, logprobs=True, top_logprobs=1),
        frontier=frontier_model(frontier),
        verify=MeanLogprob(-1.0, tokens=4),
    )
    answer = await router.ainvoke("hi")
    assert answer.text == "a frontier answer"
    assert "mean logprob -3.00" in record(answer)["attempts"][0]["reason"]
    assert small.requests[0].chunks_sent < 40
    sure = router.model_copy(update={"verify": MeanLogprob(-5.0)})
    small.script(Reply("fine", logprobs=[{"fine": -3.0}]))
    assert (await sure.ainvoke("hi")).text == "fine"


async def test_low_confidence_ends_early_in_openais_dialect_too(small, frontier):
    words = [f"w{n} " for n in range(80)]
    frontier.script(
        Reply(
            chunks=words,
            text="".join(words),
            logprobs=[{w: -3.0} for w in words],
            chunk_delay=SLOW,
        )
    )
    router = AsymRouter(
        small=frontier_model(frontier, logprobs=True, top_logprobs=1),
        frontier=small_model(small),
        verify=MeanLogprob(-1.0, tokens=4),
    )
    assert (await router.ainvoke("hi")).text == "a small answer"
    assert frontier.requests[0].chunks_sent < 40


async def test_a_good_answer_is_not_ended(make, small):
    text = "I can't help with" + "out" + " saying it: here is a long and good answer. " * 3
    small.script(Reply(text, chunks=list(text)))
    assert (await make().ainvoke("hi")).text == text
    small.script(Reply('{"a": [1, true, "x"]}', chunks=list('{"a": [1, true, "x"]}')))
    assert (await make(verify=ParsesAsJSON()).ainvoke("hi")).text == '{"a": [1, true, "x"]}'


async def test_an_own_check_can_end_early(make, small):
    class NoSwearing(Check):
        def check(self, attempt):
            return Verdict("damn" not in attempt.text, reason="it swears")

        def early(self, prefix: Prefix):
            return Verdict(False, reason="it swears") if "damn" in prefix.text else None

    small.script(slow(Reply("damn it. " * 100)))
    answer = await make(verify=NotEmpty() & NoSwearing()).ainvoke("hi")
    assert record(answer)["attempts"][0]["check"] == "NoSwearing"
    assert small.requests[0].chunks_sent < 100


async def test_a_retry_after_an_early_end(make, small, frontier):
    small.script(slow(REFUSAL), "better")
    answer = await make(small_attempts=2).ainvoke("hi")
    assert answer.text == "better"
    assert not frontier.requests


async def test_each_call_ends_well_for_its_tracer(make, small):
    """An answer that was ended early is no error of the model's run."""

    class Spy(BaseCallbackHandler):
        def __init__(self):
            self.seen = []

        def on_chat_model_start(self, *args, **kwargs):
            self.seen.append("start")

        def on_llm_end(self, *args, **kwargs):
            self.seen.append("end")

        def on_llm_error(self, *args, **kwargs):
            self.seen.append("error")

    spy = Spy()
    small.script(slow(REFUSAL))
    await make().ainvoke("hi", {"callbacks": [spy]})
    assert spy.seen == ["start", "end"] * 2


# broken and abandoned ------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [{"drop_after": 2}, {"truncate_after": 2}])
async def test_a_frontier_stream_that_breaks_is_an_error_and_never_a_silent_cut(
    make, stream, frontier, fault
):
    frontier.script(Reply("one two three four", chunk_delay=SLOW, **fault))
    seen = []
    with pytest.raises(TiersFailedError, match="frontier"):
        async for _, chunk in stream(make(), "debug"):
            seen.append(chunk.text)
    assert "".join(seen) in ("", "one ", "one two ", "one two three ")


@pytest.mark.parametrize("fault", [{"drop_after": 1}, {"truncate_after": 1}])
async def test_an_invoked_frontier_too(make, frontier, fault):
    """Where nobody has seen anything yet, a stream that breaks is just a failed attempt."""
    frontier.script(Reply("one two three", **fault))
    router = make()
    with pytest.raises(TiersFailedError):
        await router.ainvoke("debug", stream=True)


async def test_an_unchecked_small_tier_that_breaks_unseen_escalates(make, stream, small):
    small.script(Reply("one", drop_after=0))
    texts = [chunk.text async for _, chunk in stream(make(verify=None), "hi")]
    assert "".join(texts) == "a frontier answer"


async def test_an_unchecked_small_tier_that_breaks_in_sight_does_not_start_over(
    make, stream, small
):
    small.script(Reply("one two three", drop_after=2, chunk_delay=SLOW))
    seen = []
    with pytest.raises(TiersFailedError):
        async for _, chunk in stream(make(verify=None), "hi"):
            seen.append(chunk.text)
    assert "frontier" not in "".join(seen)


@pytest.mark.parametrize("tier", ["small", "frontier"])
async def test_a_reader_that_stops_closes_the_request(make, small, frontier, tier):
    server = small if tier == "small" else frontier
    server.script(*[Reply("word " * 200, chunk_delay=SLOW)] * 2)
    router = make(verify=None)
    asked = "hi" if tier == "small" else "debug"
    generator = router.stream(asked)
    while not next(generator).text:
        pass
    generator.close()
    assert server.wait_idle()
    assert server.requests[0].closed_by_client
    agenerator = router.astream(asked)
    while not (await anext(agenerator)).text:
        pass
    await agenerator.aclose()
    assert server.wait_idle()
    assert server.requests[1].closed_by_client
    assert server.requests[1].chunks_sent < 100


@pytest.mark.parametrize("face", ["ainvoke", "astream"])
@pytest.mark.parametrize("tier", ["small", "frontier"])
async def test_a_cancelled_caller_closes_the_request(make, small, frontier, face, tier):
    server = small if tier == "small" else frontier
    server.script(Reply("word " * 200, chunk_delay=SLOW))
    router = make()

    async def ask():
        if face == "ainvoke":
            await router.ainvoke("hi" if tier == "small" else "debug", stream=True)
        else:
            async for _ in router.astream("hi" if tier == "small" else "debug"):
                pass

    task = asyncio.create_task(ask())
    await asyncio.sleep(0.3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.wait_idle()
    assert server.requests[0].closed_by_client


@pytest.mark.parametrize("face", ["ainvoke", "astream"])
async def test_a_cancellation_that_comes_with_a_chunk_is_not_lost(make, frontier, face):
    """Before Python 3.12 `asyncio.wait_for`, below ChatOpenAI, drops some of these."""
    router = make()
    for number in range(40):
        frontier.script(Reply("word " * 200, chunk_delay=0.005))
        call = router.ainvoke("debug", stream=True) if face == "ainvoke" else _read(router)
        task = asyncio.create_task(call)
        assert await asyncio.to_thread(frontier.wait_requests, number + 1)
        await asyncio.sleep(number % 10 * 0.003)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(frontier.wait_idle)
        assert frontier.requests[number].closed_by_client


async def _read(router):
    async for _ in router.astream("debug"):
        pass


async def test_streaming_can_be_turned_off(make, stream, small):
    chunks = [chunk async for _, chunk in stream(make(streaming=False), "hi")]
    assert [chunk.text for chunk in chunks] == ["a small answer"]
