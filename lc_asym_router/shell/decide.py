"""`lc-asym-router decide` and `explain`: print the decision alone, or with what contributed to it."""

from __future__ import annotations

import argparse
from typing import Any

from lc_asym_router.records.record import decision_line
from lc_asym_router.shell import options as routing
from lc_asym_router.shell.options import ANSWERED, printable, printable_json


def add_to(commands: Any) -> None:
    """Add both commands to the parser."""
    parser = commands.add_parser(
        "decide",
        help="show which tier a request would go to, without calling one",
        description="Prints the decision. No tier answers; a judge is asked where it classifies.",
    )
    routing.add_options(parser)
    parser.set_defaults(run=run)
    parser = commands.add_parser(
        "explain",
        help="show why a request would go there: the words and features that moved it",
        description=(
            "Prints the decision and what contributed to it. No tier answers; a judge is asked where "
            "it classifies."
        ),
    )
    routing.add_options(parser)
    parser.set_defaults(run=explain)


def run(options: argparse.Namespace) -> int:
    """Decide which tier the request would go to."""
    asked = routing.prompt(options)
    router = routing.build(options)
    decision = router.decide(asked, routing.configurable(options)).to_dict()  # type: ignore[arg-type]
    if options.json:
        print(printable_json({**decision, "tiers": routing.tiers(router)}))
    else:
        print(printable(decision_line(decision)))
    return ANSWERED


def explain(options: argparse.Namespace) -> int:
    """Explain which tier the request would go to."""
    asked = routing.prompt(options)
    router = routing.build(options)
    found = router.explain(asked, routing.configurable(options))  # type: ignore[arg-type]
    if options.json:
        parts = [{"name": part.name, "moved": part.moved} for part in found.parts]
        levels = [{"text": level.text, "probability": level.probability} for level in found.levels]
        print(
            printable_json(
                {
                    **found.decision.to_dict(),
                    "parts": parts,
                    "levels": levels,
                    "refusals": found.refusals,
                    "tiers": routing.tiers(router),
                }
            )
        )
    else:
        print(printable(repr(found)))
    return ANSWERED
