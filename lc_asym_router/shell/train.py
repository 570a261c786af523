"""`lc-asym-router train`: train the weights of the learned classifier or verifier on rows."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lc_asym_router.shell.options import ANSWERED, add_data

if TYPE_CHECKING:
    from lc_asym_router.evals.data import Row


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "train",
        help="train the learned classifier or verifier on recorded answers",
        description=(
            "Trains the classifier on rows of both models' scores, the verifier (--what verifier) on "
            "rows that hold the small model's answers too, or the embedding classifier (--what "
            "embedding) on rows of known kinds (query, source, side) alone, measures it with every "
            "source left out in turn, and writes the weights and a card beside them. No model is asked."
        ),
    )
    add_data(parser)
    parser.add_argument(
        "--out", required=True, metavar="FILE", help="where to write it, such as my.json"
    )
    parser.add_argument(
        "--what",
        choices=("classifier", "verifier", "embedding"),
        default="classifier",
        help="what to train",
    )
    parser.add_argument(
        "--kinds",
        nargs="+",
        metavar="PATH",
        help="rows of known kinds (query, source, side): the classifier tells kinds of work too",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train on the rows."""
    from pathlib import Path

    from lc_asym_router.errors import ConfigurationError
    from lc_asym_router.evals.data import by_source, load
    from lc_asym_router.evals.kind_metrics import load_kinds
    from lc_asym_router.evals.training.cards import (
        classifier_card,
        classifier_lines,
        kind_lines,
        kind_results,
        operating_line,
        provenance,
    )
    from lc_asym_router.evals.training.train_classifier import train

    out = Path(options.out)
    if out.suffix == ".md" or not out.name or out.is_dir() or not out.absolute().parent.is_dir():
        raise ConfigurationError(
            f"--out {options.out!r}: give a file in a folder that is there, such as my.json; the "
            "card goes beside it as .md."
        )
    if options.what != "classifier" and options.kinds:
        raise ConfigurationError("--kinds belongs to --what classifier: leave it out.")
    if options.what == "embedding":
        return _embedding(options)
    rows = load(*options.data)
    if options.what == "verifier":
        return _verifier(options, rows)
    kinds = load_kinds(*options.kinds) if options.kinds else []
    trained = train(rows, report_progress=lambda line: print(line, file=sys.stderr), kinds=kinds)
    origins = provenance(options.data, by_source(rows))
    kind_origins = provenance(options.kinds or [], {row.source for row in kinds})
    trained.save(out, classifier_card(trained, origins, kind_origins))
    lines = [*classifier_lines(trained), operating_line(trained)]
    if trained.kinds:
        lines += [*kind_lines(trained.kinds), *kind_results(trained.kinds)]
    print(json.dumps(trained.to_dict()) if options.json else "\n".join(lines))
    return ANSWERED


def _verifier(options: argparse.Namespace, rows: Sequence[Row]) -> int:
    from dataclasses import asdict

    from lc_asym_router.evals.data import by_source
    from lc_asym_router.evals.training.cards import provenance
    from lc_asym_router.evals.training.train_verifier import train_verifier

    trained = train_verifier(
        rows,
        options.out,
        write_line=lambda line: print(line, file=sys.stderr if options.json else sys.stdout),
        origins=provenance(options.data, by_source(rows)),
    )
    if options.json:
        table = [asdict(line) for line in trained.table]
        print(json.dumps({"thresholds": trained.thresholds, "sources": table}))
    return ANSWERED


def _embedding(options: argparse.Namespace) -> int:
    from lc_asym_router.classify.classifier_weights import load_weights
    from lc_asym_router.evals.kind_metrics import load_kinds
    from lc_asym_router.evals.training.cards import provenance
    from lc_asym_router.evals.training.train_embedding import embedding_card, train_embedding

    rows = load_kinds(*options.data)
    trained = train_embedding(rows, load_weights(), lambda line: print(line, file=sys.stderr))
    trained.save(
        options.out, embedding_card(trained, provenance(options.data, {row.source for row in rows}))
    )
    print(json.dumps(trained.to_dict()) if options.json else "\n".join(trained.lines()))
    return ANSWERED
