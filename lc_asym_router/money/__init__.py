"""What calls cost: prices, token counts, budgets, and the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.errors import BudgetExceededError as BudgetExceededError
    from lc_asym_router.errors import LedgerError as LedgerError
    from lc_asym_router.money.budgets.budget import Budget as Budget
    from lc_asym_router.money.budgets.budget import Exhausted as Exhausted
    from lc_asym_router.money.budgets.store import BudgetStore as BudgetStore
    from lc_asym_router.money.ledger.handler import Ledger as Ledger
    from lc_asym_router.money.prices import PerCall as PerCall
    from lc_asym_router.money.prices import PerSecond as PerSecond
    from lc_asym_router.money.prices import Power as Power
    from lc_asym_router.money.prices import Price as Price
    from lc_asym_router.money.prices import Pricing as Pricing

_HOMES = {
    "Budget": ".budgets.budget",
    "BudgetExceededError": "lc_asym_router.errors",
    "BudgetStore": ".budgets.store",
    "Exhausted": ".budgets.budget",
    "Ledger": ".ledger.handler",
    "LedgerError": "lc_asym_router.errors",
    "PerCall": ".prices",
    "PerSecond": ".prices",
    "Power": ".prices",
    "Price": ".prices",
    "Pricing": ".prices",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
