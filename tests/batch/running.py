"""A process that runs a batch, to be killed by its test.

python -m tests.batch.running SMALL_URL FRONTIER_URL ROWS OUT
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

from lc_asym_router import AsymRouter, Tier
from lc_asym_router.batch import run
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model

CONCURRENCY = 8


def main() -> None:
    """Ask the rows that are open."""
    small, frontier, rows, out = sys.argv[1:]
    router = AsymRouter(
        small=Tier(small_model(_at(small)), price=SMALL_PRICE),
        frontier=Tier(frontier_model(_at(frontier)), price=FRONTIER_PRICE),
        verify="form",
    )
    print("begins", flush=True)
    asked = ({"n": n, "text": f"row {n}"} for n in range(int(rows)))
    run(router, asked, out=out, concurrency=CONCURRENCY)


def _at(url: str) -> Any:
    return SimpleNamespace(url=url, base_url=f"{url}/v1")


if __name__ == "__main__":
    main()
