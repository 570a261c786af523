"""The embedded server for real: llama.cpp, the clients that users have, a light model."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import ollama
import openai
import pytest
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router.embedded import (
    EmbeddedServer,
    EngineError,
    embedded_frontier,
    embedded_small,
    ensure_weights,
)
from lc_asym_router.embedded.catalog import embedded_model
from lc_asym_router.embedded.endpoints import with_limit
from lc_asym_router.embedded.engine import Engine

LIGHT = "smollm2:135m"
ROOT = Path(__file__).parents[2]
SAY = "Say hello."
CAPITAL = "What is the capital of France? Answer in one word."
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 20}, "large": {"type": "boolean"}},
    "required": ["city", "large"],
    "additionalProperties": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture(params=["ollama", "openai"])
def chat(request: pytest.FixtureRequest, server: EmbeddedServer) -> Any:
    """The light model through each of the two providers."""
    if request.param == "ollama":
        return embedded_small(server, model=LIGHT, num_predict=24)
    return embedded_frontier(server, model=LIGHT, max_tokens=24)


def raw_chat(server: EmbeddedServer, **body: Any) -> httpx.Response:
    message = {"role": "user", "content": body.pop("say", SAY)}
    request = {"model": LIGHT, "messages": [message], **body}
    return httpx.post(f"{server.url}/api/chat", json=request, headers=server.headers, timeout=60)


def engine_of(server: EmbeddedServer) -> Engine:
    assert server._pool is not None
    return server._pool._engines[LIGHT]


def busy_slots(engine: Engine) -> int:
    slots = httpx.get(f"{engine.url}/slots", headers=engine.headers, timeout=30).json()
    return sum(slot["is_processing"] for slot in slots)


def wait_until(condition: Any, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


class TestChatModels:
    def test_invoke(self, chat: Any) -> None:
        answer = chat.invoke(SAY)
        assert answer.content
        assert answer.usage_metadata["input_tokens"] > 5
        assert 0 < answer.usage_metadata["output_tokens"] <= 24

    async def test_ainvoke(self, chat: Any) -> None:
        answer = await chat.ainvoke(SAY)
        assert answer.content
        assert answer.usage_metadata["output_tokens"] > 0

    def test_stream(self, chat: Any) -> None:
        chunks = list(chat.stream(SAY))
        assert len(chunks) > 3
        whole = chunks[0]
        for chunk in chunks[1:]:
            whole += chunk
        assert whole.content == chat.invoke(SAY).content
        assert whole.usage_metadata["output_tokens"] > 0
        assert sum(chunk.usage_metadata is not None for chunk in chunks) == 1

    async def test_astream(self, chat: Any) -> None:
        chunks = [chunk async for chunk in chat.astream(SAY)]
        assert len(chunks) > 3
        assert any(chunk.usage_metadata for chunk in chunks)

    def test_structured_output(self, chat: Any) -> None:
        limit = {"num_predict": 60} if isinstance(chat, ChatOllama) else {"max_tokens": 60}
        longer = chat.model_copy(update=limit)
        structured = longer.with_structured_output(
            {"title": "City", "description": "A city", **SCHEMA}, method="json_schema"
        )
        found = structured.invoke("Tell me about Paris.")
        assert set(found) == {"city", "large"}

    def test_four_clients_at_once(self, chat: Any) -> None:
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(chat.invoke, [f"Count to {n}." for n in range(4)]))
        assert all(answer.content for answer in answers)

    def test_unknown_model(self, server: EmbeddedServer) -> None:
        with pytest.raises(ollama.ResponseError, match='model "nope" not found') as refused:
            embedded_small(server, model="nope").invoke(SAY)
        assert refused.value.status_code == 404
        with pytest.raises(openai.NotFoundError, match="smollm2:135m"):
            embedded_frontier(server, model="nope").invoke(SAY)


class TestOllamaProtocol:
    @pytest.fixture
    def client(self, server: EmbeddedServer) -> ollama.Client:
        return ollama.Client(host=server.url, headers=server.headers)

    def test_list_and_show(self, client: ollama.Client, server: EmbeddedServer) -> None:
        assert tuple(model.model for model in client.list().models) == server.models
        shown = client.show(LIGHT)
        assert shown.capabilities == ["completion"]
        assert shown.modelinfo is not None
        assert shown.modelinfo["llama.context_length"] == 4096
        with pytest.raises(ollama.ResponseError, match="not found"):
            client.show("nope")

    def test_version_and_root(self, server: EmbeddedServer) -> None:
        version = httpx.get(f"{server.url}/api/version", headers=server.headers)
        assert version.json()["version"]
        assert httpx.get(server.url, headers=server.headers).status_code == 200

    def test_counts_times_and_length(self, client: ollama.Client) -> None:
        messages = [{"role": "user", "content": "Tell me a long story."}]
        answer = client.chat(LIGHT, messages, options={"num_predict": 5})
        assert answer.done_reason == "length"
        assert answer.eval_count == 5
        assert (answer.prompt_eval_count or 0) > 5
        assert (answer.total_duration or 0) > (answer.eval_duration or 0) > 0

    def test_stream_is_the_default_of_the_protocol(self, server: EmbeddedServer) -> None:
        response = raw_chat(server, options={"num_predict": 5})
        assert response.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in response.text.splitlines()]
        assert [line["done"] for line in lines] == [False] * (len(lines) - 1) + [True]
        assert lines[-1]["done_reason"] == "length"
        assert lines[-1]["eval_count"] == 5

    def test_schema_in_format(self, client: ollama.Client) -> None:
        messages = [{"role": "user", "content": "Tell me about Paris."}]
        options = {"num_predict": 60, "temperature": 0}
        answer = client.chat(LIGHT, messages, format=SCHEMA, options=options)
        assert set(json.loads(answer.message.content or "")) == {"city", "large"}

    def test_no_messages_only_loads(self, client: ollama.Client) -> None:
        assert client.chat(LIGHT, []).done_reason == "load"

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ({"messages": [{"role": "user", "content": "x", "images": ["aGk="]}]}, "image"),
            ({"tools": [TOOL]}, "does not support tools"),
            ({"say": "word " * 5000}, "context size"),
            ({"model": ""}, "model is required"),
        ],
    )
    def test_refusals(self, server: EmbeddedServer, body: dict[str, Any], words: str) -> None:
        response = raw_chat(server, **body)
        assert response.status_code == 400
        assert words in response.json()["error"]

    def test_no_json(self, server: EmbeddedServer) -> None:
        response = httpx.post(f"{server.url}/api/chat", content=b"hello", headers=server.headers)
        assert response.status_code == 400
        assert "JSON" in response.json()["error"]


class TestOpenAIProtocol:
    def test_models(self, server: EmbeddedServer) -> None:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.token)
        assert tuple(model.id for model in client.models.list()) == server.models

    def test_limit_is_put_in_only_where_there_is_none(self) -> None:
        assert with_limit({"model": LIGHT}) == {"model": LIGHT, "max_tokens": 512}
        assert with_limit({"max_tokens": None, "n_predict": -1}) == {"max_tokens": 512}
        for name in ("max_tokens", "max_completion_tokens", "n_predict"):
            assert with_limit({name: 3}) == {name: 3}

    def test_limit_of_the_client_holds(self, server: EmbeddedServer) -> None:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=server.token)
        ask: Any = [{"role": "user", "content": "Tell me a long story."}]
        short = client.chat.completions.create(model=LIGHT, messages=ask, max_completion_tokens=3)
        assert short.usage is not None
        assert short.usage.completion_tokens == 3
        assert short.choices[0].finish_reason == "length"
        assert short.model == LIGHT

    def test_too_long_a_prompt_is_a_bad_request(self, server: EmbeddedServer) -> None:
        with pytest.raises(openai.BadRequestError, match="context size"):
            embedded_frontier(server, model=LIGHT).invoke("word " * 5000)


class TestClientsThatGo:
    ENDLESS: dict[str, Any] = {  # noqa: RUF012
        "model": LIGHT,
        "messages": [{"role": "user", "content": "Count to a million."}],
        "options": {"num_predict": 4000},
        "max_tokens": 4000,
        # Each protocol has its own way to keep the model from an early end.
        "ignore_eos": True,
        "format": {"type": "array", "items": {"type": "integer"}, "minItems": 900},
    }

    @pytest.mark.parametrize("route", ["/api/chat", "/v1/chat/completions"])
    @pytest.mark.parametrize("stream", [True, False])
    def test_generation_ends(self, server: EmbeddedServer, route: str, stream: bool) -> None:
        raw_chat(server, options={"num_predict": 1})
        body = {**self.ENDLESS, "stream": stream}
        if stream:
            with httpx.stream(
                "POST", server.url + route, json=body, headers=server.headers, timeout=60
            ) as response:
                next(response.iter_lines())
        else:
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(server.url + route, json=body, headers=server.headers, timeout=0.7)
        assert wait_until(lambda: busy_slots(engine_of(server)) == 0, 5)

    @pytest.mark.full
    def test_dead_engine_is_an_error_and_then_starts_anew(self, server: EmbeddedServer) -> None:
        raw_chat(server, options={"num_predict": 1})
        engine = engine_of(server)
        body = {**self.ENDLESS, "stream": True}
        with httpx.stream(
            "POST", f"{server.url}/api/chat", json=body, headers=server.headers, timeout=60
        ) as response:
            lines = response.iter_lines()
            next(lines)
            assert engine._process is not None
            engine._process.kill()
            *_, last = lines
        assert "llama.cpp went away" in json.loads(last)["error"]
        assert raw_chat(server, options={"num_predict": 1}).status_code == 200


class TestLife:
    @pytest.fixture
    def own(self) -> Iterator[EmbeddedServer]:
        server = EmbeddedServer([LIGHT])
        yield server
        server.stop()

    def test_start_and_stop_twice(self, own: EmbeddedServer) -> None:
        assert own.start() is own
        url = own.url
        assert own.start().url == url
        port = int(url.rpartition(":")[2])
        own.stop()
        own.stop()
        assert not own.running
        with pytest.raises(RuntimeError, match="start"):
            _ = own.url
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
        again = httpx.get(f"{own.start().url}/api/version", headers=own.headers)
        assert again.status_code == 200

    def test_stop_ends_requests_and_the_worker(self, own: EmbeddedServer) -> None:
        own.start()
        raw_chat(own, options={"num_predict": 1})
        worker = engine_of(own)._process
        assert worker is not None
        errors: list[BaseException] = []

        def ask() -> None:
            try:
                embedded_small(own, model=LIGHT, num_predict=4000).invoke("Count to a million.")
            except BaseException as error:
                errors.append(error)

        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(lambda: busy_slots(engine_of(own)) == 1)
        began = time.monotonic()
        own.stop()
        thread.join(10)
        assert not thread.is_alive()
        assert time.monotonic() - began < 10
        assert worker.poll() is not None

    async def test_inside_a_running_loop_which_stays_free(self, own: EmbeddedServer) -> None:
        own.start()
        gaps, last, done = [0.0], time.monotonic(), False

        async def tick() -> None:
            nonlocal last
            while not done:
                await asyncio.sleep(0.01)
                now = time.monotonic()
                gaps.append(now - last)
                last = now

        ticker = asyncio.create_task(tick())
        await asyncio.sleep(0.05)
        async with httpx.AsyncClient(timeout=60, headers=own.headers) as client:
            body = {"model": LIGHT, "messages": []}
            assert (await client.post(f"{own.url}/api/chat", json=body)).status_code == 200
        done = True
        await ticker
        # In this process loading would hold the lock nearly all the time; a busy machine, for a part.
        assert sum(gap for gap in gaps if gap > 0.1) < sum(gaps) / 2

    def test_taken_port(self, own: EmbeddedServer) -> None:
        port = int(own.start().url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"):
            EmbeddedServer([LIGHT], port=port).start()

    def test_wrong_names(self) -> None:
        with pytest.raises(ValueError, match="smollm2:135m"):
            EmbeddedServer(["nope"])
        with pytest.raises(ValueError, match="list"):
            EmbeddedServer("smollm2:135m")

    def test_short_memory(self) -> None:
        path = ensure_weights(LIGHT)
        engine = Engine(embedded_model(LIGHT), path, available=lambda: 12)
        with pytest.raises(EngineError, match="12 MB are free"):
            engine.start()

    def test_file_that_is_no_model(self, tmp_path: Path) -> None:
        path = tmp_path / "x.gguf"
        path.write_bytes(b"GGUF nonsense")
        with pytest.raises(EngineError, match="could not load"):
            Engine(embedded_model(LIGHT), path).start()

    @pytest.mark.full
    def test_shared_is_one_and_a_program_ends_in_silence(self) -> None:
        program = f"""
