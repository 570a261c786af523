"""`make bench-memory`: what a router keeps in memory over many requests.

A router on models that answer at once, with a ledger and a budget in SQLite files, budgets in memory
and the breaker, gets requests whose threads, tags and texts do not repeat. Every tenth of the requests
a row tells the process's memory and the number of objects that the garbage collector follows.
"""

from __future__ import annotations

import argparse
import gc
import logging
import resource
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from langchain_core.runnables import RunnableConfig

from lc_asym_router import AsymRouter, Budget, BudgetStore, Ledger, PerCall, Tier
from tests.benchmarks.overhead import fake


@dataclass(frozen=True)
class Kept:
    """What is in memory.

    Attributes:
        requests: Requests so far.
        megabytes: Resident memory of the process.
        objects: Objects that the garbage collector follows, by the name of their type.
    """

    requests: int
    megabytes: float
    objects: Counter[str]


def resident() -> float:
    """The process's resident memory, in MB; where the system does not tell it, the most so far."""
    status = Path("/proc/self/status")
    if status.exists():
        (found,) = (line for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
        return int(found.split()[1]) / 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


def kept(requests: int) -> Kept:
    """What is in memory now."""
    gc.collect()
    return Kept(requests, resident(), Counter(type(each).__name__ for each in gc.get_objects()))


class Asked:
    """A router with all that might grow, and its requests.

    Args:
        folder: Where its files are.
        sums: The most sums of threads and tags that the budget in memory knows.
    """

    def __init__(self, folder: Path, sums: int) -> None:
        self.ledger = Ledger(folder / "ledger.sqlite3", flush_seconds=1)
        self.shared = BudgetStore(folder / "budgets.sqlite3")
        self.router = AsymRouter(
            small=Tier(fake(), price=PerCall(0.001)),
            frontier=Tier(fake(), price=PerCall(0.01)),
            verify="form",
            callbacks=[self.ledger],
            budgets=[
                Budget(usd=1e6, max_output_tokens=100, per="day", store=self.shared),
                Budget(
                    usd=1e6, max_output_tokens=100, per="thread", store=BudgetStore(max_keys=sums)
                ),
                Budget(
                    usd=1e6,
                    max_output_tokens=100,
                    per="tag",
                    every="hour",
                    store=BudgetStore(max_keys=sums),
                ),
            ],
        )
        self.number = 0

    def ask(self, requests: int) -> None:
        """Make requests whose threads, tags and texts are new."""
        for _ in range(requests):
            self.number += 1
            config: RunnableConfig = {
                "configurable": {"thread_id": f"thread {self.number}"},
                "tags": [f"user:{self.number}"],
            }
            self.router.invoke(f"What is {self.number} and one?", config)
        self.ledger.flush()

    def close(self) -> None:
        """Close the files."""
        self.ledger.close()
        self.shared.close()


def printed(asked: Asked) -> Kept:
    """What is in memory now, as a row of the table."""
    now = kept(asked.number)
    print(f"{now.requests:>10}{now.megabytes:>10.1f}{now.objects.total():>12}", flush=True)
    return now


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--sums", type=int, default=5_000, help="max_keys of budgets in memory")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    print(f"{'requests':>10}{'MB':>10}{'objects':>12}")
    with tempfile.TemporaryDirectory() as folder:
        asked = Asked(Path(folder), given.sums)
        asked.ask(min(1_000, given.requests // 10))
        rows = [printed(asked)]
        for _ in range(10):
            asked.ask(given.requests // 10)
            rows.append(printed(asked))
        asked.close()
    # By then what is bounded has its size.
    grown = Counter(rows[-1].objects)
    grown.subtract(rows[2].objects)
    print("\nobjects more than after a fifth of the requests, by type")
    for name, more in grown.most_common(10):
        print(f"  {name:30}{more:>10}")


if __name__ == "__main__":
    main()
