"""The router's audits: set up, read, and ended."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any
from uuid import UUID

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.audits.audit import Audit
from lc_asym_router.audits.auditor import Auditor
from lc_asym_router.audits.counts import AuditReport
from lc_asym_router.errors import ConfigurationError, InvalidRequestError
from lc_asym_router.graph.audit_meter import AuditMeter
from lc_asym_router.graph.policy import Policy
from lc_asym_router.records.handlers import Feedback
from lc_asym_router.records.trail import Labels

logger = logging.getLogger(__name__)


def audited(policy: Policy, audit: Any) -> Policy:
    """Return the policy with what audits its answers, where that is wanted.

    Raises:
        ConfigurationError: The setting is no `Audit`, its budget is in USD and the last tier's price is
            not known, or the last tier takes one call at a time.
    """
    if audit is None:
        return policy
    if not isinstance(audit, Audit):
        raise ConfigurationError(
            f"audit= is a {type(audit).__name__}; give an Audit, such as Audit(share=0.02)."
        )
    last = policy.ladder.last
    if audit.budget is not None and audit.budget.usd is not None and last.rate is None:
        raise ConfigurationError(
            f"The price of the tier {last.name!r} ({last.model_name}) is not known, and the audits' "
            "budget in USD must know it. Declare it: Tier(model, price=Price(input, output)) in USD "
            "per million tokens."
        )
    labels = Labels("audit", "audit", "drawn", last.name)
    auditor = Auditor(audit, policy.ladder, lambda: AuditMeter(policy.price_of, labels))
    return replace(policy, auditor=auditor)


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

    def audits_since(self, day: str) -> AuditReport:
        """What the audits of answers since a day have found.

        Args:
            day: The day (UTC), such as "2026-01-31". Choose it before you look: of the worst of many
                days nothing holds.

        Raises:
            ConfigurationError: The router has no `audit=`.
        """
        return self._auditor.report(since=day)

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
                logger.warning("%s failed: %s", type(handler).__name__, describe_error(error))

    @property
    def _auditor(self) -> Auditor:
        auditor = self.policy.auditor
        if auditor is None:
            raise ConfigurationError(
                "This router audits nothing. Give it audit=Audit(share=0.02), which asks the last tier "
                "besides for 2 % of the lower tiers' answers."
            )
        return auditor
