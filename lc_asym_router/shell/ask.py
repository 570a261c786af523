"""`lc-asym-router ask`: answer a request."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from lc_asym_router.records.record import record_lines
from lc_asym_router.shell import options as routing
from lc_asym_router.shell import splitting
from lc_asym_router.shell.options import ANSWERED, printable, printable_json


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "ask",
        help="answer a request",
        description="Prints the answer, and on standard error one line a step.",
    )
    routing.add_options(parser)
    parser.add_argument("--no-verify", action="store_true", help="do not check small answers")
    splitting.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Answer the request."""
    asked = routing.prompt(options)
    router = routing.build(options)
    tiers = routing.tiers(router)
    if not options.json:
        for name, model in tiers.items():
            print(printable(f"{name}: {model}"), file=sys.stderr)
    asking = splitting.model(options, router)
    answer = asking.invoke(asked, routing.configurable(options))  # type: ignore[arg-type]
    record = answer.response_metadata["router"]
    if options.json:
        print(printable_json({"answer": answer.text, **record, "tiers": tiers}))
        return ANSWERED
    print(printable(answer.text), flush=True)
    for line in splitting.lines(options, record) or record_lines(record):
        print(printable(line), file=sys.stderr)
    return ANSWERED
