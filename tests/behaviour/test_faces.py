"""The router where a chat model sits: chains, wrappers, other routers, other modalities."""

from __future__ import annotations

import warnings

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import HumanMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableParallel

from lc_asym_router import AsymRouter, NoTierError, Tier, TiersFailedError
from tests.conftest import frontier_model, record, small_model
from tests.servers import Reply

REFUSAL = Reply("I'm sorry, but I can't help with DRAFTTEXT that.")


@pytest.fixture
def chain(make):
    prompt = ChatPromptTemplate.from_messages([("system", "Be nice."), ("human", "{question}")])
    return prompt | make() | StrOutputParser()


async def test_a_chain_streams_the_answer_once(chain, small):
    small.script(REFUSAL, REFUSAL)
    assert "".join(chain.stream({"question": "hi"})) == "a frontier answer"
    assert "".join([part async for part in chain.astream({"question": "hi"})]) == (
        "a frontier answer"
    )
    assert list(chain.stream({"question": "hi"}))[:3] == ["a ", "small ", "answer"]


async def test_a_chains_events_and_log(chain, small):
    small.script(REFUSAL, REFUSAL)
    events = [event async for event in chain.astream_events({"question": "hi"})]
    assert "DRAFTTEXT" not in repr(events)
    for kind in ("on_chat_model_stream", "on_parser_stream"):
        chunks = [event["data"]["chunk"] for event in events if event["event"] == kind]
        texts = [chunk if isinstance(chunk, str) else chunk.text for chunk in chunks]
        assert "".join(texts) == "a frontier answer"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        log = [patch async for patch in chain.astream_log({"question": "hi"})]
    assert "DRAFTTEXT" not in repr(log)


@pytest.mark.parametrize("asked", ["hi", "debug"])
async def test_v3_events(make, small, asked):
    small.script(REFUSAL, REFUSAL)
    router = make()
    with get_usage_metadata_callback() as counted:
        stream = router.stream_events(asked, version="v3")
        assert "".join(map(str, stream.text)) == "a frontier answer"
        assert stream.output.response_metadata["router"]["tier"] == "frontier"
        astream = await router.astream_events(asked, version="v3")
        assert "".join([part async for part in astream.text]) == "a frontier answer"
    assert counted.usage_metadata["frontier-model"]["total_tokens"] == 20


async def test_v3_events_of_a_failure(make, frontier):
    frontier.script(Reply(status=500, error="x"), Reply(status=500, error="x"))
    with pytest.raises(TiersFailedError):
        list(make().stream_events("debug", version="v3").text)
    stream = await make().astream_events("debug", version="v3")
    with pytest.raises(TiersFailedError):
        _ = [part async for part in stream.text]


async def test_wrappers_of_langchain(make, frontier, ask):
    router = make()
    assert (await ask(router.with_retry(), "hi")).text == "a small answer"
    assert (await ask(router.with_config(tags=["mine"]), "hi")).text == "a small answer"
    frontier.script(Reply(status=500, error="x"))
    backed = router.with_fallbacks([frontier_model(frontier)])
    assert (await ask(backed, "debug")).text == "a frontier answer"
    both = RunnableParallel(easy=router, hard=router)
    assert both.invoke("debug")["hard"].text == "a frontier answer"


async def test_batches(make):
    answers = make().batch(["hi", "debug"] * 4, {"max_concurrency": 3})
    assert [answer.text for answer in answers] == ["a small answer", "a frontier answer"] * 4
    done = dict(make().batch_as_completed(["hi", "debug"]))
    assert done[1].text == "a frontier answer"
    failed = make().batch(["hi", ""], return_exceptions=True)
    assert failed[0].text == "a small answer"
    assert "empty" in str(failed[1])


async def test_a_router_as_a_tier_of_a_router(make, small, frontier, ask):
    outer = AsymRouter(small=make(), frontier=frontier_model(frontier), verify="form")
    small.script(Reply(REFUSAL.text, input_tokens=3, output_tokens=4))
    with get_usage_metadata_callback() as counted:
        answer = await ask(outer, "hi")
    assert answer.text == "a frontier answer"
    assert record(answer)["tier"] == "small"
    assert counted.usage_metadata["small-model"]["total_tokens"] == 7
    assert counted.usage_metadata["frontier-model"]["total_tokens"] == 10
    events = [event async for event in outer.astream_events("hi")]
    texts = [e["data"]["chunk"].text for e in events if e["event"] == "on_chat_model_stream"]
    assert "".join(texts) == "a small answer"


@pytest.mark.parametrize(
    ("block", "modality"),
    [
        ({"type": "image", "base64": "aGk=", "mime_type": "image/png"}, "image"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}, "image"),
        ({"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"}, "audio"),
        ({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}, "audio"),
        ({"type": "file", "base64": "aGk=", "mime_type": "application/pdf"}, "pdf"),
        ({"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk="}}, "pdf"),
        ({"type": "video", "base64": "aGk=", "mime_type": "video/mp4"}, "video"),
    ],
)
async def test_modalities_go_only_where_they_are_taken(small, frontier, block, modality):
    asked = [HumanMessage([{"type": "text", "text": "What is it?"}, block])]
    blind = Tier(small_model(small), inputs=())
    seeing = Tier(frontier_model(frontier), inputs=[modality])
    decision = AsymRouter(small=blind, frontier=seeing, verify="form").decide(asked)
    assert (decision.tier, decision.classifier) == ("frontier", "limits")
    assert f"no {modality} input" in decision.reason
    with pytest.raises(NoTierError, match=f"no {modality} input"):
        AsymRouter(small=blind, frontier=blind, verify="form").decide(asked)


async def test_a_profile_says_what_a_model_takes(small):
    """gpt-4o's own profile: pictures and PDF, no audio."""
    from langchain_openai import ChatOpenAI

    hears = Tier(small_model(small), inputs={"audio"})
    router = AsymRouter(
        small=hears, frontier=ChatOpenAI(model="gpt-4o", api_key="x"), verify="form"
    )
    audio = HumanMessage(
        [
            {"type": "text", "text": "What is said?"},
            {"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"},
        ]
    )
    assert router.decide([audio]).tier == "small"
    assert router.profile["image_inputs"] is True
    assert router.profile["max_input_tokens"] == 128000
    assert "structured_output" not in router.profile
