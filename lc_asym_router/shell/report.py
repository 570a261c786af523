"""`lc-asym-router report`: print what the ledger's requests cost and saved."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.shell.options import ANSWERED, add_database, printable

if TYPE_CHECKING:
    from lc_asym_router.audits.counts import AuditReport
    from lc_asym_router.audits.target_report import TargetReport

GROUPS = ("hour", "day", "model", "tier", "tag", "thread")


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "report",
        help="what the requests in a ledger cost and saved",
        description=(
            "Adds up a ledger: requests, share per tier, what vouches for the answers, escalations, "
            "failed checks, cost, saving, latency. Money is in USD; what is unknown is counted beside "
            "the sums, never as 0. What the frontier alone would have cost is an estimate."
        ),
    )
    add_database(parser)
    parser.add_argument("--by", choices=GROUPS, help="a row for each; else one for all")
    for name, meaning in (("since", "start, inclusive"), ("until", "end, exclusive")):
        parser.add_argument(
            f"--{name}",
            metavar="WHEN",
            help=f"{meaning}: 2026-01-31, an ISO time (UTC), 24h, 7d, 2w",
        )
    parser.add_argument(
        "--shadow",
        action="store_true",
        help="what a router's shadow has found: what each rung would save, and what it would lose",
    )
    parser.add_argument(
        "--thresholds",
        action="store_true",
        help="what other thresholds would have cost, of the requests that a classifier has scored",
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the report.

    Raises:
        ConfigurationError: There is no such ledger, or an argument has an unknown format.
    """
    from lc_asym_router.errors import LedgerError
    from lc_asym_router.money.ledger.handler import Ledger

    with Ledger(options.url) as ledger:
        if ledger.file is not None and not ledger.file.exists():
            raise ConfigurationError(
                f"There is no ledger at {ledger.file}. Give its --url, or write one: "
                "AsymRouter(callbacks=[Ledger()], ...)."
            )
        if options.shadow:
            return _shadow(options.url or ledger.file, options.json)
        try:
            if options.thresholds:
                rows = ledger.thresholds(since=options.since, until=options.until)
                print(json.dumps(rows) if options.json else printable(_lines(rows)))
                return ANSWERED
            rows = ledger.rows(options.by, options.since, options.until)
        except LedgerError as error:
            raise ConfigurationError(str(error)) from None
        found = None if options.json else _audits(options.url or ledger.file, options.since)
        targets = None if options.json else _targets(options.url or ledger.file)
    print(json.dumps(rows) if options.json else printable(_table(rows, options.by)))
    if found is not None and found.groups:
        print(printable(f"\naudits\n{found!r}"))
    for shadow, report in targets or ():
        print(printable(f"\n{'shadow' if shadow else 'target'}\n{report!r}"))
    return ANSWERED


def _shadow(url: Any, as_json: bool) -> int:
    """Print what shadows have found that keep their counts in the database.

    Raises:
        ConfigurationError: There is none, or the database can't be read.
    """
    targets = _targets(url)
    if targets is None:
        raise ConfigurationError("The database can't be read. Check its --url.")
    found = [report for shadow, report in targets if shadow]
    if not found:
        raise ConfigurationError(
            "No shadow keeps its counts here. Give the database's --url, and write to it: "
            "AsymRouter(shadow=Shadow(url=...), ...)."
        )
    if as_json:  # a list, as there may be several routers
        print(json.dumps([report.as_dict() for report in found]))
        return ANSWERED
    for report in found:
        print(printable(f"{report.requests:,} requests in shadow\n{report!r}"))
    return ANSWERED


def _targets(url: Any) -> list[tuple[bool, TargetReport]] | None:
    """What targets and shadows have found; `None` where the database can't be read."""
    from lc_asym_router.audits.audit_store import AuditStore
    from lc_asym_router.audits.keeper import reports_of

    store = AuditStore(url)
    if not store.flush():
        return None
    found = reports_of(store)
    store.close()
    return found


def _audits(url: Any, since: str | None) -> AuditReport | None:
    """What audits have found that keep their counts in the ledger's database; `None` where that can't
    be read."""
    from lc_asym_router.audits.audit_store import AuditStore
    from lc_asym_router.audits.counts import report_of
    from lc_asym_router.money.ledger.rows import moment_of

    store, start = AuditStore(url), moment_of(since, "since")
    if not store.flush():
        return None
    store.close()
    return report_of(store.counts(), since="" if start is None else start.date().isoformat())


def _table(rows: Sequence[dict[str, Any]], by: str | None) -> str:
    """Return the rows as a table: one row per group, or, without groups, one per figure."""
    if by is None:
        lines = [(name.replace("_", " "), _shown(name, value)) for name, value in rows[0].items()]
        width = max(len(name) for name, _ in lines)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)
    if not rows:
        return "no requests"
    names = [
        name for name in rows[0] if name in (*_SHORT, *_LISTS, by) or name.startswith("share_")
    ]
    heads = [_SHORT.get(name, name.replace("_", " ")) for name in names]
    cells = [[_shown(name, row[name]) for name in names] for row in rows]
    widths = [max(len(line[i]) for line in (heads, *cells)) for i in range(len(names))]
    return "\n".join(
        "  ".join(
            f"{cell:<{width}}" if name in (by, *_LISTS) else f"{cell:>{width}}"
            for name, cell, width in zip(names, line, widths, strict=True)
        ).rstrip()
        for line in (heads, *cells)
    )


def _lines(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows of thresholds as a table."""
    heads = [name.replace("_", " ") for name in rows[0]]
    cells = [[_shown(name, value) for name, value in row.items()] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True))
        for line in (heads, *cells)
    )


_LISTS = ("vouched", "failed_checks")
_SHORT = {
    "requests": "requests",
    "failed": "failed",
    "escalation_rate": "escalated",
    "cost_usd": "cost USD",
    "unknown_cost": "cost unknown",
    "frontier_cost_usd": "frontier alone USD (est.)",
    "saved_usd": "saved USD",
    "p50_seconds": "p50 s",
    "p95_seconds": "p95 s",
    "p99_seconds": "p99 s",
}


def _shown(name: str, value: Any) -> str:
    if isinstance(value, dict):
        unit = {"cost_by_model": "_usd", "vouched": "share_"}.get(name, "")
        return ", ".join(f"{each} {_shown(unit, n)}" for each, n in value.items()) or "-"
    if value is None:
        return "unknown" if name.endswith("_usd") else "-"
    if name.endswith("_usd"):
        return f"{value:.4f}" if abs(value) >= 0.01 or value == 0 else f"{value:.3g}"
    if name.endswith("_rate") or name.startswith("share_"):
        return f"{value:.1%}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)
