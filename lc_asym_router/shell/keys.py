"""`lc-asym-router keys`: make, list, rotate and revoke the gateway's keys."""

from __future__ import annotations

import argparse
import json
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import needed
from lc_asym_router.shell.options import ANSWERED, add_database, printable

if TYPE_CHECKING:
    from lc_asym_router.gateway.keys import Key

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "keys",
        help="the gateway's keys: make, list, rotate, revoke",
        description=(
            "Keys of the gateway, in the ledger's database, as salted hashes: a key is shown once, "
            "when it is made. Workers that run see every change within a second."
        ),
    )
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="make a key, and print it")
    add.add_argument("name", metavar="NAME", help="letters, digits, dots, dashes, underscores")
    for name, meaning in (("day", "each day"), ("month", "each month")):
        add.add_argument(
            f"--usd-per-{name}", type=float, metavar="USD", help=f"what it may spend {meaning}, UTC"
        )
    add.add_argument("--rpm", type=int, metavar="N", help="requests in any minute")
    add.add_argument("--tpm", type=int, metavar="N", help="tokens in any minute")
    add.add_argument("--models", metavar="NAMES", help="what it may ask: auto,small; else all")
    add.add_argument(
        "--tag", action="append", default=[], metavar="TAG", help="a tag of its requests"
    )
    add.add_argument("--expires", type=_seconds, metavar="TIME", help="when it ends: 12h, 90d, 4w")
    add.add_argument("--admin", action="store_true", help="it may read all reports")
    shown = actions.add_parser("list", help="all keys, without the keys themselves")
    shown.add_argument("--json", action="store_true", help="print them as JSON")
    rotate = actions.add_parser("rotate", help="make a new key of the same name, and print it")
    rotate.add_argument("name", metavar="NAME")
    rotate.add_argument(
        "--grace", type=_seconds, default=0.0, metavar="TIME", help="the old one ends after it: 1h"
    )
    revoke = actions.add_parser("revoke", help="end a key, within a second")
    revoke.add_argument("name", metavar="NAME")
    for each in (add, shown, rotate, revoke):
        where = each.add_mutually_exclusive_group()
        where.add_argument("--config", metavar="FILE", help="the gateway's file, with its database")
        add_database(where)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Do it.

    Raises:
        ConfigurationError: A value is out of its range, or the database can't be used.
    """
    needed("sqlalchemy", "ledger")
    from sqlalchemy.exc import SQLAlchemyError

    from lc_asym_router._internal.provider_errors import describe_store_error
    from lc_asym_router.errors import ConfigurationError
    from lc_asym_router.gateway.keys import KeyStore

    keys = KeyStore(_database(options))
    try:
        return _run(options, keys)
    except (SQLAlchemyError, OSError) as error:
        raise ConfigurationError(
            f"The keys' database can't be used ({describe_store_error(error)}; {keys.store.name}). "
            "Check that it runs, its address, and your rights to it."
        ) from None
    finally:
        keys.close()


def _database(options: argparse.Namespace) -> str | None:
    if options.config is None:
        return str(options.url) if options.url is not None else None
    from lc_asym_router.errors import ConfigurationError
    from lc_asym_router.router.spec import RouterSpec

    found = RouterSpec.from_toml(options.config).database_url
    if found is None:
        raise ConfigurationError(
            f"{options.config} names no database to keep keys in. Set database = 'gateway.sqlite3', "
            "or database_env."
        )
    return found


def _run(options: argparse.Namespace, keys: Any) -> int:
    # A database of another folder or file has other keys, and looks like one without any.
    print(
        f"The keys of {keys.store.file.resolve() if keys.store.file else keys.store.name}",
        file=sys.stderr,
    )
    if options.action == "list":
        print(_listed(keys.list(), options.json))
        return ANSWERED
    if options.action == "revoke":
        keys.revoke(options.name)
        print(f"{options.name} is revoked.", file=sys.stderr)
        return ANSWERED
    if options.action == "rotate":
        key = keys.rotate(options.name, options.grace)
    else:
        from lc_asym_router.gateway.keys import KeyLimits

        models = options.models
        limits = KeyLimits(
            usd_per_day=options.usd_per_day,
            usd_per_month=options.usd_per_month,
            rpm=options.rpm,
            tpm=options.tpm,
            models=None if models is None else tuple(each.strip() for each in models.split(",")),
            tags=tuple(options.tag),
            admin=options.admin,
        )
        key = keys.add(options.name, limits, options.expires)
    print(key)
    print("Keep it now: it is shown this once, and only its hash is stored.", file=sys.stderr)
    return ANSWERED


def _seconds(text: str) -> float:
    found = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 30m, 12h, 90d or 4w")
    return float(int(found[1]) * _UNITS[found[2]])


def _listed(keys: list[Key], as_json: bool) -> str:
    now = datetime.now(UTC).timestamp()
    rows = [_row(key, now) for key in keys]
    if as_json:
        return json.dumps(rows)
    if not rows:
        return "no keys"
    heads = list(rows[0])
    cells = [heads, *([_cell(row[head]) for head in heads] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(heads))]
    lines = ("  ".join(f"{c:<{w}}" for c, w in zip(line, widths, strict=True)) for line in cells)
    return printable("\n".join(line.rstrip() for line in lines))


def _row(key: Key, now: float) -> dict[str, Any]:
    limits = key.limits
    return {
        "name": key.name,
        "prefix": key.prefix,
        "state": key.state(now),
        "created": _moment(key.created_at),
        "expires": _moment(key.expires_at),
        "usd_per_day": limits.usd_per_day,
        "usd_per_month": limits.usd_per_month,
        "rpm": limits.rpm,
        "tpm": limits.tpm,
        "models": None if limits.models is None else list(limits.models),
        "tags": list(limits.tags),
        "admin": limits.admin,
    }


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "-"
    if isinstance(value, list):
        return ",".join(value) or "-"
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
