"""The gateway: OpenAI's protocol before routers; and the graph for LangGraph Server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.imports import lazy_exports, needed, public_names

if TYPE_CHECKING:
    from lc_asym_router.gateway.access import Access as Access
    from lc_asym_router.gateway.access import Caller as Caller
    from lc_asym_router.gateway.app import gateway_app as gateway_app
    from lc_asym_router.gateway.http_errors import GatewayError as GatewayError
    from lc_asym_router.gateway.key_access import KeyAccess as KeyAccess
    from lc_asym_router.gateway.keys import KeyLimits as KeyLimits
    from lc_asym_router.gateway.keys import KeyStore as KeyStore

_HOMES = {
    "Access": ".access",
    "Caller": ".access",
    "GatewayError": ".http_errors",
    "KeyAccess": ".key_access",
    "KeyLimits": ".keys",
    "KeyStore": ".keys",
    "gateway_app": ".app",
}

__all__ = public_names(_HOMES)

_load = lazy_exports(__name__, _HOMES)


def __getattr__(name: str) -> Any:
    if _HOMES.get(name) in (".access", ".app", ".key_access"):
        needed(
            "starlette", "gateway"
        )  # or it would be missed further down, for the embedded models
    return _load(name)
