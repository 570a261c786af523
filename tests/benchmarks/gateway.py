"""`make bench-gateway`: requests a second through the gateway, beside the same upstream without it.

One run, one upstream, one process each: direct; the gateway's frontier route; its checked route (small
tier, verify="form"); a bare Starlette proxy that calls the same upstream through ChatOpenAI; and
LiteLLM's proxy where it is installed. The bars are on the ratio to the bare proxy; of LiteLLM's
proxy the ratio is printed. Processor time is the serving process's, and says on a busy machine what
requests a second say on a quiet one.

`--memory 50000` asks the gateway (with a ledger) so many requests, and prints its memory as it grows.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import contextlib
import json
import os
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AT_ONCE = (1, 16, 64)
BARS = {"frontier": 0.7, "checked": 0.5}
"""The least throughput of a route, as a share of the bare proxy's."""
KEY = f"sk-{secrets.token_hex(32)}"
"""LiteLLM's proxy does not start without a key; the others take any."""
FIRST_TOKEN = 1.1
"""The most time to the first token on the frontier route, as a multiple of a direct call's."""
FLAT = 100
"""Bytes a request, in the second half of many, under which memory is flat."""
TEXT = "a short answer of some ten words for every request"
BODY = {"messages": [{"role": "user", "content": "What is the capital of France?"}]}


# the servers ---------------------------------------------------------------------------------


def bare(upstream: str) -> Any:
    """A proxy that does nothing but call the upstream through ChatOpenAI."""
    from langchain_core.messages import convert_to_messages
    from langchain_openai import ChatOpenAI
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response, StreamingResponse
    from starlette.routing import Route

    model = ChatOpenAI(model="frontier-model", base_url=upstream, api_key="none", max_retries=0)

    async def events(messages: Any) -> AsyncIterator[bytes]:
        async for chunk in model.astream(messages):
            delta = {"index": 0, "delta": {"content": chunk.text}, "finish_reason": None}
            event = {"id": "x", "object": "chat.completion.chunk", "choices": [delta]}
            yield b"data: " + json.dumps(event).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"

    async def ask(request: Request) -> Response:
        body = await request.json()
        messages = convert_to_messages(body["messages"])
        if body.get("stream"):
            return StreamingResponse(events(messages), media_type="text/event-stream")
        answer = await model.ainvoke(messages)
        choice = {"index": 0, "message": {"role": "assistant", "content": answer.text}}
        return JSONResponse({"id": "x", "object": "chat.completion", "choices": [choice]})

    return Starlette(routes=[Route("/v1/chat/completions", ask, methods=["POST"])])


def gateway(upstream: str, database: str | None = None) -> Any:
    """The gateway, with both tiers on the same upstream, and a ledger where there is a database."""
    from langchain_openai import ChatOpenAI

    from lc_asym_router import AsymRouter, Ledger, Price, Tier
    from lc_asym_router.gateway import gateway_app

    def tier(name: str) -> Tier:
        model = ChatOpenAI(model=f"{name}-model", base_url=upstream, api_key="none", max_retries=0)
        return Tier(model, name, price=Price(1, 2))

    router = AsymRouter(tiers=[tier("small"), tier("frontier")], verify="form")
    return gateway_app(router, ledger=Ledger(database) if database else None)


