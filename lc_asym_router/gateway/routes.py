"""Which router, and which of its tiers, answers to a model's name."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.gateway.access import Caller
from lc_asym_router.gateway.http_errors import NO_RETRY, GatewayError
from lc_asym_router.money.budgets.budget import Budget
from lc_asym_router.money.ledger.handler import Ledger
from lc_asym_router.router.router import AsymRouter

logger = logging.getLogger(__name__)

AUTO = "auto"
"""The model that lets the router choose."""
_KEPT = 256
"""Routers with callers' budgets that are kept."""


@dataclass(frozen=True)
class Route:
    """What answers to a model's name.

    Attributes:
        model: The name.
        router: The router.
        tier: The tier that is asked first, or `None` where the router decides.
    """

    model: str
    router: AsymRouter
    tier: str | None = None

    @property
    def configurable(self) -> dict[str, Any]:
        """The overrides of a call."""
        if self.tier is None:
            return {}
        return {f"{self.router.configurable_prefix}tier": self.tier}


class Routes:
    """The models' names: "auto", the tiers of the first router, each router, and "router/tier".

    Args:
        routers: A router; or several by their names, of which the first is "auto".
        budgets: Budgets of all requests, besides the routers' own.
        ledger: Stores the records of all of them, or `None`.

    Raises:
        ConfigurationError: There is no router, or two models have one name.
    """

    def __init__(
        self,
        routers: AsymRouter | Mapping[str, AsymRouter],
        budgets: Sequence[Budget] = (),
        ledger: Ledger | None = None,
    ) -> None:
        named = {AUTO: routers} if isinstance(routers, AsymRouter) else dict(routers)
        if not named:
            raise ConfigurationError("gateway_app needs a router, or several by their names.")
        found: list[Route] = []
        for place, (name, given) in enumerate(named.items()):
            router = with_budgets(with_ledger(given, ledger), budgets)
            prefix = "" if place == 0 else f"{name}/"
            if place == 0 and name != AUTO:
                found.append(Route(AUTO, router))
            found.append(Route(name, router))
            found += [Route(f"{prefix}{tier.name}", router, tier.name) for tier in router.ladder]
        names = [route.model for route in found]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ConfigurationError(
                f"Two models are named {', '.join(twice)}. Name the routers otherwise than the tiers "
                f"of the first one, and none of them {AUTO!r} but that."
            )
        self._routes = {route.model: route for route in found}
        self._budgeted: OrderedDict[tuple[int, tuple[Budget, ...]], AsymRouter] = OrderedDict()

    def names(self, caller: Caller) -> list[str]:
        """The names that a caller may ask for, in order."""
        return [name for name in self._routes if caller.models is None or name in caller.models]

    def unknown(self, model: str, caller: Caller) -> GatewayError:
        """The error for a name that is none, or none of the caller's."""
        return GatewayError(
            404,
            f"There is no model {model[:100]!r} here; there are {', '.join(self.names(caller))}.",
            code="model_not_found",
            param="model",
        )

    @property
    def routers(self) -> dict[str, AsymRouter]:
        """The routers by the first of their names."""
        found: dict[int, tuple[str, AsymRouter]] = {}
        for route in self._routes.values():
            found.setdefault(id(route.router), (route.model, route.router))
        return dict(found.values())

    def find(self, model: str, caller: Caller) -> Route:
        """What answers to a name, for a caller: with the caller's budgets.

        Raises:
            GatewayError: Nothing does; or the caller's budgets can't be kept there.
        """
        route = self._routes.get(model)
        if route is None or (caller.models is not None and model not in caller.models):
            raise self.unknown(model, caller)
        if not caller.budgets:
            return route
        key = (id(route.router), caller.budgets)
        router = self._budgeted.get(key)
        if router is None:
            router = _for_caller(route.router, caller.budgets)
            self._budgeted[key] = router
            if len(self._budgeted) > _KEPT:
                self._budgeted.popitem(last=False)
        else:
            self._budgeted.move_to_end(key)
        return replace(route, router=router)


def with_ledger(router: AsymRouter, ledger: Ledger | None) -> AsymRouter:
    """The router with a ledger among its callbacks."""
    own: Any = router.callbacks or []
    handlers = list(getattr(own, "handlers", own))
    if ledger is None or ledger in handlers:
        return router
    return router.model_copy(update={"callbacks": [*handlers, ledger]})


def _for_caller(router: AsymRouter, budgets: Sequence[Budget]) -> AsymRouter:
    """The router with a caller's budgets.

    Raises:
        GatewayError: It can't keep them: a price is not known, or it makes two calls at once. No budget
            is passed because nobody could count.
    """
    try:
        return with_budgets(router, budgets)
    except ValidationError as error:
        faults = "; ".join(fault["msg"].removeprefix("Value error, ") for fault in error.errors())
        log_fault(logger, "A key with a budget was refused: %s", faults)
        raise GatewayError(
            403,
            "This key has a budget, and the gateway can't keep it here: its log says why.",
            code="budget_not_kept",
            headers=NO_RETRY,
        ) from None


def with_budgets(router: AsymRouter, budgets: Sequence[Budget]) -> AsymRouter:
    """The router with further budgets."""
    if not budgets:
        return router
    own = [router.budgets] if isinstance(router.budgets, Budget) else list(router.budgets)
    return router.model_copy(update={"budgets": [*own, *budgets]})
