"""The router's audits: set up, read, and ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any
from uuid import UUID

from langchain_core.messages.ai import UsageMetadata

from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.audits.audit import AS_SET, Audit, Rung
from lc_asym_router.audits.auditor import Auditor
from lc_asym_router.audits.counts import AuditReport
from lc_asym_router.audits.rungs import Goal
from lc_asym_router.audits.shadow import Shadow
from lc_asym_router.audits.target_report import TargetReport
from lc_asym_router.errors import ConfigurationError, InvalidRequestError
from lc_asym_router.graph.calls.meter import AuditMeter
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.rung_checks import RungChecks
from lc_asym_router.records.handlers import Feedback
from lc_asym_router.records.trail import Labels
from lc_asym_router.router.checking import check_of
from lc_asym_router.router.settings import calibrated, calibration_of, thresholds_of
from lc_asym_router.verify.check import Check
from lc_asym_router.verify.vote import Vote

logger = logging.getLogger(__name__)


def audited(policy: Policy, audit: Any, shadow: Any = None) -> Policy:
    """Return the policy with what audits its answers, where that is wanted.

    Args:
        policy: The policy.
        audit: An `Audit`, or `None`.
        shadow: A `Shadow`, `True` for one with its own defaults, or `None`.

    Raises:
        ConfigurationError: The setting is no `Audit`, its budget is in USD and the price of a tier that
            it asks is not known, or the last tier takes one call at a time.
    """
    shadow = Shadow() if shadow is True else shadow or None
    if shadow is not None:
        if audit is not None:
            raise ConfigurationError(
                "Give either shadow= or audit=: in a shadow the frontier answers everything, so there "
                "is nothing to audit."
            )
        if not isinstance(shadow, Shadow):
            raise ConfigurationError(
                f"shadow= is a {type(shadow).__name__}; give True, or a Shadow(share=0.1)."
            )
        audit = shadow.audit
    if audit is None:
        return policy
    if not isinstance(audit, Audit):
        raise ConfigurationError(
            f"audit= is a {type(audit).__name__}; give an Audit, such as Audit(share=0.02)."
        )
    last = policy.ladder.last
    # A target and a shadow ask the lower tiers beside.
    asked = list(policy.ladder) if audit.target is not None else [last]
    unknown = next((each for each in asked if each.rate is None), None)
    if audit.budget is not None and audit.budget.usd is not None and unknown is not None:
        raise ConfigurationError(
            f"The price of the tier {unknown.name!r} ({unknown.model_name}) is not known, and the "
            "audits' budget in USD must know it. Declare it: Tier(model, price=Price(input, output)) "
            "in USD per million tokens."
        )
    labels = Labels("audit", "audit", "drawn", last.name)
    meter = partial(AuditMeter, policy.price_of, labels)
    if audit.target is None:
        return replace(policy, auditor=Auditor(audit, policy.ladder, meter))
    names, rungs = _rungs(policy, audit)
    if audit.start is not None and audit.start >= len(rungs):
        raise ConfigurationError(
            f"Audit(start={audit.start}) names none of the {len(rungs)} rungs, counted from 0: "
            f"{', '.join(map(repr, names))}."
        )
    every = (*rungs, _all_frontier(policy))
    goal = Goal(
        target=audit.target,
        rungs=len(rungs),
        over=audit.over,
        error=1 - audit.confidence,
        share=audit.share,
        first=audit.first,
        start=audit.start,
        costs=_costs(rungs),
        frozen=shadow is not None,
    )
    auditor = Auditor(audit, policy.ladder, meter, goal=goal, names=names, lower=RungChecks(every))
    every = tuple(replace(each, auditor=auditor) for each in every)
    # The graph has a node for the checks of any rung.
    checked = next((each for each in reversed(rungs) if each.check is not None), policy)
    return replace(checked, auditor=auditor, rungs=every)


def _rungs(policy: Policy, audit: Audit) -> tuple[list[str], list[Policy]]:
    """The rungs' names, and the settings on each."""
    if audit.rungs is not None:
        found = [(rung.label, _on_rung(policy, rung)) for rung in audit.rungs]
        return [name for name, _ in found], [each for _, each in found]
    own = policy.check
    if any(isinstance(part, Vote) for part in (own.parts if own else ())):
        return [AS_SET], [policy]
    strict = check_of("strict", policy.ladder)
    assert strict is not None
    twice = strict if own is None else own & strict
    return [AS_SET, "second opinion"], [policy, _with_check(policy, twice)]


def _on_rung(policy: Policy, rung: Rung) -> Policy:
    decider, ladder = policy.decider, policy.ladder
    check = policy.check if rung.verify is AS_SET else check_of(rung.verify, ladder)
    if rung.threshold is not None:
        found = calibration_of(rung.threshold, decider.scorer)
        threshold = found.threshold if found else rung.threshold
        thresholds = thresholds_of(threshold, decider.scorer, ladder)
        policy = replace(policy, decider=replace(decider, thresholds=thresholds))
        check = calibrated(check, found)
    return _with_check(policy, check)


def _with_check(policy: Policy, check: Check | None) -> Policy:
    below = [tier.name for tier in policy.ladder[:-1]]
    checked = frozenset(name for name in below if check is not None and check.at(name))
    return replace(policy, check=check, decider=replace(policy.decider, checked=checked))


