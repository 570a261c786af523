"""The ledger: stores every request's record, without its text, in a database, and reports on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.errors import LedgerError as LedgerError
    from lc_asym_router.money.ledger.handler import Ledger as Ledger
    from lc_asym_router.money.ledger.langsmith_feedback import FeedbackCounts as FeedbackCounts

_HOMES = {
    "FeedbackCounts": ".langsmith_feedback",
    "Ledger": ".handler",
    "LedgerError": "lc_asym_router.errors",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
