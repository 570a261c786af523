"""Budgets: what may be spent, by whom, in which period, and what happens when it is used up."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.budgets.amounts import (
    MOST_LIMIT,
    NANO,
    UNITS,
    Amounts,
    Claim,
    Unit,
    amount_text,
    in_unit,
    limit_amount,
)
from lc_asym_router.money.budgets.store import BudgetStore
from lc_asym_router.money.usage import MOST_TOKENS

Every = Literal["hour", "day", "week", "month"]
EVERY: tuple[Every, ...] = ("hour", "day", "week", "month")


def utc_now() -> datetime:
    """The moment, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def period_name(every: Every, moment: datetime) -> str:
    """The period that a moment in UTC is in: "2026-01-31T14", "2026-01-31", "2026-W05", "2026-01"."""
    if every == "hour":
        return moment.strftime("%Y-%m-%dT%H")
    if every == "day":
        return moment.date().isoformat()
    if every == "week":
        year, week, _ = moment.isocalendar()
        return f"{year}-W{week:02}"
    return moment.strftime("%Y-%m")


def period_end(every: Every, moment: datetime) -> datetime:
    """The first moment that is in the period no more; a week ends with Sunday."""
    if every == "hour":
        return moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "day":
        return midnight + timedelta(days=1)
    if every == "week":
        return midnight + timedelta(days=7 - midnight.weekday())
    return (midnight.replace(day=1) + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True, slots=True)
