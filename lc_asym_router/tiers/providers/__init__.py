"""What is true of each provider: one small file each, and who is who by the client's class."""

from lc_asym_router.tiers.providers.description import Provider
from lc_asym_router.tiers.providers.registry import PROVIDERS, provider_of

__all__ = ["PROVIDERS", "Provider", "provider_of"]
