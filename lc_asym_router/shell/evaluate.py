"""`lc-asym-router evaluate`: evaluate a classifier and a cascade on recorded answers."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.shell.options import ANSWERED, add_classifier, add_data, classifier, printable

if TYPE_CHECKING:
    from lc_asym_router.evals.cascade import CascadePrices
    from lc_asym_router.evals.data import Answer, Row
    from lc_asym_router.evals.kind_metrics import KindReport, KindRow
    from lc_asym_router.money.prices import Price


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a classifier, or checking and escalating, on recorded answers",
        description=(
            "Measures how well a classifier tells which requests need the frontier (APGR, CPT), and "
            "with --cascade what checking the small model's answers gains. No model is asked."
        ),
    )
    add_data(parser)
    add_classifier(parser)
    parser.add_argument("--cascade", action="store_true", help="measure the checks too")
    parser.add_argument(
        "--second", metavar="FIELD", help="the model in `other` that is the second small one"
    )
    parser.add_argument(
        "--second-price",
        metavar=("IN", "OUT"),
        nargs=2,
        type=float,
        help="its USD per million tokens in and out; by default 0.05 0.08, as Llama-3.1-8B",
    )
    parser.add_argument(
        "--arbiter",
        metavar="FIELD",
        help="the model in `other` that judges the second one's answers, which is a tier then",
    )
    parser.add_argument(
        "--arbiter-price",
        metavar=("IN", "OUT"),
        nargs=2,
        type=float,
        help="its price, likewise; by default the same",
    )
    parser.add_argument(
        "--vote",
        metavar="MODEL",
        nargs="+",
        default=[],
        help="models in `other` that vote after the small one: any two that agree decide",
    )
    parser.add_argument(
        "--needs", metavar="MODEL", help="the voter that every agreement needs; by default none"
    )
    parser.add_argument(
        "--price",
        metavar=("MODEL", "IN", "OUT"),
        nargs=3,
        action="append",
        default=[],
        help="a voter's or the frontier's USD per million tokens in and out, for --vote; once a model",
    )
    parser.add_argument(
        "--kinds",
        action="store_true",
        help="measure how well kinds of work are ranked instead, on rows with 'side' and 'source'",
    )
    parser.add_argument(
        "--leave-one-source-out",
        action="store_true",
        help="with --kinds: score each pair of sources by a training without both",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Evaluate on the rows."""
    from lc_asym_router.evals.data import load
    from lc_asym_router.evals.offline import evaluate_offline

    if options.kinds:
        return _kinds(options)
    if options.leave_one_source_out:
        raise ConfigurationError("--leave-one-source-out belongs to --kinds: add it.")
    if options.arbiter and not options.second:
        raise ConfigurationError(
            "--arbiter judges a second model's answers: name that model with --second."
        )
    prices = _prices(options)
    if not options.vote and (options.needs or options.price):
        raise ConfigurationError("--needs and --price belong to --vote: name the voters with it.")
    # A vote passes over rows without answers, and so over their missing grades.
    vote_alone = bool(options.vote) and not (options.cascade or options.second)
    rows = load(*options.data, scored=not vote_alone)
    report: dict[str, Any] = {}
    if options.cascade or options.second or not options.vote:
        report = evaluate_offline(rows, classifier(options)).to_dict()
    if options.cascade or options.second:
        from lc_asym_router.evals.cascade import cascade_report

        report |= cascade_report(rows, second=options.second, prices=prices)
        _report_gaps(rows, filter(None, [options.second]), "cascade")
    if options.arbiter:
        from lc_asym_router.evals.three_tiers import ladder_report

        report["ladder"] = ladder_report(rows, options.second, options.arbiter, prices)
    if options.vote:
        from lc_asym_router.evals.recorded_votes import vote_report

        report["vote"] = vote_report(
            rows, options.vote, _named_prices(options.price), options.needs
        )
        _report_gaps(rows, options.vote, "vote")
    if options.json:
        print(json.dumps(report))
    else:
        print(printable("\n".join(_lines(report))))
    return ANSWERED


