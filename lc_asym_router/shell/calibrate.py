"""`lc-asym-router calibrate`: make a calibration file from rows and a target."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lc_asym_router.shell.options import ANSWERED, add_classifier, add_data, classifier, printable

if TYPE_CHECKING:
    from lc_asym_router.money.prices import Price

TARGETS = {
    "frontier_share": "at most this share of the requests reach the frontier, in [0, 1]",
    "quality_kept": "at least this part of the frontier's mean grade, in [0, 1]",
    "quality": "at least this mean grade, in [0, 1]",
    "gain_kept": "at least this part of the gap between both models' grades, in [0, 1]",
    "cost_usd": "at most so many USD a request (with all prices)",
}


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "calibrate",
        help="find the thresholds for a target on recorded answers",
        description=(
            "Finds the classifier's threshold and the check's that reach a target, says what they "
            "will mean, and writes a file that AsymRouter(threshold=...) takes. No tier is asked."
        ),
    )
    add_data(parser)
    parser.add_argument("--out", required=True, metavar="FILE", help="where to write it (JSON)")
    targets = parser.add_mutually_exclusive_group(required=True)
    for name, description in TARGETS.items():
        targets.add_argument(
            f"--{name.replace('_', '-')}", type=float, metavar="X", help=description
        )
    add_classifier(parser)
    parser.add_argument(
        "--second",
        metavar="FIELD",
        help="a model in the rows' 'other' that the learned verifier asks as the second small model",
    )
    for model in ("small", "frontier", "second"):
        parser.add_argument(
            f"--{model}-price",
            metavar=("IN", "OUT"),
            nargs=2,
            type=float,
            help=f"the {model} model's price: USD per million tokens in and out",
        )
    parser.add_argument("--json", action="store_true", help="print the calibration as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Calibrate on the rows."""
    from lc_asym_router.classify.scorer import Scorer
    from lc_asym_router.errors import ConfigurationError
    from lc_asym_router.evals.calibrating import calibrate_settings
    from lc_asym_router.evals.cascade import RecordedModel
    from lc_asym_router.evals.data import load
    from lc_asym_router.evals.search import Target
    from lc_asym_router.verify.defaults import default_checks
    from lc_asym_router.verify.learned_check import LearnedVerifier

    check = default_checks()
    if options.second:
        check &= LearnedVerifier(second=RecordedModel(second=options.second))
    found = calibrate_settings(
        load(*options.data),
        Target(**{name: getattr(options, name) for name in TARGETS}),
        scorer=Scorer(classifier(options)),
        check=check,
        weak_price=_price(options.small_price),
        strong_price=_price(options.frontier_price),
        second=options.second,
        second_price=_price(options.second_price),
    )
    try:
        found.save(options.out)
    except OSError as error:
        raise ConfigurationError(
            f"--out {options.out!r} can't be written ({type(error).__name__}: {error.strerror}). "
            "Give a file in a folder that can be written to."
        ) from error
    print(json.dumps(asdict(found)) if options.json else printable(found.describe()))
    return ANSWERED


def _price(given: Sequence[float] | None) -> Price | None:
    from lc_asym_router.money.prices import Price

    return None if given is None else Price(*given)
