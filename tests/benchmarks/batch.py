"""`make bench-batch`: batch.run against router.batch with 32 threads, and the memory of many rows.

Prints one JSON object. Bars: at least 1.0 x the rate of `router.batch`, the same memory for 200,000
rows as for 2,000, and with `--ray` at least the rate of one process on two cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router import AsymRouter, RouterSpec, Tier, TierSpec
from lc_asym_router.batch import ray as batch_ray
from lc_asym_router.batch import run
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer

THREADS = 32


class Answering:
    """Answers without any model: what is left is the batch's own memory."""

    def __repr__(self) -> str:
        return "Answering()"

    def invoke(self, asked: Any, config: Any) -> AIMessage:
        """Answer at once."""
        return AIMessage("an answer", response_metadata={"router": {"tier": "small"}})


def rate(router: AsymRouter, rows: int, rounds: int) -> dict[str, float]:
    """Rows a second of both, in turns; the median of the rounds' rates, and of their ratios."""
    asked = [f"What is {n} and 1?" for n in range(rows)]
    router.batch(asked[:100], {"max_concurrency": THREADS})

    def with_batch() -> None:
        router.batch(asked, {"max_concurrency": THREADS})

    def with_run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            run(router, asked, out=Path(folder) / "out.jsonl", progress=False)

    found: list[tuple[float, float]] = []
    for number in range(rounds):
        # Whoever comes second finds a larger process: each is first in turn.
        ways = (with_batch, with_run) if number % 2 == 0 else (with_run, with_batch)
        rates = {}
        for way in ways:
            began = time.perf_counter()
            way()
            rates[way] = rows / (time.perf_counter() - began)
        found.append((rates[with_batch], rates[with_run]))
    return {
        "router_batch": statistics.median(plain for plain, _ in found),
        "batch_run": statistics.median(journaled for _, journaled in found),
        "ratio": statistics.median(journaled / plain for plain, journaled in found),
    }


def on_ray(small: OllamaServer, rows: int, folder: Path) -> float:
    """Rows a second of two actors once they are started: of the second half of twice as many rows."""
    import ray  # of the extra `ray`

    spec = RouterSpec(
        tiers=tuple(
            TierSpec(f"ollama:{name}-model", settings={"base_url": small.url})
            for name in ("small", "frontier")
        ),
        verify="form",
    )
    seconds = []
    for count in (rows, 2 * rows):
        data = ray.data.from_items([{"text": f"What is {n} and 1?"} for n in range(count)])
        began = time.perf_counter()
        answered = batch_ray(spec, data, actors=2, journal=folder / str(count)).take_all()
        seconds.append(time.perf_counter() - began)
        assert len(answered) == count
    return rows / (seconds[1] - seconds[0])


def memory(rows: int) -> int:
    """The most bytes that a batch of so many rows holds at a time."""

    def asked() -> Iterator[str]:
        for n in range(rows):
            yield f"What is {n} and 1?"

    with tempfile.TemporaryDirectory() as folder:
        tracemalloc.start()
        router: Any = Answering()
        run(router, asked(), out=Path(folder) / "out.jsonl", concurrency=4, progress=False)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--many", type=int, default=200_000)
    parser.add_argument("--ray", action="store_true", help="measure Ray too (the extra `ray`)")
    options = parser.parse_args()
    with OllamaServer(default="an answer", keep=0) as small, OpenAIServer(keep=0) as frontier:
        router = AsymRouter(
            small=Tier(small_model(small), price=SMALL_PRICE),
            frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE),
            verify="form",
        )
        found: dict[str, Any] = {"rows_per_second": rate(router, options.rows, options.rounds)}
        if options.ray:
            with tempfile.TemporaryDirectory() as folder:
                rows_a_second = on_ray(small, options.rows, Path(folder))
            ratio = rows_a_second / found["rows_per_second"]["batch_run"]
            found["ray_2_actors"] = {"rows_per_second": rows_a_second, "ratio": ratio}
    found["most_bytes"] = {str(n): memory(n) for n in (options.rows, options.many)}
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
