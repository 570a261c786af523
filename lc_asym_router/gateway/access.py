"""Who may ask: what the gateway wants of keys, and what it does without any.

`Access` is the whole interface: the gateway calls `admit` before each request but `/health` and
`/ready`, and `settle` after each answer. An implementation with keys is given as
`gateway_app(..., keys=...)`; without one `LoopbackAccess` lets this machine in, and nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from lc_asym_router.embedded.loopback import host_name, names_server, origin_name
from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.money.budgets.budget import Budget


@dataclass(frozen=True)
class Caller:
    """The caller of a request, by its key.

    Attributes:
        name: The key's name; "" without keys.
        tags: Tags of its requests: in the ledger, in metrics, and for budgets per tag.
        models: The models that it may ask for; `None` for all.
        budgets: Budgets of its requests, besides the router's own. The same objects for each request of
            one caller: a router is made for them once.
        admin: Whether it may read reports and the page's numbers.
    """

    name: str = ""
    tags: tuple[str, ...] = ()
    models: frozenset[str] | None = None
    budgets: tuple[Budget, ...] = field(default=(), repr=False)
    admin: bool = False


class Access(Protocol):
    """Admits or refuses requests, and counts what they used."""

    async def admit(
        self, headers: Mapping[str, str], model: str | None, estimated_tokens: int
    ) -> Caller:
        """Admit a request. Called on the event loop: what may block goes into a thread.

        Args:
            headers: The request's headers, with names in lower case. Keys come as
                `authorization: Bearer ...` or, from Anthropic's clients, as `x-api-key`.
            model: The model that is asked for; `None` for a request that asks none.
            estimated_tokens: Of its messages and tools; 0 for a request that asks no model.

        Raises:
            GatewayError: 401 without a valid key; 403 where it may not ask for this; 429 with
                `retry_after` past a limit per minute, or with the code "insufficient_quota" and
                `errors.NO_RETRY` where its budget is used up.
        """
        ...

    async def settle(self, caller: Caller, estimated_tokens: int, tokens: int | None) -> None:
        """Count what a request took. Called once for each request that was let in with a model.

        Args:
            caller: Who asked.
            estimated_tokens: The estimate that `admit` was given.
            tokens: Input and output of all the request's calls; `None` where it was not answered.
        """
        ...


class LoopbackAccess:
    """Lets in what comes to this machine under its own names, and no foreign web page.

    A web page can make a browser send requests to a loopback port, by a host name of its own that
    resolves to 127.0.0.1 (DNS rebinding), or directly.

    Args:
        host: The address that is listened on.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host.lower()

    async def admit(
        self, headers: Mapping[str, str], model: str | None, estimated_tokens: int
    ) -> Caller:
        """Let a request in that names this machine."""
        if not _names_us(headers.get("host", ""), self._host):
            raise GatewayError(
                403,
                "Without keys this gateway answers to loopback names only: use 127.0.0.1, localhost "
                "or [::1], or make keys (lc-asym-router keys add NAME).",
                code="forbidden",
            )
        origin = headers.get("origin")
        if origin is not None and not _is_ours(origin, self._host):
            raise GatewayError(
                403,
                "This gateway takes no requests from web pages of other hosts.",
                code="forbidden",
            )
        return Caller(admin=True)

    async def settle(self, caller: Caller, estimated_tokens: int, tokens: int | None) -> None:
        """Count nothing."""


@lru_cache(maxsize=256)
def _names_us(header: str, host: str) -> bool:
    return names_server(host_name(header), host)


@lru_cache(maxsize=256)
def _is_ours(origin: str, host: str) -> bool:
    return names_server(origin_name(origin), host)
