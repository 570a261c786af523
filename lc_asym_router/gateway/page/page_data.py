"""What the page shows, as plain JSON without texts: the report, audits, breakers, budgets."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.imports import __version__
from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.gateway.key_budget import KeyBudget
from lc_asym_router.money.budgets.budget import Budget

if TYPE_CHECKING:
    from lc_asym_router.audits.counts import AuditReport, Rate
    from lc_asym_router.money.ledger.handler import Ledger
    from lc_asym_router.router.router import AsymRouter

logger = logging.getLogger(__name__)

Bucket = Literal["hour", "day"]

SPANS: Mapping[str, tuple[Bucket, int]] = {
    "24h": ("hour", 24),
    "7d": ("day", 7),
    "30d": ("day", 30),
    "90d": ("day", 90),
}
"""The periods that may be asked for: what they are divided into, and how many of those there are."""

_FORMS: Mapping[Bucket, str] = {"hour": "%Y-%m-%dT%H:00Z", "day": "%Y-%m-%d"}
_FIGURES = (
    "requests",
    "answered",
    "failed",
    "left",
    "escalation_rate",
    "vouched",
    "failed_checks",
    "errors",
    "calls",
    "cost_usd",
    "unknown_cost",
    "frontier_cost_usd",
    "saved_usd",
    "unknown_saving",
    "audit_calls",
    "audit_cost_usd",
    "p50_seconds",
    "p95_seconds",
)


def overview(ledger: Ledger, span: str, moment: datetime, tag: str | None) -> dict[str, Any]:
    """Return the totals of a period, and its hours or days, those without a request too.

    Args:
        ledger: The ledger.
        span: One of `SPANS`.
        moment: The time, in UTC.
        tag: The tag of the requests that count; `None` for all.

    Raises:
        LedgerError: The ledger can't be read.
    """
    by, count = SPANS[span]
    starts = _starts(by, count, moment)
    since = starts[0]
    rows = {row[by]: row for row in ledger.rows(by, since, tag=tag)}
    total = ledger.rows(None, since, tag=tag)[0]
    names = [start.strftime(_FORMS[by]) for start in starts]
    return {
        "span": span,
        "by": by,
        "total": _row(total),
        "rows": [{"start": name, **_row(rows.get(name, {}))} for name in names],
    }


def _starts(by: Bucket, count: int, moment: datetime) -> list[datetime]:
    last = moment.replace(minute=0, second=0, microsecond=0)
    step = timedelta(hours=1)
    if by == "day":
        last, step = last.replace(hour=0), timedelta(days=1)
    return [last - step * back for back in reversed(range(count))]


def _row(row: Mapping[str, Any]) -> dict[str, Any]:
    if not row:
        return {"requests": 0, "tiers": {}, "cost_usd": 0.0, "frontier_cost_usd": 0.0}
    shares = {name[6:]: share for name, share in row.items() if name.startswith("share_")}
    counts = {tier: round((share or 0.0) * row["answered"]) for tier, share in shares.items()}
    return {**{name: row[name] for name in _FIGURES}, "tiers": counts}


def decisions(ledger: Ledger, limit: int, tag: str | None) -> list[dict[str, Any]]:
    """Return the last requests, the newest first.

    Args:
        ledger: The ledger.
        limit: The most requests, 1 to 1,000.
        tag: The tag of the requests that are wanted; `None` for all.

    Raises:
        LedgerError: The ledger can't be read.
    """
    rows = ledger.recent(limit, tag=tag)
    return [{**row, "time": row["time"].isoformat(timespec="seconds")} for row in rows]


def state(routers: Mapping[str, AsymRouter]) -> dict[str, Any]:
    """Return the routers: tiers, breakers, budgets. Budgets' databases are asked.

    Args:
        routers: The routers by their names.
    """
    return {
        "version": __version__,
        "routers": [
            {
                "name": name,
                "tiers": [
                    {"name": tier.name, "model": tier.model_name} for tier in router.ladder.every
                ],
                "breakers": {tier: each.state for tier, each in router.breakers.items()},
                "budgets": [_budget(each) for each in _own(router)],
                "audits": _audits(router),
            }
            for name, router in routers.items()
        ],
    }


def _own(router: AsymRouter) -> Iterator[Budget]:
    return (each for each in router.policy.budgets if not isinstance(each, KeyBudget))


def _budget(budget: Budget) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": budget.name,
        "per": budget.per,
        "every": budget.period,
        "limits": {
            unit: getattr(budget, unit)
            for unit in ("usd", "tokens", "calls")
            if getattr(budget, unit) is not None
        },
        "balance": None,
    }
    # One sum, which all requests share; those of single threads and tags are many.
    if budget.per == "day" or (budget.tag is not None and not budget.tag.endswith("*")):
        try:
            found["balance"] = budget.balance()
        except Exception as error:  # a driver may raise anything; the page shows the limit alone
            log_fault(logger, "A budget's balance can't be read: %s", describe_store_error(error))
    return found


def _audits(router: AsymRouter) -> dict[str, Any] | None:
    return None if router.policy.auditor is None else _audit_report(router.audits)


def _audit_report(report: AuditReport) -> dict[str, Any]:
    return {
        "confidence": report.confidence,
        "waiting": report.waiting,
        "dropped": report.dropped,
        "groups": [
            {
                "by": group.by,
                "value": group.value,
                "answers": group.answers,
                "audited": group.audited,
                "differs": _rate(group.differs),
                "worse": _rate(group.worse),
                "cost_usd": group.cost_usd,
            }
            for group in report.groups
            if group.by in ("all", "tier", "check")
        ],
    }


def _rate(rate: Rate) -> dict[str, Any]:
    return {
        "seen": rate.seen,
        "of": rate.of,
        "estimate": rate.estimate,
        "at_most": rate.at_most,
    }
