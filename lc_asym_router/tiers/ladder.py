"""The tiers in order, cheapest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

from langchain_core.language_models import ModelProfile

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.tiers.tier import MODALITIES, Tier


class Ladder(Sequence[Tier]):
    """The tiers in order, cheapest first.

    Args:
        tiers: At least two tiers.
        fallbacks: Tiers that are asked, in this order, if the last one fails. The classifier never
            chooses them, and no request escalates to them.

    Raises:
        ConfigurationError: There are fewer than two tiers, one has no name, or two have the same
            name.
    """

    def __init__(self, tiers: Iterable[Tier], fallbacks: Iterable[Tier] = ()) -> None:
        self.tiers = tuple(tiers)
        self.fallbacks = tuple(fallbacks)
        self.every = (*self.tiers, *self.fallbacks)  # the tiers, then the fall-backs
        if len(self.tiers) < 2:
            raise ConfigurationError(
                f"A router needs at least two tiers, cheapest first; it was given "
                f"{len(self.tiers)}. Use the model itself where there is only one."
            )
        names = [tier.name for tier in self.every]
        if "" in names:
            raise ConfigurationError(
                "Every tier in a list needs a name: Tier(model, 'small'), Tier(model, 'frontier')."
            )
        if twice := {name for name in names if names.count(name) > 1}:
            raise ConfigurationError(
                f"Two tiers are named {', '.join(sorted(twice))}. Give each its own name: "
                "Tier(model, 'small')."
            )
        self.last = self.tiers[-1]
        self._named = {tier.name: tier for tier in self.every}
        self._positions = {tier.name: place for place, tier in enumerate(self.tiers)}

    def __len__(self) -> int:
        return len(self.tiers)

    def __iter__(self) -> Iterator[Tier]:
        return iter(self.tiers)

    def __getitem__(self, index: Any) -> Any:
        return self.tiers[index]

    def mapped(self, change: Callable[[Tier], Tier]) -> Ladder:
        """The ladder with each tier and each fall-back changed."""
        return Ladder(map(change, self.tiers), map(change, self.fallbacks))

    def named(self, name: str) -> Tier | None:
        """Return the tier or fallback with this name, or `None`."""
        return self._named.get(name)

    def position(self, name: str) -> int:
        """Return the position of the named tier, 0 for the cheapest; a fallback has the last tier's."""
        return self._positions.get(name, len(self.tiers) - 1)

    def no_roomier(self, tier: Tier) -> set[str]:
        """Names of the tiers that are known to have no more room for a prompt than this one."""
        room = tier.room
        if room is None:
            return set()
        return {each.name for each in self.every if each.room is not None and each.room <= room}

    @property
    def profile(self) -> ModelProfile | None:
        """What the ladder as a whole takes: an input that one tier takes can be routed there.

        What must fit is bounded by the last tier, to which any request may go up: by its window, or
        where that is not known by the largest that is. `structured_output` is left out: agents would
        then bind one provider's `response_format`.
        """
        profiles = [tier.profile for tier in self]
        merged: dict[str, Any] = {}
        for key in (*(f"{modality}_inputs" for modality in sorted(MODALITIES)), "tool_calling"):
            if values := [profile[key] for profile in profiles if key in profile]:
                merged[key] = any(values)
        windows = [profile.get("max_input_tokens") for profile in profiles]
        if window := windows[-1] or max(filter(None, windows), default=None):
            merged["max_input_tokens"] = window
        return cast("ModelProfile", merged) if merged else None
