"""`make bench`, second part: cost of a chunk, time to first token, tokens that early ends save."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import AsymRouter
from tests.servers import OllamaServer, OpenAIServer, Reply

ROUNDS = 60
CHUNKS = 2_000
WORD_SECONDS = 0.005
"""How long the scripted small model takes for a word: about 200 tokens/s."""


def first_sync(model: Any) -> float:
    started = time.perf_counter()
    for chunk in model.stream("Please debug this."):
        if chunk.text:
            break
    return time.perf_counter() - started


async def first_async(model: Any) -> float:
    started = time.perf_counter()
    stream = model.astream("Please debug this.")
    async for chunk in stream:
        if chunk.text:
            break
    spent = time.perf_counter() - started
    await stream.aclose()
    return spent


class Words(GenericFakeChatModel):
    """A model that answers at once, in so many chunks, sync and async alike."""

    messages: Any = None

    def _stream(self, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for _ in range(CHUNKS):
            yield ChatGenerationChunk(message=AIMessageChunk("word "))

    async def _astream(self, *_: Any, **__: Any) -> AsyncIterator[ChatGenerationChunk]:
        for _ in range(CHUNKS):
            yield ChatGenerationChunk(message=AIMessageChunk("word "))


async def read(model: Any) -> None:
    async for _ in model.astream("Please debug this."):
        pass


def cost_of_a_chunk() -> None:
    """Processor time, as the stream waits for nothing."""
    models = {"bare": Words(), "router": AsymRouter(small=Words(), frontier=Words(), verify="form")}
    sync: dict[str, list[float]] = {name: [] for name in models}
    twins: dict[str, list[float]] = {name: [] for name in models}
    gc.collect()
    gc.freeze()  # a search through all modules would fall on whichever stream is just read
    with asyncio.Runner() as loop:
        for _ in range(ROUNDS // 10):
            for name, model in models.items():
                started = time.process_time()
                for _ in model.stream("Please debug this."):
                    pass
                between = time.process_time()
                loop.run(read(model))
                sync[name].append(between - started)
                twins[name].append(time.process_time() - between)
    print(f"\nprocessor time of a chunk, frontier route ({CHUNKS} chunks)")
    for title, times in (("sync", sync), ("async", twins)):
        bare, routed = (statistics.median(times[name][1:]) for name in ("bare", "router"))
        print(
            f"  {title:8}bare {bare / CHUNKS * 1e6:.0f} us, router {routed / CHUNKS * 1e6:.0f} us, "
            f"ratio {routed / bare:.2f}"
        )


def time_to_first_token() -> None:
    answer = "word " * 20
    with OpenAIServer(default=Reply(answer, delay=0.05, chunk_delay=0.002)) as server:
        frontier = ChatOpenAI(model="large", base_url=server.base_url, api_key="none")
        small = ChatOllama(model="small", base_url="http://127.0.0.1:9")
        router = AsymRouter(small=small, frontier=frontier, verify="form")
        sync: dict[str, list[float]] = {"bare": [], "router": []}
        twins: dict[str, list[float]] = {"bare": [], "router": []}
        with asyncio.Runner() as loop:
            for _ in range(ROUNDS):
                for name, model in (("bare", frontier), ("router", router)):
                    sync[name].append(first_sync(model))
                    twins[name].append(loop.run(first_async(model)))
    print("\ntime to first token, frontier route (the server waits 50 ms)")
    for title, times in (("sync", sync), ("async", twins)):
        bare, routed = (statistics.median(times[name][1:]) for name in ("bare", "router"))
        print(
            f"  {title:8}bare {bare * 1e3:.1f} ms, router {routed * 1e3:.1f} ms, "
            f"ratio {routed / bare:.2f}"
        )


def tokens_not_generated() -> None:
    cases = {
        "a refusal that explains itself": "I'm sorry, but I can't help with that. " + "Why. " * 200,
        "a loop": "It is so. " + "I say it over and over again. " * 40,
        "a good answer": "Paris is the capital of France, on the Seine.",
    }
    print("\ntokens of the small model (one a word), with and without early ends")
    with OllamaServer() as server, OpenAIServer() as other:
        frontier = ChatOpenAI(model="large", base_url=other.base_url, api_key="none")
        router = AsymRouter(
            small=ChatOllama(model="small", base_url=server.url), frontier=frontier, verify="form"
        )
        for name, text in cases.items():
            server.reset()
            server.script(Reply(text, chunk_delay=WORD_SECONDS))
            router.invoke("hi")
            server.wait_idle()
            (sent,) = server.requests
            whole = len(text.split())
            saved = max(0, whole - sent.chunks_sent)
            made = min(sent.chunks_sent, whole)
            print(f"  {name:34}whole {whole:4}, generated {made:4}, saved {saved:4}")


def main() -> None:
    cost_of_a_chunk()
    time_to_first_token()
    tokens_not_generated()


if __name__ == "__main__":
    main()
