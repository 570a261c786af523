"""`lc-asym-router train`: from rows to the learned classifier's weights."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from lc_asym_router.shell.exits import ANSWERED


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train the learned classifier on recorded scores",
        description=(
            "Trains the classifier on rows of both models' scores, measures it with every source "
            "left out in turn, and writes the weights and a card beside them. No model is asked."
        ),
    )
    parser.add_argument(
        "--data",
        nargs="+",
        required=True,
        metavar="PATH",
        help="files of rows (.jsonl, .jsonl.gz), or folders of such files",
    )
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="where to write it, such as my.model"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train on the rows."""
    from pathlib import Path

    from lc_asym_router.errors import ConfigurationError
    from lc_asym_router.evals.data import load
    from lc_asym_router.evals.train import train
    from lc_asym_router.evals.train_card import card, provenance, table

    out = Path(options.out)
    if out.suffix == ".md" or not out.name or out.is_dir() or not out.absolute().parent.is_dir():
        raise ConfigurationError(
            f"--out {options.out!r}: give a file in a folder that is there, such as my.model; the "
            "card goes beside it as .md."
        )
    rows = load(*options.data)
    trained = train(rows, tell=lambda line: print(line, file=sys.stderr))
    command = f"lc-asym-router train --data {' '.join(options.data)} --out {options.out}"
    trained.save(out, card(trained, provenance(options.data, rows), command))
    print(json.dumps(trained.to_dict()) if options.json else "\n".join(table(trained)))
    return ANSWERED
