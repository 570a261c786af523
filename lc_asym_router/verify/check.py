"""Checks, and the operators that compose them."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from copy import copy
from functools import cached_property
from typing import Any, ClassVar, cast

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.deadline import (
    LONG_TEXT,
    awithin,
    finished,
    off_loop,
    within,
)
from lc_asym_router.errors import CheckError, ConfigurationError
from lc_asym_router.verify.attempt import Attempt, Prefix, Verdict, all_of, any_of, opposite_of

CheckCallable = Callable[[Attempt], Verdict | bool | Awaitable[Verdict | bool]]


class Check(ABC):
    """Base class: decides whether an attempt's answer may be returned.

    Subclasses implement `check`, and also `acheck` if they wait for something. A check that passes
    answers with at least a certain score stores that bound in `threshold`, which calibration then
    chooses. One that asks a second model for its own answer stores it in `second`, so that the
    check can be replayed on recorded answers; this may also be the name of a tier above.
    """

    asks: ClassVar[bool] = False
    """Whether it asks a model: such a check can't be run again on recorded answers."""
    vouches: ClassVar[str] = "own"
    """What an answer that it passes is vouched for by, one of `VOUCHED`; a subclass of the user's own
    leaves it."""
    instant: ClassVar[bool] = False
    """Whether it looks at the answer alone and calls nothing, so that there is nothing to meter. That
    holds for the class that says so, not for its subclasses."""
    time_limit: float | None = None
    """Seconds that it may take, beside the request's deadline; `None` for no limit of its own. A check
    that takes longer has failed, as one that raises."""

    @property
    def name(self) -> str:
        """The check's name, for records."""
        return type(self).__name__

    @property
    def parts(self) -> tuple[Check, ...]:
        """The checks that it is composed of; a simple check itself."""
        return (self,)

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Check:
        """Return the check with other thresholds, by the names of its parts."""
        if self.name not in thresholds or not hasattr(self, "threshold"):
            return self
        changed = copy(self)
        cast("Any", changed).threshold = thresholds[self.name]
        return changed

    def with_second(self, second: BaseChatModel) -> Check | None:
        """Return the check with another second model; the check itself where it asks none.

        `None` where it asks a model for anything else than that model's own answer.
        """
        if getattr(self, "second", None) is None:
            return None if self.asks else self
        changed = copy(self)
        cast("Any", changed).second = second
        return changed

    def at(self, tier: str) -> Check | None:
        """Return the check that applies to the named tier's answers; `None` for none."""
        return self

    @abstractmethod
    def check(self, attempt: Attempt) -> Verdict:
        """Check an attempt."""

    def early(self, prefix: Prefix) -> Verdict | None:
        """Return a failed verdict if the beginning of an answer already decides it, else `None`.

        It is called while the answer arrives, so it must be fast; and it must not fail an answer
        that `check` would pass when complete.
        """
        return None

    @property
    def may_end_early(self) -> bool:
        """Whether `early` can ever return a verdict."""
        return type(self).early is not Check.early

    @property
    def makes_calls(self) -> bool:
        """Whether the check may call a model or another service."""
        return not vars(type(self)).get("instant", False)

    async def acheck(self, attempt: Attempt) -> Verdict:
        """The async twin of `check`; override it in a check that waits for something.

        Where it is not overridden, `check` runs in a thread: the event loop waits for nobody's
        computing. Checks that look at the answer alone run at once on a short answer.
        """
        if _at_once(self, attempt):
            return self.check(attempt)
        return await off_loop(lambda: self.check(attempt))

    def end_early(self, prefix: Prefix) -> Verdict | None:
        """Return the early verdict with the check's name."""
        verdict = self.early(prefix)
        return verdict.by(self.name, self.vouches) if verdict else None

    def __call__(self, attempt: Attempt) -> Verdict:
        """The verdict on an attempt, with the check's name in it."""
        return _checked(self, attempt).by(self.name, self.vouches)

    async def acall(self, attempt: Attempt) -> Verdict:
        """The async twin of calling the check."""
        return (await _achecked(self, attempt)).by(self.name, self.vouches)

    def __and__(self, other: Check | CheckCallable) -> Check:
        return All(self, as_check(other))

    def __rand__(self, other: CheckCallable) -> Check:
        return All(as_check(other), self)

    def __or__(self, other: Check | CheckCallable) -> Check:
        return AnyOf(self, as_check(other))

    def __ror__(self, other: CheckCallable) -> Check:
        return AnyOf(as_check(other), self)

    def __invert__(self) -> Check:
        return Not(self)

    def __repr__(self) -> str:
        return self.name


