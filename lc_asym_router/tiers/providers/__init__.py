"""Properties of each provider, one file each, and the lookup of a client's provider by its class."""

from lc_asym_router.tiers.providers.description import Provider
from lc_asym_router.tiers.providers.registry import PROVIDERS, provider_of

__all__ = ["PROVIDERS", "Provider", "provider_of"]
