"""Why a request went where it went."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lc_asym_router._internal.display import Displayed


@dataclass(frozen=True, slots=True)
class Decision(Displayed):
    """Why a request went where it went.

    Attributes:
        tier: Name of the tier that is asked first.
        complexity: How likely the request needs more than the small tier, in [0, 1]; `None` where
            no classifier was asked (a tier was forced, or only one could take the request).
        threshold: The complexity at or over which a request goes up, in [0, 1]; `None` likewise.
        confidence: How sure the classifier was, in [0, 1]; `None` where it does not say.
        classifier: Name of what scored the request.
        reason: One line for a person.
        cached: Whether the complexity was read from the router's `decision_cache`.
    """

    tier: str
    complexity: float | None
    threshold: float | None
    confidence: float | None
    classifier: str
    reason: str
    cached: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The decision as it stands in the record."""
        return {
            "tier": self.tier,
            "complexity": self.complexity,
            "threshold": self.threshold,
            "confidence": self.confidence,
            "classifier": self.classifier,
            "reason": self.reason,
            "cached": self.cached,
        }