class _Several(Check):
    """Several checks in place of one, asked in order until one decides."""

    sign: ClassVar[str]
    decided_by: ClassVar[bool]
    """The verdict at which the others need not be asked."""

    def __init__(self, *checks: Check) -> None:
        self.checks: tuple[Check, ...] = tuple(
            inner
            for check in checks
            for inner in (check.checks if isinstance(check, self._kind) else (check,))
        )

    @property
    def _kind(self) -> type[_Several]:
        return All if isinstance(self, All) else AnyOf

    @cached_property
    def name(self) -> str:
        return "(" + f" {self.sign} ".join(check.name for check in self.checks) + ")"

    @cached_property
    def _named(self) -> tuple[tuple[Check, str], ...]:
        return tuple((check, check.name) for check in self.checks)

    @property
    def parts(self) -> tuple[Check, ...]:
        return tuple(part for check in self.checks for part in check.parts)

    @property
    def makes_calls(self) -> bool:
        own = type(self) is self._kind
        return not own or any(check.makes_calls for check in self.checks)

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Check:
        return self._kind(*(check.with_thresholds(thresholds) for check in self.checks))

    def with_second(self, second: BaseChatModel) -> Check | None:
        checks = [check.with_second(second) for check in self.checks]
        return None if None in checks else self._kind(*cast("list[Check]", checks))

    def check(self, attempt: Attempt) -> Verdict:
        verdicts: list[Verdict] = []
        for place, (check, name) in enumerate(self._named):
            limited = check.time_limit is not None
            said = _checked(check, attempt) if limited else check.check(attempt)
            verdict = said.by(name, check.vouches)
            verdicts.append(verdict)
            if verdict.answer is not None and not self.decided_by:
                attempt = attempt.saying(verdict.answer)
                again = [before(attempt) for before in self.checks[:place]]
                verdicts += again
                if not all(each.passed for each in again):
                    break
            if bool(verdict.passed) is self.decided_by:
                break
        return self._together(verdicts)

    async def acheck(self, attempt: Attempt) -> Verdict:
        verdicts: list[Verdict] = []
        for place, (check, name) in enumerate(self._named):
            verdict = (await _achecked(check, attempt)).by(name, check.vouches)
            verdicts.append(verdict)
            if verdict.answer is not None and not self.decided_by:
                attempt = attempt.saying(verdict.answer)
                again = [await before.acall(attempt) for before in self.checks[:place]]
                verdicts += again
                if not all(each.passed for each in again):
                    break
            if bool(verdict.passed) is self.decided_by:
                break
        return self._together(verdicts)

    @abstractmethod
    def _together(self, verdicts: list[Verdict]) -> Verdict:
        """One verdict of those that were given; the last one decided, if any did."""


class All(_Several):
    """Passes where every check passes; stops at the first that fails. The score is the least.

    If one returns another answer in place of the checked one, the others must pass that one.
    """

    sign = "&"
    decided_by = False

    def at(self, tier: str) -> Check | None:
        checks = [here for check in self.checks if (here := check.at(tier)) is not None]
        return All(*checks) if checks else None

    @property
    def may_end_early(self) -> bool:
        return any(check.may_end_early for check in self.checks)

    def early(self, prefix: Prefix) -> Verdict | None:
        """Decided as soon as one of them is."""
        verdicts = (check.end_early(prefix) for check in self.checks)
        return next((verdict for verdict in verdicts if verdict), None)

    def _together(self, verdicts: list[Verdict]) -> Verdict:
        return all_of(verdicts)