def recorded(upstream: str) -> Any:
    """The gateway with a ledger, whose file goes with the process."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return gateway(upstream, f"{folder.name}/ledger.sqlite3")


def serve(which: str, upstream: str, port: int) -> None:
    """Serve one of them in this process."""
    import uvicorn

    made = {"bare": bare, "gateway": gateway, "recorded": recorded}[which](upstream)
    uvicorn.run(made, port=port, log_level="warning", access_log=False)


# the clients ---------------------------------------------------------------------------------


async def asked(port: int, body: bytes, until: float, first: list[float]) -> int:
    """Ask over one connection until a time; count the answers. A client that costs little."""
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    try:
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(head + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in answer[:20], answer
            length = re.search(rb"content-length: (\d+)", answer, re.IGNORECASE)
            if length:
                await reader.readexactly(int(length[1]))
                first.append(time.perf_counter() - began)
            else:
                spoken = False
                while size := int((await reader.readline()).strip(), 16):
                    piece = await reader.readexactly(size + 2)
                    if not spoken and b'"content":"a' in piece.replace(b" ", b""):
                        spoken = True
                        first.append(time.perf_counter() - began)
                await reader.readline()
            answered += 1
    finally:
        writer.close()
    return answered


async def throughput(port: int, model: str, stream: bool, clients: int, seconds: float) -> Any:
    """Requests a second, and the median time to the first token in seconds."""
    body = json.dumps({"model": model, **BODY, "stream": stream}).encode()
    first: list[float] = []
    began = time.perf_counter()
    until = began + seconds
    counts = await asyncio.gather(*(asked(port, body, until, first) for _ in range(clients)))
    took = time.perf_counter() - began  # what had begun in time is finished, and counted
    return sum(counts) / took, statistics.median(first or [float("nan")])


# the run -------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextlib.contextmanager
def process(*command: str, silent: bool = True) -> Iterator[subprocess.Popen[str]]:
    """A process; where it is not silent, somebody is to read what it prints."""
    stdout = subprocess.DEVNULL if silent else subprocess.PIPE
    started = subprocess.Popen(command, stdout=stdout, text=True)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(20)


@contextlib.contextmanager
def upstream(delay: float) -> Iterator[str]:
    arguments = ["--kind", "openai", "--text", TEXT, "--delay", str(delay)]
    with process(sys.executable, "-m", "tests.servers", *arguments, silent=False) as server:
        assert server.stdout is not None
        yield f"{server.stdout.readline().strip()}/v1"


@dataclass(frozen=True)
class Serving:
    """A server: its port, and its process's id (0 for the upstream)."""

    port: int
    pid: int = 0

    @property
    def cpu(self) -> float:
        """Processor seconds that it has taken so far."""
        if not self.pid:
            return 0.0
        values = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(values[11]) + int(values[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def resident(self) -> int:
        """Bytes that it has in memory."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def served(which: str, url: str) -> Iterator[Serving]:
    port = free_port()
    with process(
        sys.executable, "-m", "tests.benchmarks.gateway", "--serve", which, url, str(port)
    ) as server:
        up(port)
        yield Serving(port, server.pid)


LITELLM = Path(sys.prefix) / "litellm/bin/litellm"
"""Where `make bench-gateway` installs LiteLLM's proxy."""


@contextlib.contextmanager
def litellm(url: str) -> Iterator[Serving]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        model = {"model": "openai/frontier-model", "api_base": url, "api_key": "none"}
        # JSON is YAML.
        models = [{"model_name": "frontier", "litellm_params": model}]
        config.write_text(json.dumps({"model_list": models}))
        logs = Path(folder) / "logs.json"  # no line a request, as the other servers write none
        quiet = {"uvicorn.access": {"level": "WARNING"}}
        logs.write_text(
            json.dumps({"version": 1, "disable_existing_loggers": False, "loggers": quiet})
        )
        settings = ("env", "LITELLM_LOCAL_MODEL_COST_MAP=True", f"LITELLM_MASTER_KEY={KEY}")
        command = (
            str(LITELLM),
            "--config",
            str(config),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--log_config",
            str(logs),
        )
        with process(*settings, *command) as server:
            up(port)
            yield Serving(port, server.pid)


def up(port: int, seconds: float = 120.0) -> None:
    """Wait until a port is listened on."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nobody listens on port {port}")


def measured(delay: float, seconds: float, at_once: tuple[int, ...]) -> bool:
    """Print one upstream's table; whether the bars hold."""
    held = True
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(upstream(delay))
        servers = {"direct": Serving(int(url.rsplit(":", 1)[1].partition("/")[0]))}
        servers["bare"] = stack.enter_context(served("bare", url))
        servers["frontier"] = servers["checked"] = stack.enter_context(served("gateway", url))
        if LITELLM.exists():
            servers["litellm"] = stack.enter_context(litellm(url))
        else:
            print("LiteLLM's proxy is not beside them: it is not installed (make .venv/.litellm).")
        models = {"checked": "small"}
        print(f"\nan upstream that waits {delay * 1e3:.0f} ms: requests/s (ms to the first token)")
        print("  at once  " + "".join(f"{name:>20}" for name in servers))
        for stream in (False, True):
            for clients in at_once:
                found, cpu = {}, {}
                for name, server in servers.items():
                    call = (server.port, models.get(name, "frontier"), stream, clients)
                    asyncio.run(throughput(*call, seconds / 4))  # warm
                    before, began = server.cpu, time.perf_counter()
                    found[name] = asyncio.run(throughput(*call, seconds))
                    made = found[name][0] * (time.perf_counter() - began)
                    cpu[name] = (server.cpu - before) / made
                cells = [f"{rate:.0f} ({first * 1e3:.1f})" for rate, first in found.values()]
                kind = "stream" if stream else "whole "
                print(f"  {clients:2} {kind}" + "".join(f"{cell:>20}" for cell in cells))
                shares = {name: found[name][0] / found["bare"][0] for name in BARS}
                for name, share in shares.items():
                    held &= share >= BARS[name]
                listed = ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
                print(f"             of the bare proxy's: {listed}")
                spent = [f"{name} {cpu['bare'] / max(cpu[name], 1e-9):.2f}" for name in BARS]
                print(f"             by processor time: {', '.join(spent)}", flush=True)
                if stream and clients == 1 and delay:
                    late = found["frontier"][1] / found["direct"][1]
                    print(f"             first token: {late:.2f} of direct's", flush=True)
                    held &= late <= FIRST_TOKEN
                if "litellm" in found:
                    ratios = [f"{name} {found[name][0] / found['litellm'][0]:.1f}" for name in BARS]
                    print(f"             times LiteLLM's: {', '.join(ratios)}", flush=True)
                    held &= all(found[name][0] > found["litellm"][0] for name in BARS)
    return held


def remember(requests: int, seconds: float) -> bool:
    """Print a gateway's memory by each tenth of so many requests; whether it stays flat."""
    found: list[tuple[int, int]] = []
    with upstream(0.0) as url, served("recorded", url) as server:
        made, models = 0, ("frontier", "small")
        while made < requests:
            for model in models:
                for stream in (False, True):
                    began = time.perf_counter()
                    rate, _ = asyncio.run(throughput(server.port, model, stream, 16, seconds))
                    made += round(rate * (time.perf_counter() - began))
            if made >= len(found) * requests / 10:
                found.append((made, server.resident))
                print(f"  {made:7} requests: {server.resident / 2**20:.1f} MiB", flush=True)
    (first, before), (last, after) = found[len(found) // 2], found[-1]
    grown = (after - before) / max(1, last - first)
    print(f"the second half: {grown:.0f} bytes a request")
    return grown < FLAT


def main() -> None:
    """Measure, and fail where a bar is missed."""
    parser = argparse.ArgumentParser(prog="make bench-gateway", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each cell")
    parser.add_argument("--delays", type=float, nargs="+", default=[0.0, 0.05])
    parser.add_argument("--at-once", type=int, nargs="+", default=list(AT_ONCE))
    parser.add_argument("--serve", nargs=3, metavar=("WHICH", "URL", "PORT"))
    parser.add_argument("--memory", type=int, metavar="REQUESTS", help="look at memory alone")
    options = parser.parse_args()
    if options.serve:
        which, url, port = options.serve
        serve(which, url, int(port))
        return
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if options.memory:
        sys.exit(not remember(options.memory, options.seconds))
    held = [measured(each, options.seconds, tuple(options.at_once)) for each in options.delays]
    print(f"\nbars {BARS}, first token {FIRST_TOKEN}: {'kept' if all(held) else 'missed'}")
    sys.exit(not all(held))


if __name__ == "__main__":
    main()