def _all_frontier(policy: Policy) -> Policy:
    return replace(policy, decider=replace(policy.decider, only_last=True))


def _costs(rungs: Sequence[Policy]) -> tuple[float, ...]:
    """What asking the first tier costs on each rung, as a share of the last tier's price; empty where a
    price is not known."""
    ladder = rungs[0].ladder
    low, high = ladder[0].rate, ladder.last.rate
    usage = UsageMetadata(input_tokens=1_000, output_tokens=300, total_tokens=1_300)
    ours, theirs = low.of(usage) if low else None, high.of(usage) if high else None
    if ours is None or not theirs:
        return ()
    found = []
    for policy in rungs:
        check = policy.check.at(ladder[0].name) if policy.check else None
        calls = sum(part.makes_calls for part in check.parts) if check else 0
        found.append(ours / theirs * (1 + calls))
    return tuple(found)


class Audited:
    """What a router says and does about its audits."""

    @property
    def policy(self) -> Policy:
        """The resolved settings, shared by all graph nodes."""
        raise NotImplementedError

    @property
    def audits(self) -> AuditReport:
        """What the audits have found so far: rates and bounds, by tier, check, tag and day.

        With `Audit(url=...)` it reads the database, and counts the audits of all processes.

        Raises:
            ConfigurationError: The router has no `audit=`.
        """
        return self._auditor.report()

    @property
    def target(self) -> TargetReport:
        """What is known of the target, or of the shadow: the rung in force, and each rung's saving and
        losses with their bounds.

        Raises:
            ConfigurationError: The router has neither.
        """
        auditor = self._auditor
        if auditor.keeper is None:
            raise ConfigurationError(
                "This router has no target. Give it audit=Audit(target=0.05), or shadow=True to try "
                "the lower tiers out first."
            )
        return auditor.keeper.report

    def audits_since(self, day: str) -> AuditReport:
        """What the audits of answers since a day have found.

        Args:
            day: The day (UTC), such as "2026-01-31". Choose it before you look: of the worst of many
                days nothing holds.

        Raises:
            ConfigurationError: The router has no `audit=`.
            InvalidRequestError: It is no such day.
        """
        try:
            start = date.fromisoformat(day)
        except (TypeError, ValueError):
            raise InvalidRequestError(
                f'audits_since({day!r}) takes a day (UTC) such as "2026-01-31".'
            ) from None
        return self._auditor.report(since=start.isoformat())

    def flush_audits(self, timeout: float = 30.0) -> bool:
        """Wait until every audit that was queued has ended.

        Args:
            timeout: How long to wait, in seconds.

        Returns:
            Whether all have, and are counted.
        """
        return self._auditor.flush(timeout)

    async def aflush_audits(self, timeout: float = 30.0) -> bool:  # noqa: ASYNC109
        """The async twin of `flush_audits`."""
        return await asyncio.to_thread(self.flush_audits, timeout)

    def close_audits(self, timeout: float | None = None) -> None:
        """Wait for the audits that are queued, and audit nothing any more; the router still answers.

        Args:
            timeout: How long to wait, in seconds; `Audit(close_seconds=...)` by default. The process's
                normal end does the same.
        """
        self._auditor.close(timeout)

    async def aclose_audits(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """The async twin of `close_audits`."""
        await asyncio.to_thread(self.close_audits, timeout)

    def feedback(self, run_id: str, score: float, comment: str | None = None) -> None:
        """Pass on what a user thought of an answer to the router's callbacks, such as a `Ledger`.

        It stands beside the audits: no bound takes notice of it. It waits for no database.

        Args:
            run_id: Id of the router's run (`response_metadata["router"]["run_id"]`), or the record's
                own `id`.
            score: From 0 (bad) to 1 (good).
            comment: In the user's words; a `Ledger` keeps it only with `keep_text=True`.

        Raises:
            InvalidRequestError: The id is empty, or the score is no number from 0 to 1.
            ConfigurationError: None of the router's callbacks takes feedback.
        """
        if not isinstance(run_id, str | UUID) or not str(run_id):
            raise InvalidRequestError(
                "feedback(run_id=...) takes the id of an answer's run: "
                'answer.response_metadata["router"]["run_id"].'
            )
        number = isinstance(score, int | float) and not isinstance(score, bool)
        if not number or not 0 <= score <= 1:
            raise InvalidRequestError(
                f"feedback(score={score!r}) must be a number from 0 (bad) to 1 (good)."
            )
        found: Any = getattr(self, "callbacks", None) or ()
        handlers = getattr(found, "handlers", found)
        takers = [each for each in handlers if hasattr(each, "on_router_feedback")]
        if not takers:
            raise ConfigurationError(
                "Nothing keeps feedback here. Give the router a ledger: "
                "AsymRouter(callbacks=[Ledger()])."
            )
        feedback = Feedback(str(run_id), float(score), comment)
        for handler in takers:
            try:
                handler.on_router_feedback(feedback)
            except Exception as error:  # handlers are anybody's
                log_fault(logger, "%s failed: %s", type(handler).__name__, describe_error(error))

    @property
    def _auditor(self) -> Auditor:
        auditor = self.policy.auditor
        if auditor is None:
            raise ConfigurationError(
                "This router audits nothing. Give it audit=Audit(share=0.02), which asks the last tier "
                "besides for 2 % of the lower tiers' answers."
            )
        return auditor