class Exhausted:
    """A call that a budget has no room for.

    Attributes:
        budget: The budget's name.
        per: What the budget is per: "request", "thread", "day" or "tag".
        scope: The thread, the tag or the day (UTC); "" for a request.
        unit: The unit of the limit: "usd", "tokens" or "calls".
        limit: The limit, in that unit.
        spent: The amount spent, in that unit.
        reserved: The amount that running calls may still spend, in that unit.
        needed: The maximum of the refused call, in that unit.
        opens_at: When the budget resets, ISO 8601 in UTC; `None` where it does not.
        tier: The tier that was to be called; "" for a call of a classifier or a check.
        fault: Why the budget's store could not be used, or `None`: then the amounts are unknown,
            and no call is made.
        every: The period that the limit is for, "hour", "day", "week" or "month"; `None` for none.
    """

    budget: str
    per: str
    scope: str
    unit: Unit
    limit: float
    spent: float
    reserved: float
    needed: float
    opens_at: str | None
    tier: str = ""
    fault: str | None = None
    every: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as stored in the record: plain JSON."""
        return asdict(self)

    def __str__(self) -> str:
        unit = self.unit
        scope = f" {self.scope!r}" if self.scope and self.per != "request" else ""
        period = f" each {self.every}" if self.every and self.per != "day" else ""
        limit = f"{amount_text(unit, self.limit)} per {self.per}{scope}{period}"
        what = f"The budget {self.budget!r} ({limit})"
        if self.fault is not None:
            return f"{what} can't be asked: {self.fault}. No call is made without it."
        to = f"to {self.tier!r} " if self.tier else ""
        text = (
            f"{what} has no room for a call {to}that may take {amount_text(unit, self.needed)}: "
            f"{amount_text(unit, self.spent)} spent, {amount_text(unit, self.reserved)} reserved by "
            "calls under way."
        )
        if self.needed > self.limit:
            text += " Raise the limit, or lower the model's max_tokens: one call may take it all."
        elif self.opens_at:
            text += f" It opens again at {self.opens_at}."
        else:
            text += f" It does not open by itself: raise the limit, or begin another {self.per}."
        return text


Per = Literal["request", "thread", "day", "tag"]
OnExhausted = Literal["small", "error"] | Callable[[Exhausted], Any]

NONE = "-"
"""The scope of requests without a thread id, and of those without a tag."""
LONGEST_LEASE = 31_622_400.0
"""The longest lease, in seconds: a leap year."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a request counts under.

    Attributes:
        thread: Its thread's id; "-" where it has none.
        tags: The caller's tags; only "-" where there are none.
        moment: Its time, in UTC.
    """

    thread: str
    tags: tuple[str, ...]
    moment: datetime


@dataclass(frozen=True)
class Budget:
    """A limit on what requests may spend, in USD, tokens or calls, or several of these at once.

    Before each call its maximum is reserved, and afterwards settled to what it took:
    spent and reserved together never pass the limit, in threads, tasks, processes and machines that
    share the store. A call that has no room is not made.

    Guarantees and their limits:
    - The most that a call can take is its text's bytes as input tokens (no tokenizer makes more; an
      image or a file is taken as 50,000) and its model's limit on output tokens, at the tier's
      dearest price. Where a provider bills more than that (it ignores the limit, hidden prompts,
      tools of its own, audio), what it reports is booked all the same, and can pass the limit.
    - A stream whose reader stopped, and an answer that broke off, can't be read or was ended early, is
      booked by an estimate from what was received. Any other call that was given up, failed
      half-way or reports no tokens, or absurd ones, is booked at all that was reserved.
    - A model client's own retries are not seen where the router can't take them over (it does
      `ChatOpenAI`'s): switch them off on the model, so that a call is one call.
    - What a process that died had reserved comes back after `lease` seconds, although its provider
      may have billed it. A call that outlives its lease is booked when it ends, and can pass the
      limit: set `lease` over the model's time-out.
    - Calls of classifiers and checks (judges, further samples) are reserved likewise, at their
      model's limit on output. Where LangChain does not know of one (Ollama's, for example), they are
      reserved at `max_output_tokens`, else at 4,096, which is not enforced on them. One without a
      known price counts as a call and by its tokens, not in USD. A decision model that makes its
      calls past LangChain's chat models is not seen.

    Args:
        usd: The maximum cost, in USD.
        tokens: The maximum number of tokens, input and output together.
        calls: The maximum number of model calls. With `per="request"` it limits the calls of a request.
        per: "request"; "thread" (the config's `thread_id`; requests without one count together);
            "day" (from midnight to midnight UTC); "tag" (each of the caller's tags has the limit to
            itself; requests without tags count together).
        on_exhausted: What happens when a call finds no room. "error" raises `BudgetExceededError`.
            "small" asks the small tier instead; its answer is checked as ever, and where it fails
            its check the error is raised, for unchecked text never leaves. A callable gets an
            `Exhausted` and returns "small", "error", or an answer: a text or an `AIMessage`. It may
            be async. Where it raises, or takes half of what the deadline leaves, that is logged and
            taken for "small".
        name: Names the budget in errors and in the store; budgets of one name, unit, period and
            store share what they spend. Left out, it is the `per`, or the tag, with the period.
        tag: With `per="tag"`, the only tag that counts, or with a "*" at its end all that begin so,
            each with the limit to itself; requests without one are free of this budget.
            `Budget(usd=5, per="tag", tag="user:*", every="day")`: each user's own 5 USD a day.
        every: With `per="thread"` or `per="tag"`, the period after which the budget resets:
            "hour", "day", "week" (from Monday) or "month", in UTC. Left out: never.
        store: A `BudgetStore`, or its URL. Omitted: the memory of this process.
        lease: Seconds after which a dead process's reservation counts no more, and what a call that
            is paid by the second is reserved at.
        max_output_tokens: Set on the model of every tier that this budget pays for and that has no
            limit on its output tokens. Required for such a tier.

    Raises:
        ConfigurationError: A setting is invalid.
    """

    usd: float | None = None
    per: Per = "day"
    on_exhausted: OnExhausted = "error"
    tokens: int | None = None
    calls: int | None = None
    name: str = ""
    tag: str | None = None
    store: BudgetStore = field(default=None, repr=False)  # type: ignore[assignment]
    lease: float = 600.0
    max_output_tokens: int | None = None
    every: Every | None = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        if self.store is None or isinstance(self.store, str | os.PathLike):
            put(self, "store", BudgetStore(self.store))
        name = f"tag {self.tag}" if self.tag else str(self.per)
        period = f" each {self.every}" if self.every else ""
        put(self, "name", self.name or name[: 60 - len(period)] + period)
        self._validate()

    def _validate(self) -> None:
        if not any(getattr(self, unit) is not None for unit in UNITS):
            raise ConfigurationError(
                "Budget() limits nothing. Give usd=, tokens= or calls=: Budget(usd=5, per='day')."
            )
        for unit in UNITS:
            limit, least = getattr(self, unit), 1 / NANO if unit == "usd" else 1
            if limit is not None and not _number(limit, least, MOST_LIMIT[unit]):
                raise ConfigurationError(
                    f"Budget({unit}={limit!r}) must be a number over 0: {least:g} to "
                    f"{MOST_LIMIT[unit]:g}. Leave it out for no limit."
                )
        if self.per not in ("request", "thread", "day", "tag"):
            raise ConfigurationError(
                f"Budget(per={self.per!r}): it is per 'request', 'thread', 'day' or 'tag'; other "
                "periods are every=: Budget(usd=5, per='tag', tag='user:*', every='week')."
            )
        if self.on_exhausted not in ("small", "error") and not callable(self.on_exhausted):
            raise ConfigurationError(
                f"Budget(on_exhausted={self.on_exhausted!r}): give 'small', 'error' or a callable."
            )
        if self.tag is not None and self.per != "tag":
            raise ConfigurationError("Budget(tag=...) goes with per='tag'.")
        if self.every is not None and self.every not in EVERY:
            raise ConfigurationError(
                f"Budget(every={self.every!r}): it is every 'hour', 'day', 'week' or 'month'."
            )
        if self.every is not None and self.per not in ("thread", "tag"):
            raise ConfigurationError("Budget(every=...) goes with per='thread' or per='tag'.")
        if not isinstance(self.store, BudgetStore):
            raise ConfigurationError("Budget(store=...) takes a BudgetStore or a database's URL.")
        if "|" in self.name or len(self.name) > 60:
            raise ConfigurationError(
                f"Budget(name={self.name!r}): at most 60 characters, without '|'."
            )
        if not _number(self.lease, 0.001, LONGEST_LEASE):
            raise ConfigurationError(
                f"Budget(lease={self.lease!r}) must be seconds, over 0, a year at most."
            )
        most = self.max_output_tokens
        if most is not None and not (isinstance(most, int) and _number(most, 1, MOST_TOKENS)):
            raise ConfigurationError(
                f"Budget(max_output_tokens={most!r}) must be a whole number over 0, at most "
                f"{MOST_TOKENS}."
            )

    def limit(self, unit: Unit) -> int | None:
        """Return the limit in a unit, as a whole number of its smallest parts; `None` for none."""
        limit = getattr(self, unit)
        return None if limit is None else limit_amount(unit, limit)

    @property
    def period(self) -> Every | None:
        """Return the period that the limit is for, or `None`."""
        return "day" if self.per == "day" else self.every

    def scopes(self, scope: Scope) -> tuple[str, ...]:
        """Return what a request counts under: nothing, one scope, or each of its tags."""
        if self.per == "day":
            return (period_name("day", scope.moment),)
        if self.per == "thread":
            return (scope.thread,)
        if self.per == "tag":
            return tuple(tag for tag in scope.tags if self._counts(tag))
        return ("",)

    def _counts(self, tag: str) -> bool:
        if self.tag is None:
            return True
        if self.tag.endswith("*"):
            return tag != NONE and tag.startswith(self.tag[:-1])
        return tag == self.tag

    def claims(self, scope: Scope, most: Amounts) -> Iterator[tuple[Unit, str, Claim]]:
        """What a call that may take `most` claims: unit, scope and claim; none for what is free."""
        ends_at = period_end(self.period, scope.moment).timestamp() if self.period else None
        for unit in UNITS:
            limit = self.limit(unit)
            if limit is None or not most.get(unit):
                continue
            for place in self.scopes(scope):
                key = self.key(unit, place, scope.moment)
                yield unit, place, Claim(key, limit, most[unit], self.lease, ends_at)

    def key(self, unit: Unit, place: str, moment: datetime) -> str:
        """Return the key of a limit in the store."""
        if len(place) > 100 or not place.isprintable() or not place.isascii():
            place = hashlib.sha256(place.encode("utf-8", "replace")).hexdigest()
        key = f"{self.name}|{self.per}|{unit}|{place}"
        return f"{key}|{period_name(self.every, moment)}" if self.every else key

    def opens_at(self, moment: datetime) -> str | None:
        """Return when the budget resets, ISO 8601 in UTC; `None` where it does not."""
        return period_end(self.period, moment).isoformat() if self.period else None

    def balance(self, scope: str | None = None) -> dict[str, dict[str, float]]:
        """Return limit, spent, reserved and left by unit, in USD, tokens or calls.

        Args:
            scope: The thread's id, the tag, or the day ("2026-01-31"); left out: today, the
                budget's own tag, or what has no thread or tag. With `every`: in this period.

        Raises:
            ConfigurationError: The budget is per request: see the record's "budget".
            sqlalchemy.exc.SQLAlchemyError: The database can't be reached.
        """
        if self.per == "request":
            raise ConfigurationError(
                "A budget per request is no longer there when its request has ended: see "
                "response_metadata['router']['budget']."
            )
        moment = utc_now()
        place = scope or (period_name("day", moment) if self.per == "day" else self.tag or NONE)
        found: dict[str, dict[str, float]] = {}
        for unit in UNITS:
            limit = self.limit(unit)
            if limit is None:
                continue
            now = self.store.balance(self.key(unit, place, moment))
            parts = {
                "limit": limit,
                "spent": now.spent,
                "reserved": now.reserved,
                "left": limit - now.spent - now.reserved,
            }
            found[unit] = {name: in_unit(unit, amount) for name, amount in parts.items()}
        return found


def _number(value: Any, least: float, most: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and least <= value <= most
