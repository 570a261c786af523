"""What a ledger tells: reports, last requests, balances; and what is old in it taken away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from lc_asym_router._internal.imports import needed
from lc_asym_router.errors import ConfigurationError, LedgerError
from lc_asym_router.money.budgets.statements import balances
from lc_asym_router.money.database.sql_store import Store
from lc_asym_router.money.ledger.pruning import day_before, prune_budgets, prune_day
from lc_asym_router.money.ledger.report import (
    By,
    Requests,
    checked,
    has_days,
    midnight,
    move_rows,
    recent_rows,
    report_rows,
)
from lc_asym_router.money.ledger.rollups import RollUps
from lc_asym_router.money.ledger.rows import Moment, moment_of
from lc_asym_router.money.ledger.thresholds import THRESHOLDS, checked_thresholds, threshold_rows

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

T = TypeVar("T")


class LedgerReader:
    """The half of `Ledger` that reads; the other half writes, and says what still waits.

    Args:
        store: The database.
        rollups: The totals of days that are over.
    """

    def __init__(self, store: Store, rollups: RollUps) -> None:
        self._store = store
        self._rollups = rollups

    @property
    def pending(self) -> int:
        """How many finished requests wait to be written."""
        return 0

    def flush(self, timeout: float = 30.0) -> None:
        """Wait until what is finished stands in the database."""

    @property
    def database(self) -> Store:
        """The database."""
        return self._store

    @property
    def file(self) -> Path | None:
        """The SQLite file, or `None` for a server."""
        return self._store.file

    def rows(
        self,
        by: By | None = None,
        since: Moment = None,
        until: Moment = None,
        *,
        tag: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return the report as dicts: requests, shares, escalations, failed checks, costs, latency.

        Sums of money are over what is known; `unknown_cost` and `unknown_saving` say how many
        requests are not in them. `cost_by_model` is by the model that was called, as its provider
        bills it. `frontier_cost_usd` is an estimate: the answers' tokens at the frontier's price.

        Args:
            by: "hour" or "day" (UTC), "model" or "tier" (that answered), "tag" or "thread"; `None` for
                all in one row.
            since: Start of the period (inclusive): a datetime, a date (UTC), ISO text, or "7d".
            until: End of the period (exclusive), likewise.
            tag: The tag of the requests that count; `None` for all.

        Raises:
            ConfigurationError: An argument has an unknown format.
            LedgerError: The database can't be read, or finished requests can't be written to it.
        """
        wanted, first, end = checked(by, since, until)
        if has_days(wanted, tag):
            self._roll_up(first, end)
        those = Requests(first, end, tag)
        return self._read(lambda found: report_rows(found, wanted, those))

    def recent(self, limit: int = 50, *, tag: str | None = None) -> list[dict[str, Any]]:
        """Return the last requests, the newest first: decision, outcome, cost, tags; no text.

        Args:
            limit: The most requests, 1 to 1,000.
            tag: The tag of the requests that are wanted; `None` for all.

        Raises:
            ConfigurationError: The limit is out of range.
            LedgerError: As for `rows`.
        """
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= 1000:
            raise ConfigurationError(f"recent(limit={limit!r}) must be 1 to 1,000 requests.")
        return self._read(lambda found: recent_rows(found, limit, tag))

    def thresholds(
        self,
        thresholds: Sequence[float] = THRESHOLDS,
        since: Moment = None,
        until: Moment = None,
    ) -> list[dict[str, Any]]:
        """Return what other thresholds would have cost, of the requests that a classifier has scored.

        Each row has `threshold`, `requests` that tell something of it, `share_frontier_first`,
        `cost_usd`, `frontier_cost_usd`, `share_saved`, `unknown_cost` (requests that are not in the
        sums) and `not_seen`: requests that went straight to the frontier, of which nobody knows what
        the lower tier would have made. A request that goes up costs what the frontier alone would
        have, an estimate; one that stays, what it did cost.

        Args:
            thresholds: The thresholds, in [0, 1].
            since: Start of the period (inclusive), as in `rows`.
            until: End of the period (exclusive), likewise.

        Raises:
            ConfigurationError: A threshold or a moment can't be read.
            LedgerError: As for `rows`.
        """
        wanted = checked_thresholds(thresholds)
        _, first, end = checked(None, since, until)
        return self._read(lambda found: threshold_rows(found, first, end, wanted))

    def moves(self, since: Moment = None, until: Moment = None) -> list[dict[str, Any]]:
        """Return the moves of routers that keep a target, in order.

        Each row has `time` and `request_id` of the request that began after it, `number`, `why`, the
        rungs `before` and `after`, and after how many `requests` it was made.

        Args:
            since: Start of the period (inclusive), as in `rows`.
            until: End of the period (exclusive), likewise.

        Raises:
            ConfigurationError: A moment can't be read.
            LedgerError: As for `rows`.
        """
        _, first, end = checked(None, since, until)
        return self._read(lambda found: move_rows(found, first, end))

    def prune(self, older_than: Moment, *, keep_daily: bool = True) -> int:
        """Delete old requests, and the sums of budgets' periods that were over by then.

        A day (UTC) goes whole, in a transaction of its own. What is kept of it are totals by day,
        model, tier and tag: reports go on counting them, without hours and threads, and latency to
        two digits.

        Args:
            older_than: The age or the moment from which on days are kept, such as "90d".
            keep_daily: Whether the totals are kept.

        Returns:
            How many requests were deleted.

        Raises:
            ConfigurationError: `older_than` is no date and no age.
            LedgerError: The database can't be read or written. What was pruned by then is.
        """
        moment = moment_of(older_than, "older_than")
        if moment is None:
            raise ConfigurationError(
                'prune(older_than=None): give an age or a date, such as "90d".'
            )
        end, deleted = midnight(moment), 0
        while (day := self._use(lambda found: day_before(found, end), writing=False)) is not None:
            deleted += self._use(partial(prune_day, day=day, keep_daily=keep_daily), writing=True)
        self._use(partial(prune_budgets, before=end), writing=True)
        return deleted

    def balances(self) -> list[dict[str, Any]]:
        """Return what the budgets in this database have spent and reserved, by name and scope.

        Raises:
            LedgerError: As for `rows`.
        """
        return self._read(lambda found: balances(found, datetime.now(UTC)))

    def _roll_up(self, since: datetime | None, until: datetime | None) -> None:
        """Roll up what a report needs; it can do without."""
        from sqlalchemy.exc import SQLAlchemyError

        with suppress(SQLAlchemyError, OSError):  # who may read alone has the report all the same
            self._rollups.roll_up(since, until)

    def _read(self, read: Callable[[Connection], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        if self.pending:
            self.flush()
        return self._use(read, writing=False)

    def _use(self, use: Callable[[Connection], T], *, writing: bool) -> T:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            with self._store.transaction(writing=writing) as connection:
                return use(connection)
        except (SQLAlchemyError, OSError) as error:
            inner = getattr(error, "orig", None) or error
            raise LedgerError(
                f"The ledger can't be read ({type(inner).__name__}; {self._store.name}). Check that "
                "the database runs, its address, and your rights to it."
            ) from None

    def report(self, by: By | None = None, since: Moment = None, until: Moment = None) -> Any:
        """Return the report as a pandas DataFrame; see `rows`.

        Raises:
            ConfigurationError: As for `rows`, or pandas is not installed.
        """
        pandas = needed("pandas", "report")
        frame = pandas.DataFrame(self.rows(by, since, until))
        return frame.set_index(by) if by is not None and len(frame) else frame
