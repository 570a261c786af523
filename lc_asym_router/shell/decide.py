"""`lc-asym-router decide`: print the decision alone."""

from __future__ import annotations

import argparse
from typing import Any

from lc_asym_router.records.record import decision_line
from lc_asym_router.shell import options as routing
from lc_asym_router.shell.options import ANSWERED, printable, printable_json


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "decide",
        help="show which tier a request would go to, without calling one",
        description="Prints the decision. No tier answers; a judge is asked where it classifies.",
    )
    routing.add_options(parser)
    parser.set_defaults(run=run)


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