import threading
from concurrent.futures import ThreadPoolExecutor
from lc_asym_router.embedded import EmbeddedServer, embedded_small
EmbeddedServer.__init__.__kwdefaults__["progress"] = False
EmbeddedServer.__init__.__defaults__ = (["{LIGHT}"],)
with ThreadPoolExecutor(4) as threads:
    servers = list(threads.map(lambda _: EmbeddedServer.shared(), range(4)))
assert len(set(map(id, servers))) == 1
model = embedded_small(model="{LIGHT}", num_predict=4000)
assert str(model.base_url) == servers[0].url
stream = model.stream("Count to a million.")
next(stream)
worker = servers[0]._pool._engines["{LIGHT}"]._process
print(worker.pid)
"""
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
        )  # 4,000 tokens would take longer
        assert (done.returncode, done.stderr) == (0, "")
        assert wait_until(lambda: not Path(f"/proc/{int(done.stdout)}/cmdline").exists())

    def test_killed_program_leaves_no_worker(self) -> None:
        program = f"""
import os, signal
from lc_asym_router.embedded import EmbeddedServer, embedded_small
server = EmbeddedServer(["{LIGHT}"], progress=False).start()
embedded_small(server, model="{LIGHT}", num_predict=1).invoke("hi")
print(server._pool._engines["{LIGHT}"]._process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
        )
        assert wait_until(lambda: not Path(f"/proc/{int(done.stdout)}/cmdline").exists())

    def test_import_is_light(self) -> None:
        program = """
import sys
import lc_asym_router.embedded as embedded
embedded.WeightsError, embedded.EMBEDDED_MODELS, dir(embedded)
heavy = {"xllamacpp", "starlette", "uvicorn", "httpx", "langchain_ollama", "langchain_openai"}
found = {"langchain_ollama", "langchain_openai", "xllamacpp", "starlette", "uvicorn"}
print(sorted(found & set(sys.modules)))
"""
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"

    def test_missing_library_says_how_to_install_it(self) -> None:
        program = """
import sys
sys.modules["uvicorn"] = None
try:
    from lc_asym_router.embedded import EmbeddedServer
except ImportError as error:
    print(error)
"""
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert 'pip install "lc-asym-router[embedded]"' in done.stdout


