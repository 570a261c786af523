"""The servers against the real ChatOllama and ChatOpenAI."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from langchain_core.messages import AIMessageChunk
from langchain_ollama import ChatOllama
from pydantic import BaseModel

from tests.servers import OllamaServer, OpenAIServer, Reply, Server, ToolCall
from tests.servers.clients import KINDS, WAYS, call, finish, gathered, model_for

TEXT = "one two three four"
SLOW = Reply("w " * 500, chunk_delay=0.02)


class Add(BaseModel):
    """Add two numbers."""

    a: int
    b: int


@pytest.mark.parametrize("how", WAYS)
async def test_text_usage_and_finish(server: Server, how: str) -> None:
    server.script(TEXT, Reply(TEXT, finish="length", input_tokens=100, output_tokens=50))
    model = model_for(server)
    for wanted, tokens in (("stop", (7, 4)), ("length", (100, 50))):
        message = await call(model, how)
        assert message.content == TEXT
        assert finish(message) == wanted
        assert message.usage_metadata is not None
        usage = message.usage_metadata
        assert (usage["input_tokens"], usage["output_tokens"]) == tokens
    assert server.tokens == (107, 54)
    assert server.wait_idle()
    assert server.open_requests == 0
    for record in server.requests:
        assert record.done
        assert not record.closed_by_client
        assert record.chunks_sent == 4
        assert record.finished is not None
        assert record.finished >= record.started
        assert record.body["messages"][-1]["content"] == "hi"
        assert record.path == server.chat_path
        assert "json" in record.headers["content-type"]


@pytest.mark.parametrize("how", WAYS)
async def test_tool_calls(server: Server, how: str) -> None:
    two = (ToolCall("Add", {"a": 1, "b": 22}), ToolCall("Add", {"a": 3, "b": 4}))
    server.script(Reply(tool_calls=two))
    message = await call(model_for(server).bind_tools([Add]), how)
    assert [each["args"] for each in message.tool_calls] == [{"a": 1, "b": 22}, {"a": 3, "b": 4}]
    assert finish(message) == ("tool_calls" if isinstance(server, OpenAIServer) else "stop")
    assert server.requests[0].body["tools"][0]["function"]["name"] == "Add"


@pytest.mark.parametrize("how", ["invoke", "ainvoke"])
async def test_structured_output(server: Server, how: str) -> None:
    server.script('{"a": 1, "b": 2}')
    model = model_for(server).with_structured_output(Add, method="json_schema")
    assert await call(model, how) == Add(a=1, b=2)
    body = server.requests[0].body
    if isinstance(server, OpenAIServer):
        assert body["response_format"]["json_schema"]["name"] == "Add"
    else:
        assert body["format"]["required"] == ["a", "b"]


async def test_structured_output_of_nonsense_raises(server: Server) -> None:
    server.script('{"a": 1')
    with pytest.raises(ValueError, match="Add"):
        await model_for(server).with_structured_output(Add, method="json_schema").ainvoke("hi")


@pytest.mark.parametrize("how", WAYS)
async def test_malformed_tool_arguments(server: Server, how: str) -> None:
    server.script(Reply(tool_calls=[ToolCall("Add", '{"a": 1, ')]))
    model = model_for(server)
    if isinstance(server, OllamaServer):
        with pytest.raises(ValueError, match="valid dictionary"):
            await call(model, how)
        return
    message = await call(model, how)
    if "stream" in how:  # a stream's partial JSON is completed without a word
        assert message.tool_calls[0]["args"] == {"a": 1}
    else:
        assert message.invalid_tool_calls[0]["args"] == '{"a": 1, '


async def test_logprobs(server: Server) -> None:
    tops = [{"a ": -0.1, "x": -3.0}, {"b": -0.2}]
    server.default = Reply("a b", logprobs=tops)
    model = model_for(server, logprobs=True, top_logprobs=2)
    for how in WAYS:
        found = (await call(model, how)).response_metadata["logprobs"]
        if isinstance(server, OpenAIServer):
            found = found["content"]
        else:
            found = [each if isinstance(each, dict) else each.model_dump() for each in found]
        assert [each["token"] for each in found] == ["a ", "b"]
        assert [top["token"] for top in found[0]["top_logprobs"]] == ["a ", "x"]
    plain = await call(model_for(server), "invoke")
    assert not plain.response_metadata.get("logprobs")


def test_reasoning() -> None:
    with OllamaServer(default=Reply("a b", reasoning="hmm")) as server:
        message = model_for(server, reasoning=True).invoke("hi")
        assert message.additional_kwargs["reasoning_content"] == "hmm"
        message = model_for(server, reasoning=False).invoke("hi")
        assert "reasoning_content" not in message.additional_kwargs


def test_refusal() -> None:
    with OpenAIServer(default=Reply(refusal="no")) as server:
        model = model_for(server)
        assert model.invoke("hi").additional_kwargs["refusal"] == "no"
        assert "refusal" not in gathered(list(model.stream("hi"))).additional_kwargs  # lost
        with pytest.raises(Exception, match="no"):
            model.with_structured_output(Add).invoke("hi")


@pytest.mark.parametrize("how", WAYS)
async def test_usage_left_out(server: Server, how: str) -> None:
    server.script(Reply(TEXT, usage=False))
    assert (await call(model_for(server), how)).usage_metadata is None
    assert server.tokens == (0, 0)


def test_openai_stream_without_include_usage() -> None:
    with OpenAIServer() as server:
        model = model_for(server, stream_usage=None)
        assert gathered(list(model.stream("hi"))).usage_metadata is None
        assert server.tokens == (0, 0)
        assert model.invoke("hi").usage_metadata is not None
        assert server.tokens == (7, 1)


@pytest.mark.parametrize("how", ["stream", "astream"])
async def test_clean_cut_goes_unnoticed(server: Server, how: str) -> None:
    """No exception: only the missing finish reason (and usage) tells."""
    server.default = Reply(TEXT, truncate_after=2)
    message = await call(model_for(server), how)
    assert message.content == "one two "
    assert finish(message) is None
    assert message.usage_metadata is None
    assert message.chunk_position == "last"  # says langchain-core, not the server
    if isinstance(server, OllamaServer):
        assert model_for(server).invoke("hi").content == "one two "
    else:
        with pytest.raises(ValueError, match="Unterminated"):
            model_for(server).invoke("hi")
    assert not server.requests[0].done


def first(stream: Iterator[AIMessageChunk]) -> None:
    next(chunk for chunk in stream if chunk.content)


def test_abandoned_stream_is_noticed(server: Server) -> None:
    server.default = SLOW
    stream = model_for(server).stream("hi")
    first(stream)
    assert server.open_requests == 1
    stream.close()
    assert server.wait_idle(1.0)
    record = server.requests[0]
    assert record.closed_by_client
    assert not record.done
    assert record.chunks_sent < 100
    assert server.tokens == (0, 0)


@pytest.mark.parametrize("how", ["aclose", "cancel", "forget", "ainvoke"])
async def test_abandoned_astream_is_noticed(server: Server, how: str) -> None:
    server.default = SLOW
    model = model_for(server)

    async def read(stream: AsyncIterator[AIMessageChunk], whole: bool = False) -> None:
        async for chunk in stream:
            if chunk.content and not whole:
                break

    stream = model.astream("hi")

    if how in ("cancel", "ainvoke"):
        work = read(stream, whole=True) if how == "cancel" else model.ainvoke("hi")
        task = asyncio.create_task(work)
        assert await asyncio.to_thread(server.wait_requests)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    else:
        await read(stream)
        if how == "aclose":
            await stream.aclose()
    del stream  # left half-read, it is closed only when collected
    gc.collect()
    assert await asyncio.to_thread(server.wait_idle, 1.0)
    assert server.requests[0].closed_by_client


def test_client_gone_while_hanging_or_late(server: Server) -> None:
    for reply in (Reply(hang="before"), Reply(delay=30), Reply(TEXT, hang="middle")):
        server.reset()
        server.script(reply)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(server.url + server.chat_path, json={"stream": True}, timeout=0.1)
        assert server.wait_idle(1.0)
        assert server.requests[0].closed_by_client


async def test_64_at_once(server: Server) -> None:
    server.default = Reply(TEXT, delay=0.5)
    model = model_for(server)
    messages = asyncio.gather(*(call(model, "astream") for _ in range(64)))
    assert await asyncio.to_thread(server.wait_requests, 64)
    assert server.open_requests == 64
    assert {message.content for message in await messages} == {TEXT}
    assert server.wait_idle()
    assert server.tokens == (64 * 7, 64 * 4)


def test_callables_script_and_reset(server: Server) -> None:
    model = model_for(server)
    server.script("a", lambda body: f"{body['model']}!", lambda body: Reply("c"))
    answers = [model.invoke("hi").content for _ in range(4)]
    assert answers == ["a", f"{model.model_dump().get('model', 'frontier-model')}!", "c", "ok"]
    server.script("never")
    server.reset()
    assert (server.requests, server.tokens) == ([], (0, 0))
    assert model.invoke("hi").content == "ok"


def test_keep_alive_and_connection_close(server: Server) -> None:
    with httpx.Client() as client:
        for _ in range(5):
            client.post(server.url + server.chat_path, json={"stream": True})
        assert server.connections == 1
        server.script(Reply(headers={"Connection": "close"}))
        for _ in range(2):
            client.post(server.url + server.chat_path, json={"stream": True})
        assert server.connections == 2
        pieces = iter([b'{"stream":', b" false}"])  # a chunked request
        assert client.post(server.url + server.chat_path, content=pieces).json()


def test_stop_and_start(server: Server) -> None:
    server.script(Reply(hang="before"), "back")
    with httpx.Client() as client:
        with client.stream("GET", server.url + "/") as answer:
            answer.read()
        server.stop()
        server.stop()
        with pytest.raises(httpx.ConnectError):
            client.get(server.url)
    with pytest.raises(Exception):  # noqa: B017, PT011
        model_for(server).invoke("hi")
    server.reset()
    server.start()
    assert model_for(server).invoke("hi").content == "ok"


def test_a_stopped_servers_port_is_nobody_elses_until_it_is_closed(server: Server) -> None:
    server.stop()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", server.port))
    server.close()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", server.port))


async def test_stop_cuts_what_hangs(server: Server) -> None:
    server.script(Reply(hang="before"))
    task = asyncio.create_task(model_for(server).ainvoke("hi"))
    assert await asyncio.to_thread(server.wait_requests)
    await asyncio.to_thread(server.stop)
    with pytest.raises(Exception, match=r"disconnected|Connection error"):
        await task
    assert server.open_requests == 0
    assert not server.requests[0].closed_by_client


def test_other_paths() -> None:
    with OllamaServer(models=["m:latest"]) as ollama, OpenAIServer() as openai:
        assert httpx.get(ollama.url).text == "Ollama is running"
        assert httpx.head(ollama.url).status_code == 200
        assert httpx.get(f"{ollama.url}/api/version").json()["version"]
        names = [each["model"] for each in httpx.get(f"{ollama.url}/api/tags").json()["models"]]
        assert names == ["m:latest"]
        show = httpx.post(f"{ollama.url}/api/show", json={"model": "m:latest"})
        assert show.json()["capabilities"]
        assert httpx.post(f"{ollama.url}/api/show", json={"model": "x"}).status_code == 404
        assert ChatOllama(model="m", base_url=ollama.url, validate_model_on_init=True)
        listed = httpx.get(f"{openai.base_url}/models").json()["data"]
        assert [each["id"] for each in listed] == ["small-model", "frontier-model"]
        assert httpx.get(f"{openai.base_url}/models/small-model").json()["object"] == "model"
        assert httpx.get(f"{openai.base_url}/nothing").status_code == 404
        assert ollama.requests == openai.requests == []
        bad = httpx.post(f"{openai.base_url}/chat/completions", content=b"{")
        assert bad.status_code == 400


def test_order_on_the_wire() -> None:
    with OpenAIServer(default="a b") as server:
        body = {"model": "m", "stream": True, "stream_options": {"include_usage": True}}
        answer = httpx.post(f"{server.base_url}/chat/completions", json=body)
        events = [line[6:] for line in answer.text.split("\n\n") if line]
        assert events.pop() == "[DONE]"
        chunks = [json.loads(event) for event in events]
        deltas = [chunk["choices"][0]["delta"].get("content") for chunk in chunks[:-1]]
        assert deltas == ["", "a ", "b", None]
        assert chunks[-1]["choices"] == []
        assert chunks[-1]["usage"]["total_tokens"] == 9


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_own_process(kind: str) -> None:
    command = [sys.executable, "-m", "tests.servers", "--kind", kind, "--text", "hello"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        path = KINDS[kind].chat_path
        answer = httpx.post(url + path, json={"model": "m", "stream": False})
        assert "hello" in answer.text
        process.terminate()
        assert process.wait(5) == 0
