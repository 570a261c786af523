"""`GatewayConfig`: all that `lc-asym-router serve` needs to know, from one TOML file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address
from os import PathLike
from typing import TYPE_CHECKING, Any, Self

from lc_asym_router.embedded.request_limits import Limits, process_limits
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.gateway.routes import AUTO
from lc_asym_router.router.router import AsymRouter
from lc_asym_router.router.spec import GATEWAY, RouterSpec
from lc_asym_router.router.spec_values import (
    budget_of,
    located,
    make_budgets,
    refuse_no_table,
    refuse_unknown,
    refuse_unsafe_table,
    refuse_wrong_kinds,
    toml_values,
)

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from lc_asym_router.gateway.access import Access
    from lc_asym_router.money.ledger.handler import Ledger

_LEAST = {"port": 0, "workers": 1, "graceful_seconds": 1, "body_bytes": 1, "connections": 4}
"""The least that a whole number may be."""


@dataclass(frozen=True)
class GatewayConfig:
    """What a gateway serves, and how. It can be pickled, for workers.

    In a file the router's settings stand at the top, as in `RouterSpec`, and the others in the table
    `[gateway]`.

    Args:
        router: The router that answers to "auto"; `None` for `AsymRouter.from_env()`.
        small: The small tier's model string, where there is no `router`.
        frontier: The frontier tier's, likewise.
        routers: Further routers by their names, each a `RouterSpec` or what its TOML table holds.
        budgets: Settings of budgets of all requests.
        keys: Whether clients need a key of the router's `database` (`lc-asym-router keys add NAME`);
            without keys this machine alone may ask.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        workers: Processes.
        comment_seconds: After how long without a piece of an answer a stream sends a comment.
        body_bytes: The most that a request's body may have.
        connections: The most connections of each worker; `None` for as many as its files allow.
        graceful_seconds: How long the end waits for requests in service.
        log_level: The level of the package's log.
        log_requests: Whether each request is logged, without its text.

    Raises:
        ConfigurationError: A setting is invalid.
    """

    router: RouterSpec | None = None
    small: str | None = None
    frontier: str | None = None
    routers: Mapping[str, RouterSpec] = field(default_factory=dict)
    budgets: tuple[Mapping[str, Any], ...] = ()
    keys: bool = False
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    comment_seconds: float = 5.0
    body_bytes: int = 16 * 2**20
    connections: int | None = None
    graceful_seconds: int = 30
    log_level: str = "INFO"
    log_requests: bool = False

    def __post_init__(self) -> None:
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        given = {name: value for name, value in given.items() if value is not None}
        # Before they are converted: a text is a sequence too.
        refuse_wrong_kinds(type(self), given, "the gateway")
        routers = {name: _router_spec(each, name) for name, each in self.routers.items()}
        object.__setattr__(self, "routers", routers)
        object.__setattr__(self, "budgets", tuple(self.budgets))
        for place, each in enumerate(self.budgets):
            refuse_unsafe_table(each, f"{GATEWAY}.budgets[{place}]")
        if self.router is not None and (self.small or self.frontier):
            raise ConfigurationError(
                "small= and frontier= name the models of a router of the environment; the file has a "
                "router with its own tiers. Change those."
            )
        if AUTO in self.routers:
            raise ConfigurationError(f"{AUTO!r} is the first router's name; give this one another.")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if name == "connections" and value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise ConfigurationError(
                    f"{name} = {value!r} must be a whole number from {least} on."
                )
        if self.port > 65_535:
            raise ConfigurationError(
                f"port = {self.port} must be at most 65535; 0 takes a free one."
            )
        seconds = self.comment_seconds
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not seconds > 0:
            raise ConfigurationError(f"comment_seconds = {seconds!r} must be over 0.")
        if not isinstance(logging.getLevelName(self.log_level), int):
            raise ConfigurationError(f"log_level = {self.log_level!r} is no level, such as 'INFO'.")
        if not self.keys and not is_loopback(self.host):
            raise ConfigurationError(
                f"host = {self.host!r}: without keys the gateway listens on this machine alone, "
                "127.0.0.1. Set keys = true in [gateway], and make some: lc-asym-router keys add NAME."
            )
        spec = self.router
        if self.keys and not (spec and (spec.database or spec.database_env)):
            raise ConfigurationError(
                "keys = true: keys are kept in the router's database, and there is none. Set "
                "database = 'gateway.sqlite3', or database_env to a variable with a URL."
            )
        _ = self.limits

    @classmethod
    def from_toml(cls, source: str | PathLike[str], **settings: Any) -> Self:
        """Read it from a file, or its text.

        Args:
            source: A path; or a text of more than one line.
            **settings: Settings of the gateway that win over the file's.

        Raises:
            ConfigurationError: It can't be read, or a setting is unknown or invalid.
        """
        values = toml_values(source)
        own = values.pop(GATEWAY, {})
        if not isinstance(own, Mapping):
            raise ConfigurationError("gateway is a table: [gateway].")
        known = [
            each.name for each in fields(cls) if each.name not in ("router", "small", "frontier")
        ]
        refuse_unknown(own, known, "the gateway")
        router = RouterSpec.from_mapping(values) if values else None
        return cls(router=router, **{**own, **settings})

    @property
    def limits(self) -> Limits:
        """The limits on connections and requests.

        Raises:
            ConfigurationError: They leave no room for a request.
        """
        connections = self.connections or process_limits(1024).connections
        try:
            return Limits(connections=connections, body_bytes=self.body_bytes)
        except ValueError as error:
            raise ConfigurationError(str(error)) from None

    def app(self) -> Starlette:
        """Build the routers and the application before them.

        Raises:
            ConfigurationError: Something can't be built.
        """
        from lc_asym_router.gateway.app import gateway_app

        url = self.router.database_url if self.router else None
        ledger = self._ledger(url)
        callbacks: list[Any] = [] if ledger is None else [ledger]
        if self.log_requests:
            from lc_asym_router.observe.logs import RequestLog

            callbacks.append(RequestLog())
        if self.router is None:
            first = AsymRouter.from_env(
                small=self.small, frontier=self.frontier, callbacks=callbacks or None
            )
        else:
            with located():
                first = self.router.build(callbacks=callbacks)
        more = {}
        for name, spec in self.routers.items():
            with located(f"{GATEWAY}.routers.{name}"):
                more[name] = self._with_shared_sums(name, spec).build(callbacks=callbacks)
        budgets = make_budgets(self.budgets, url, f"{GATEWAY}.budgets")
        with located():
            return gateway_app(
                {AUTO: first, **more},
                keys=self._access(url),
                ledger=ledger,
                budgets=budgets,
                host=self.host,
                limits=self.limits,
                comment_seconds=self.comment_seconds,
            )

    def _with_shared_sums(self, name: str, spec: RouterSpec) -> RouterSpec:
        """A further router whose budgets are kept where the first one's are, for all workers together,
        and under its own name: sums of one name in one database are one sum."""
        first = self.router
        if first is None or not (first.database or first.database_env):
            return spec
        shared = (
            {"store_env": first.database_env} if first.database_env else {"store": first.database}
        )
        budgets = []
        for given in spec.budgets:
            named = {**given, "name": given.get("name") or f"{name} {budget_of(given).name}"}
            own = given.get("per") == "request" or {"store", "store_env"} & set(given)
            budgets.append(named if own else {**named, **shared})
        return replace(spec, budgets=tuple(budgets))

    def _access(self, url: str | None) -> Access | None:
        if not self.keys:
            return None
        from lc_asym_router.gateway.key_access import KeyAccess
        from lc_asym_router.gateway.keys import KeyStore

        return KeyAccess(KeyStore(url))

    def _ledger(self, url: str | None) -> Ledger | None:
        if url is None:
            return None
        from lc_asym_router.money.ledger.handler import Ledger

        return Ledger(url)


def _router_spec(given: Any, name: str) -> RouterSpec:
    where = f"{GATEWAY}.routers.{name}"
    if isinstance(given, RouterSpec):
        spec = given
    else:
        refuse_no_table(given, where)
        with located(where):
            spec = RouterSpec.from_mapping(given)
    if spec.database or spec.database_env:
        raise ConfigurationError(
            f"{where}: a gateway has one database, of all its routers: set it at the file's top. A "
            "budget may name another, store = ..., and an audit, url = ..."
        )
    return spec


def is_loopback(host: str) -> bool:
    """Whether an address is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
