"""The databases that a gateway uses, and which of them do not answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from lc_asym_router._internal.deadline import STORES, Clock, LateError, awithin, off_loop
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.gateway.access import Access
from lc_asym_router.gateway.key_access import KeyAccess
from lc_asym_router.money.database.sql_store import Store
from lc_asym_router.money.ledger.handler import Ledger
from lc_asym_router.router.router import AsymRouter

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 3.0
"""How long a database may take to answer; probes seldom wait for longer than some seconds."""
KEPT_SECONDS = 1.0
"""How long what was found is given to others who ask: probes ask no database more often."""


class Databases:
    """Asks each database that a gateway uses whether it can be written.

    Args:
        routers: The routers: with their budgets, audits and ledgers.
        ledger: The gateway's ledger, or `None`.
        access: Who may ask: its keys may be in a database.
        clock: The clock that what was found is kept by.
        seconds: How long a database may take to answer.
    """

    def __init__(
        self,
        routers: Iterable[AsymRouter],
        ledger: Ledger | None,
        access: Access,
        clock: Clock | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        self._stores: dict[str, Store] = {}
        self._uses: dict[str, list[str]] = {}
        for use, store in _used(routers, ledger, access):
            if store is None:
                continue
            # By the whole address: two with one name may have other passwords.
            address = store.url.render_as_string(hide_password=False)
            self._stores.setdefault(address, store)
            uses = self._uses.setdefault(address, [])
            if use not in uses:
                uses.append(use)
        self._clock = clock or Clock()
        self._seconds = seconds
        self._asking = asyncio.Lock()
        self._found: tuple[float, list[tuple[str, str]]] | None = None

    async def failing(self) -> list[tuple[str, str]]:
        """Return the databases that do not answer: what each is for, such as "ledger, budgets", and
        what is wrong, with the URL but not its password."""
        async with self._asking:
            if self._found is None or not self._clock.elapsed() < self._found[0]:
                asked = [self._fault(address) for address in self._stores]
                faults = zip(self._uses.values(), await asyncio.gather(*asked), strict=True)
                found = [(", ".join(uses), fault) for uses, fault in faults if fault]
                self._found = (self._clock.elapsed() + KEPT_SECONDS, found)
            return self._found[1]

    async def _fault(self, address: str) -> str:
        store, seconds = self._stores[address], self._seconds
        try:
            await awithin(seconds, lambda: off_loop(lambda: _check(store, seconds), threads=STORES))
        except LateError as error:
            fault = str(error)
        except Exception as error:  # a driver may raise anything
            fault = describe_store_error(error)
        else:
            return ""
        log_fault(logger, "A database does not answer (%s): %s", store.name, fault)
        return f"{store.name}: {fault}"


def _check(store: Store, seconds: float) -> None:
    """Begin a writing transaction that writes nothing: it raises what a write would."""
    with store.transaction(writing=True, seconds=seconds) as connection:
        connection.exec_driver_sql("SELECT 1")


def _used(
    routers: Iterable[AsymRouter], ledger: Ledger | None, access: Access
) -> Iterator[tuple[str, Store | None]]:
    """Every database by what it is for, some of them again and again."""
    if isinstance(access, KeyAccess):
        yield "keys", access.keys.store
    if ledger is not None:
        yield "ledger", ledger.database
    for router in routers:
        own: Any = router.callbacks or []
        for handler in getattr(own, "handlers", own):
            if isinstance(handler, Ledger):
                yield "ledger", handler.database
        for budget in router.policy.budgets:
            # A store of the user's own may have none.
            yield "budgets", getattr(budget.store, "database", None)
        if router.policy.auditor is not None:
            yield "audits", router.policy.auditor.store.database
