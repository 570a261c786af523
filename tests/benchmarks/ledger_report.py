"""`make bench-report`: the report of many requests by day, tag and model, timed.

Fills an empty SQLite file, or a PostgreSQL database of its own, with rows made in SQL; prints one JSON
object. Bars for 10 million requests: each report in under 10 s on SQLite, 2 s on PostgreSQL, once the
days that are over are rolled up; `rolled_up` says how long that took for all of them at once.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from lc_asym_router import Ledger
from tests.money.conftest import Postgres

DAYS = 90
TAGS = 20

SQLITE = {
    "requests": """
        WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {rows} - 1)
        INSERT INTO asym_requests
        SELECT printf('%032x', i), printf('%036x', i),
          strftime('%Y-%m-%d %H:%M:%S.000000', 'now', '-' || (i * {seconds} / {rows}) || ' seconds'),
          {columns} FROM n""",
    "calls": """
        INSERT INTO asym_calls (request_id, number, purpose, tier, model, passed, "check",
          input_tokens, output_tokens, cached_tokens, reasoning_tokens, usage_estimated, cost_usd)
        SELECT id, 1, 'answer', tier, model, 1, 'NotEmpty', 100, 10, 0, 0, 0, cost_usd
        FROM asym_requests""",
    "tags": "INSERT INTO asym_tags SELECT id, 'team-' || (rowid % {tags}) FROM asym_requests",
}
POSTGRES = {
    "requests": """
        INSERT INTO asym_requests
        SELECT lpad(to_hex(i), 32, '0'), lpad(to_hex(i), 36, '0'),
          now() - (i::bigint * {seconds} / {rows}) * interval '1 second', {columns}
        FROM generate_series(0, {rows} - 1) AS n(i)""",
    "calls": SQLITE["calls"]
    .replace("model, 1,", "model, true,")
    .replace("0, 0, 0,", "0, 0, false,"),
    "tags": """
        INSERT INTO asym_tags SELECT id, 'team-' || (hashtext(id) & 2147483647) % {tags}
        FROM asym_requests""",
}
COLUMNS = """
    'answered', NULL, CASE WHEN i % 5 = 0 THEN 'frontier' ELSE 'small' END,
    CASE WHEN i % 5 = 0 THEN 'gpt-4o' ELSE 'llama3.1:8b' END, {no}, 'small', 0.2, 0.5, NULL, 'default',
    1, 0.0001 * (1 + i % 7), 0.001, 0.0009, 0.001 * (100 + i % 5000), NULL, NULL, NULL, NULL, 'form'"""


def fill(ledger: Ledger, rows: int, sqlite: bool) -> None:
    """Make the requests, each with a call and a tag, of the last days."""
    ledger.rows()
    columns = COLUMNS.format(no="0" if sqlite else "false")
    with ledger._store.transaction(writing=True) as connection:
        for statement in (SQLITE if sqlite else POSTGRES).values():
            seconds = DAYS * 86_400
            filled = statement.format(rows=rows, seconds=seconds, tags=TAGS, columns=columns)
            connection.execute(text(filled.replace(":", r"\:")))
    if not sqlite:
        with ledger._store.transaction(writing=True) as connection:
            connection.execute(text("ANALYZE"))


def timed(ledger: Ledger) -> dict[str, Any]:
    """Seconds of the first roll-up, then of each report."""
    began = time.perf_counter()
    days = ledger._rollups.roll_up()
    found: dict[str, Any] = {"days": days, "rolled_up": time.perf_counter() - began}
    for by in ("day", "tag", "model"):
        began, worked = time.perf_counter(), time.process_time()
        rows = ledger.rows(by)
        found[by] = {
            "seconds": time.perf_counter() - began,
            "processor_seconds": time.process_time() - worked,  # without a server's
            "groups": len(rows),
        }
        found["requests"] = sum(row["requests"] for row in rows)
    return found


def main() -> None:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    if options.only != "postgresql":
        with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder) / "l.sqlite3") as ledger:
            fill(ledger, options.rows, True)
            print(json.dumps({"sqlite": timed(ledger)}, indent=2), flush=True)
    if options.only != "sqlite":
        server = Postgres()
        try:
            with Ledger(server.database()) as ledger:
                fill(ledger, options.rows, False)
                print(json.dumps({"postgresql": timed(ledger)}, indent=2), flush=True)
        finally:
            server.remove()


if __name__ == "__main__":
    main()
