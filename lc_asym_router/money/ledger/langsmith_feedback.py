"""Users' scores that LangSmith has collected, copied into the ledger beside those it has itself."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.ledger.rows import feedback_row
from lc_asym_router.records.handlers import Feedback

if TYPE_CHECKING:
    from langsmith import Client
    from langsmith.schemas import Feedback as Given
    from sqlalchemy import Connection

SLICE = 500
"""Scores in one transaction."""


@dataclass(frozen=True, slots=True)
class FeedbackCounts:
    """What has become of the feedback that LangSmith has for a key.

    Attributes:
        stored: Scores that are in the ledger now.
        other_runs: Scores of runs that are no request of this ledger.
        unscored: Feedback without a score, such as a comment alone.
        off_scale: Scores outside of the scale.
    """

    stored: int = 0
    other_runs: int = 0
    unscored: int = 0
    off_scale: int = 0

    def plus(self, other: FeedbackCounts) -> FeedbackCounts:
        """Return the sums."""
        return FeedbackCounts(
            self.stored + other.stored,
            self.other_runs + other.other_runs,
            self.unscored + other.unscored,
            self.off_scale + other.off_scale,
        )


def checked_scale(client: Any, project: str, key: str, scale: Sequence[float]) -> None:
    """Refuse arguments that make no sense.

    Raises:
        ConfigurationError: The client is none of LangSmith's, a name is empty, or the scale is no pair
            of ascending numbers.
    """
    if not callable(getattr(client, "list_feedback", None)):
        raise ConfigurationError(
            f"read_feedback(client={type(client).__name__}) takes a langsmith.Client()."
        )
    for name, value in (("project", project), ("key", key)):
        if not isinstance(value, str) or not value:
            raise ConfigurationError(
                f"read_feedback({name}={value!r}) takes the {name}'s name, as LangSmith shows it."
            )
    numbers = isinstance(scale, tuple | list) and len(scale) == 2
    if not numbers or not all(map(_is_bound, scale)) or not scale[0] < scale[1]:
        raise ConfigurationError(
            f"read_feedback(scale={scale!r}) takes the worst and the best score: (0, 1), or (1, 5)."
        )


def slices_of(
    client: Client, project: str, key: str, since: datetime | None
) -> Iterator[list[Given]]:
    """The feedback of a project for a key, some hundred at a time.

    Args:
        client: LangSmith's client.
        project: The project's name.
        key: The feedback's key.
        since: From which moment on; `None` for all.

    Raises:
        langsmith.utils.LangSmithError: LangSmith can't be reached, refuses, or has no such project.
    """
    session = client.read_project(project_name=project).id
    found = (
        each
        for each in client.list_feedback(feedback_key=[key], session=[str(session)])
        if since is None or each.created_at is None or _aware(each.created_at) >= since
    )
    while some := list(islice(found, SLICE)):
        yield some


def store(
    connection: Connection,
    found: Sequence[Given],
    scale: Sequence[float],
    keep_text: bool,
) -> FeedbackCounts:
    """Write scores in one transaction: once each, as LangSmith has them now.

    Args:
        connection: The transaction.
        found: The feedback.
        scale: The worst and the best score.
        keep_text: Keep the comments.
    """
    from sqlalchemy import select

    from lc_asym_router.money.database.day_totals import forget_days
    from lc_asym_router.money.database.tables import feedback, requests

    runs = {str(each.run_id) for each in found if each.run_id is not None}
    forget_days(connection, times=set(), requests=set(), runs=runs)
    known = {
        run_id
        for column in (requests.c.run_id, requests.c.id)
        for run_id in connection.execute(select(column).where(column.in_(runs))).scalars()
    }
    low, high = scale
    rows, other_runs, unscored, off_scale = [], 0, 0, 0
    for each in found:
        if str(each.run_id) not in known:
            other_runs += 1
            continue
        number = _number(each.score)
        if number is None:
            unscored += 1
        elif not low <= number <= high:
            off_scale += 1
        else:
            given = Feedback(str(each.run_id), (number - low) / (high - low), each.comment)
            row = feedback_row(given, keep_text=keep_text).row | {"id": each.id.hex}
            if each.created_at is not None:
                row["time"] = _aware(each.created_at)
            rows.append(row)
    # What was read before may have been changed or withdrawn since.
    ids = [each.id.hex for each in found]
    connection.execute(feedback.delete().where(feedback.c.id.in_(ids)))
    if rows:
        connection.execute(feedback.insert(), list({row["id"]: row for row in rows}.values()))
    return FeedbackCounts(len(rows), other_runs, unscored, off_scale)


def _is_bound(value: Any) -> bool:
    return _number(value) is not None and not isinstance(value, bool)


def _number(value: Any) -> float | None:
    """A score as a number, a thumb up or down too; `None` where it is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
