"""`lc-asym-router record`: ask every tier your own questions, and write the rows for `calibrate`."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from lc_asym_router.shell import options as routing
from lc_asym_router.shell.options import ANSWERED, NO_ANSWER, add_data, printable


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "record",
        help="ask every tier your own questions, for calibrate and train",
        description=(
            "Asks every tier every question, unchecked, grades the answers by the rows' 'gold', and "
            "writes the rows that calibrate and train take. An interrupted run is taken up again."
        ),
    )
    add_data(parser)
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="where to write the rows (JSONL)"
    )
    parser.add_argument("--concurrency", type=int, default=8, metavar="N", help="requests at once")
    routing.add_models(parser)
    parser.set_defaults(run=run, classify=None)


def run(options: argparse.Namespace) -> int:
    """Record the answers."""
    from lc_asym_router.errors import ConfigurationError
    from lc_asym_router.evals.data import load, save
    from lc_asym_router.evals.example import same_final_answer
    from lc_asym_router.evals.live_evaluation import record_tiers

    if os.path.isdir(options.out):  # before any tier is asked and paid
        raise ConfigurationError(
            f"--out {options.out}: it is a folder; give a file, such as rows.jsonl."
        )
    if options.out.endswith((".csv", ".parquet")):
        raise ConfigurationError(
            f"--out {options.out}: rows are written as JSON lines; give a file that ends in .jsonl."
        )
    questions = load(*options.data, scored=False)
    router = routing.build(options)
    for name, model in routing.tiers(router).items():
        print(printable(f"{name}: {model}"), file=sys.stderr)
    rows = record_tiers(
        router,
        questions,
        same_final_answer,
        out=f"{options.out}.journal",
        concurrency=options.concurrency,
    )
    save(rows, options.out)
    missing = len(questions) - len(rows)
    print(f"{len(rows)} rows in {printable(options.out)}")
    if missing:
        print(
            f"{missing} of {len(questions)} questions are left out, since a tier did not answer: run "
            "it again to ask them anew.",
            file=sys.stderr,
        )
    return ANSWERED if rows else NO_ANSWER
