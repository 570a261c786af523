"""The router: a chat model, an agent middleware, and tools to explain and compare decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports, public_names

if TYPE_CHECKING:
    from lc_asym_router.router.compare import Comparison as Comparison
    from lc_asym_router.router.explain import Explanation as Explanation
    from lc_asym_router.router.middleware import AsymRouterMiddleware as AsymRouterMiddleware
    from lc_asym_router.router.router import AsymRouter as AsymRouter
    from lc_asym_router.router.spec import RouterSpec as RouterSpec
    from lc_asym_router.router.spec import TierSpec as TierSpec

_HOMES = {
    "AsymRouter": ".router",
    "AsymRouterMiddleware": ".middleware",
    "Comparison": ".compare",
    "Explanation": ".explain",
    "RouterSpec": ".spec",
    "TierSpec": ".spec",
}

__all__ = public_names(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
