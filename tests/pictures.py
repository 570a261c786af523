"""`make pictures`: the docs' graph and timeline, of a real request to the embedded pair.

The stand-in for the frontier is priced as GPT-4o is, and the small model by the electricity that it
takes, so that the pictures show a bill.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lc_asym_router import Agreement, AsymRouter, Power, Price, Tier, default_checks
from lc_asym_router.embedded.server import embedded_frontier, embedded_small
from lc_asym_router.notebook import Record, save

QUESTION = "What is 17 times 23?"
"""The embedded small model gets it wrong, and further samples of it say so."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where to write graph.svg and timeline.svg")
    folder = parser.parse_args().folder
    router = AsymRouter(
        small=Tier(embedded_small(seed=1), price=Power(watts=150, usd_per_kwh=0.30)),
        frontier=Tier(embedded_frontier(), price=Price(2.50, 10.00)),
        verify=default_checks() & Agreement(2, agree=2),
    )
    for warming in ("small", "frontier"):  # what a model takes to start is not the picture's matter
        router.invoke("Say hello.", {"configurable": {"tier": warming, "verify": False}})
    save(router, folder / "graph.svg")
    record = Record.of(router.invoke(QUESTION))
    save(record, folder / "timeline.svg")
    print(record)


if __name__ == "__main__":
    main()