class AnyOf(_Several):
    """Passes where one check passes; stops at the first that does. The score is the greatest."""

    sign = "|"
    decided_by = True

    @property
    def may_end_early(self) -> bool:
        return all(check.may_end_early for check in self.checks)

    def early(self, prefix: Prefix) -> Verdict | None:
        """Decided when all of them are."""
        verdicts = [check.end_early(prefix) for check in self.checks]
        failed = [verdict for verdict in verdicts if verdict]
        return any_of(failed) if len(failed) == len(verdicts) else None

    def _together(self, verdicts: list[Verdict]) -> Verdict:
        return any_of(verdicts)


class Not(Check):
    """Passes where the other check fails."""

    def __init__(self, inner: Check) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        return f"~{self.inner.name}"

    @property
    def parts(self) -> tuple[Check, ...]:
        return self.inner.parts

    @property
    def makes_calls(self) -> bool:
        return type(self) is not Not or self.inner.makes_calls

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Check:
        return Not(self.inner.with_thresholds(thresholds))

    def with_second(self, second: BaseChatModel) -> Check | None:
        inner = self.inner.with_second(second)
        return inner and Not(inner)

    @property
    def _vouches(self) -> list[str]:
        return [part.vouches for part in self.parts]

    def check(self, attempt: Attempt) -> Verdict:
        return opposite_of(self.inner(attempt), self._vouches)

    async def acheck(self, attempt: Attempt) -> Verdict:
        return opposite_of(await self.inner.acall(attempt), self._vouches)

    def __invert__(self) -> Check:
        return self.inner


class CallableCheck(Check):
    """A plain callable as a check; on the async path a sync one runs in a thread."""

    def __init__(self, function: CheckCallable) -> None:
        self.function = function

    @property
    def name(self) -> str:
        return getattr(self.function, "__name__", type(self.function).__name__)

    def check(self, attempt: Attempt) -> Verdict:
        value = self.function(attempt)
        if inspect.isawaitable(value):
            value = finished(value)
        return _verdict(value, self.name)

    async def acheck(self, attempt: Attempt) -> Verdict:
        if inspect.iscoroutinefunction(self.function):
            return _verdict(await self.function(attempt), self.name)
        value: Any = await off_loop(lambda: self.function(attempt))
        return _verdict(await value if inspect.isawaitable(value) else value, self.name)


def as_check(check: Check | CheckCallable) -> Check:
    """Return a check, or wrap a plain callable as one.

    Raises:
        ConfigurationError: It is neither.
    """
    if isinstance(check, Check):
        return check
    if not callable(check) or isinstance(check, type):
        raise ConfigurationError(
            f"{check!r} is no check. Give a check from lc_asym_router.verify (an instance, such as "
            "NotEmpty()), or a callable attempt -> Verdict or bool."
        )
    if not _takes_one(check):
        name = getattr(check, "__name__", type(check).__name__)
        raise ConfigurationError(
            f"{name} takes no attempt, so it is no check. Give what it makes, {name}(), or a callable "
            "attempt -> Verdict or bool."
        )
    return CallableCheck(check)


def _takes_one(function: CheckCallable) -> bool:
    """Whether a callable can be called with an attempt alone, as far as it can be seen."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # built-in, without a signature
        return True
    return True


def _at_once(check: Check, attempt: Attempt) -> bool:
    """Whether a check may run on an event loop: it computes little, and reads no long text."""
    return vars(type(check)).get("instant", False) and len(attempt.text) < LONG_TEXT


def _checked(check: Check, attempt: Attempt) -> Verdict:
    seconds = check.time_limit
    if seconds is None:
        return check.check(attempt)
    return within(seconds, lambda: check.check(attempt))


async def _achecked(check: Check, attempt: Attempt) -> Verdict:
    seconds = check.time_limit
    if seconds is None:
        return await check.acheck(attempt)
    return await awithin(seconds, lambda: check.acheck(attempt))


def _verdict(value: Any, name: str) -> Verdict:
    if isinstance(value, Verdict):
        return value
    if isinstance(value, bool):
        return Verdict(value)
    raise CheckError(
        f"The check {name} returned {type(value).__name__}; a check returns a Verdict or a bool. "
        "Return Verdict(passed, score, reason)."
    )
