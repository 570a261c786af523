"""`lc-asym-router ledger`: prune old requests, and see what budgets have spent."""

from __future__ import annotations

import argparse
import json
from typing import Any

from lc_asym_router.shell.options import ANSWERED, add_database, printable


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "ledger",
        help="prune a ledger's old requests; what its budgets have spent",
        description="Looks after a ledger's database, which budgets may share.",
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    prune = actions.add_parser("prune", help="delete old requests, whole days (UTC)")
    prune.add_argument(
        "--older-than", required=True, metavar="AGE", help="90d, 12w, or a date: 2026-01-31"
    )
    prune.add_argument(
        "--keep-daily", action="store_true", help="keep their totals, which reports go on counting"
    )
    shown = actions.add_parser("balances", help="what budgets have spent and reserved")
    shown.add_argument("--json", action="store_true", help="print the rows as JSON")
    for each in (prune, shown):
        add_database(each)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prune, or print the balances.

    Raises:
        ConfigurationError: There is no such ledger, or an argument has an unknown format.
    """
    from lc_asym_router.errors import ConfigurationError, LedgerError
    from lc_asym_router.money.ledger.handler import Ledger

    with Ledger(options.url) as ledger:
        if ledger.file is not None and not ledger.file.exists():
            raise ConfigurationError(f"There is no ledger at {ledger.file}. Give its --url.")
        try:
            if options.action == "prune":
                deleted = ledger.prune(options.older_than, keep_daily=options.keep_daily)
                print(f"{deleted} requests deleted")
                return ANSWERED
            rows = ledger.balances()
        except LedgerError as error:
            raise ConfigurationError(str(error)) from None
    if options.json:
        print(json.dumps(rows))
        return ANSWERED
    for row in rows:
        scope = f" {row['scope']}" if row["scope"] else ""
        ends = f", until {row['ends_at']}" if row["ends_at"] else ""
        print(
            printable(
                f"{row['budget']}{scope}: {row['spent']:g} {row['unit']} spent, "
                f"{row['reserved']:g} reserved{ends}"
            )
        )
    return ANSWERED
