"""The target of a calibration, and the choice of thresholds that reach it."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Protocol, TypeVar

from lc_asym_router.errors import CalibrationError


class Measured(Protocol):
    """The measured results of some thresholds."""

    @property
    def share(self) -> float:
        """Share of the requests that reach the frontier, in [0, 1]."""
        ...

    @property
    def quality(self) -> float:
        """Mean grade of the answers, in [0, 1]."""
        ...

    @property
    def cost_usd(self) -> float:
        """Mean cost per request in USD; or, where prices are unknown, a stand-in to minimise."""
        ...


Found = TypeVar("Found", bound=Measured)


@dataclass(frozen=True, slots=True)
class Target:
    """The target of a calibration; set exactly one attribute.

    Attributes:
        frontier_share: At most this share of the requests reaches the frontier, in [0, 1]; quality
            is maximised.
        quality_kept: At least this share of the frontier's mean grade, in [0, 1]; cost is
            minimised.
        quality: At least this mean grade, in [0, 1]; cost is minimised.
        gain_kept: At least this share of the gap between both models' mean grades, in [0, 1]; cost
            is minimised.
        cost_usd: At most this mean cost per request, in USD; quality is maximised.

    Raises:
        CalibrationError: None or several are given, or one is out of its range.
    """

    frontier_share: float | None = None
    quality_kept: float | None = None
    quality: float | None = None
    gain_kept: float | None = None
    cost_usd: float | None = None

    def __post_init__(self) -> None:
        if len(self.given) != 1:
            names = ", ".join(field.name for field in fields(self))
            raise CalibrationError(f"A target is exactly one of {names}.")
        ((name, value),) = self.given.items()
        top = sys.float_info.max if name == "cost_usd" else 1.0
        if not isinstance(value, int | float) or not 0 <= value <= top:
            raise CalibrationError(
                f"The target {name}={value!r} must be "
                + ("finite USD, 0 or more." if name == "cost_usd" else "a number in [0, 1].")
            )

    @property
    def given(self) -> dict[str, float]:
        """The name and value of the attribute that is set."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def of(cls, given: Target | Mapping[str, float]) -> Target:
        """Return the target, or build one from its name and value.

        Raises:
            CalibrationError: It is no valid target.
        """
        if isinstance(given, Target):
            return given
        try:
            return cls(**given)
        except TypeError:
            names = ", ".join(field.name for field in fields(cls))
            raise CalibrationError(
                f"A target is exactly one of {names}, not {sorted(given)}."
            ) from None


def choose(tried: Sequence[Found], target: Target, weak: float, strong: float) -> Found:
    """Choose, among thresholds that were tried, the best ones that reach a target.

    Args:
        tried: The results of each; not empty.
        target: The target.
        weak: The small model's mean grade, in [0, 1].
        strong: The frontier's mean grade, in [0, 1].

    Raises:
        CalibrationError: None of them reaches it, or there is no gap to recover a share of.
    """
    ((name, value),) = target.given.items()
    if name == "gain_kept" and strong <= weak:
        raise CalibrationError(
            "There is no gap between the models: the frontier's mean grade is not over the small "
            "model's, so no part of it can be kept. Ask for a quality instead."
        )
    if name in ("frontier_share", "cost_usd"):
        attribute = "share" if name == "frontier_share" else name
        fit = [
            each for each in tried if getattr(each, attribute) <= value + 1e-9 * max(value, 1e-6)
        ]
        least = min(getattr(each, attribute) for each in tried)
        reached = f"the least {attribute.removesuffix('_usd')} is {least:.3g}"
        reached += " USD" if name == "cost_usd" else ""
        best = max(fit, key=lambda each: (each.quality, -each.cost_usd), default=None)
    else:
        floors = {
            "quality": value,
            "quality_kept": value * strong,
            "gain_kept": weak + value * (strong - weak),
        }
        fit = [each for each in tried if each.quality >= floors[name] - 1e-9]
        reached = f"the best mean grade is {max(each.quality for each in tried):.3g}"
        best = min(fit, key=lambda each: (each.cost_usd, -each.quality), default=None)
    if best is None:
        raise CalibrationError(f"The target {name}={value:g} can't be reached: {reached}.")
    return best