class TestTheRealPair:
    def test_small(self, server: EmbeddedServer) -> None:
        answer = embedded_small(server).invoke(CAPITAL)
        assert "Paris" in answer.text
        called = embedded_small(server).bind_tools([TOOL]).invoke("What is the weather in Paris?")
        assert [call["args"] for call in called.tool_calls] == [{"city": "Paris"}]

    @pytest.mark.full
    def test_frontier(self, server: EmbeddedServer) -> None:
        model = embedded_frontier(server)
        assert isinstance(model, ChatOpenAI)
        answer = model.invoke(CAPITAL)
        assert "Paris" in answer.text
        assert answer.response_metadata["model_name"] == "qwen2.5-coder:1.5b"

    @pytest.mark.full
    @pytest.mark.parametrize("stream", [False, True])
    def test_frontier_calls_tools(self, server: EmbeddedServer, stream: bool) -> None:
        model = embedded_frontier(server, streaming=stream).bind_tools([TOOL])
        called = model.invoke("What is the weather in Paris?")
        assert [call["args"] for call in called.tool_calls] == [{"city": "Paris"}]  # type: ignore[attr-defined]
        assert called.usage_metadata["output_tokens"] > 0  # type: ignore[attr-defined]
        assert called.response_metadata["finish_reason"] == "tool_calls"