def _kinds(options: argparse.Namespace) -> int:
    """Print how well the classifier separates complex requests from simple ones."""
    from dataclasses import asdict

    from lc_asym_router.evals.kind_metrics import kind_report, load_kinds, pairs_of, score_of

    if options.cascade or options.second or options.arbiter or options.vote:
        raise ConfigurationError(
            "--kinds asks for no answers: leave --cascade, --second and --vote out."
        )
    chosen = classifier(options)
    rows = load_kinds(*options.data)
    if options.leave_one_source_out:
        report = _left_out(options, rows)
    else:
        report = kind_report(pairs_of(rows, score_of(chosen)))
    figures = asdict(report)
    if options.json:
        print(json.dumps({"kinds": figures}))
    else:
        languages = figures.pop("by_language")
        print("\n".join(f"{name:14} {_number(value)}" for name, value in figures.items()))
        print("\n".join(f"language {name:5} {_number(each)}" for name, each in languages.items()))
    return ANSWERED


def _left_out(options: argparse.Namespace, rows: Sequence[KindRow]) -> KindReport:
    """The figures of trainings without each pair of sources."""
    from lc_asym_router.classify.classifier_weights import load_weights

    if options.classify == "learned":
        from lc_asym_router.evals.training.train_kinds import left_out_report

        return left_out_report(rows, load_weights(options.weights))
    if options.classify == "embedding" and not options.weights:
        from lc_asym_router.evals.training.train_embedding import train_embedding

        return train_embedding(rows, load_weights()).report
    raise ConfigurationError(
        "--leave-one-source-out trains: leave it out, or give --classify learned, or --classify "
        "embedding without --weights."
    )


def _report_gaps(rows: Sequence[Row], names: Iterable[str], measured: str) -> None:
    """Say on stderr how many rows are left out of what is measured."""
    needed: dict[str, Sequence[Answer | None]] = {"the small model": [row.weak for row in rows]}
    needed |= {name: [row.other.get(name) for row in rows] for name in names}
    for name, answers in needed.items():
        gaps = 0
        for each in answers:
            calls_do = measured == "vote" and each is not None and each.recorded
            gaps += each is None or not (calls_do or each.response is not None)
        if gaps:
            print(
                f"{gaps} of {len(rows)} rows have no answer of {name}: the {measured} is without them.",
                file=sys.stderr,
            )


def _prices(options: argparse.Namespace) -> CascadePrices:
    from lc_asym_router.evals.cascade import CascadePrices
    from lc_asym_router.money.prices import Price

    given = {"second": options.second_price, "arbiter": options.arbiter_price}
    return CascadePrices(**{name: Price(*price) for name, price in given.items() if price})


def _named_prices(given: Sequence[Sequence[str]]) -> dict[str, Price]:
    """Parse the prices of `--price`, by model name.

    Raises:
        ConfigurationError: One is no number.
    """
    from lc_asym_router.money.prices import Price

    try:
        return {model: Price(float(came), float(went)) for model, came, went in given}
    except ValueError as error:
        raise ConfigurationError(
            f"--price takes a model's name and two numbers, USD per million tokens in and out: {error}."
        ) from None


def _lines(report: dict[str, Any]) -> Iterator[str]:
    """The report as a table for a person."""
    if "n" not in report:
        yield from _parts(report)
        return
    yield f"{'source':24} {'rows':>6}  small frontier   APGR   (95 %)       CPT50 CPT80"
    parts = report.get("sources") or {}
    for name, part in {**parts, "all" if parts else "rows": report}.items():
        low, high = part["apgr_ci95"] or (None, None)
        yield (
            f"{name:24} {part['n']:6} {_number(part['weak'])} {_number(part['strong']):>8} "
            f"{_number(part['apgr'])} {_number(low)}-{_number(high)} {_number(part['cpt50'])}"
            f"{_number(part['cpt80'])}"
        )
    for name, figures in report["baselines"].items():
        details = ", ".join(f"{key} {_number(value).strip()}" for key, value in figures.items())
        yield f"baseline {name}: {details}"
    for name, figures in (report.get("checks") or {}).items():
        details = ", ".join(f"{key} {_number(value).strip()}" for key, value in figures.items())
        yield f"check {name}: {details}"
    yield from _parts(report)


def _parts(report: dict[str, Any]) -> Iterator[str]:
    """The lines of what was measured on answers."""
    for name in ("cascade", "ladder", "vote"):
        if figures := report.get(name):
            details = ", ".join(f"{key} {_number(value).strip()}" for key, value in figures.items())
            yield f"{name}: {details}"


def _number(value: Any) -> str:
    if isinstance(value, list | tuple):
        return "-".join(_number(each).strip() for each in value)
    return f"{'none' if value is None else format(value, '.3f'):>6}"
