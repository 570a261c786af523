"""What can be set differently for one call, through `config["configurable"]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import RunnableConfig

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.tiers.ladder import Ladder


@dataclass(frozen=True, slots=True)
class CallOptions:
    """Overrides of one call.

    Attributes:
        tier: The tier to ask first, whatever the classifier would say; `None` to classify.
        threshold: Another threshold in [0, 1]; `None` for the router's.
        verify: Whether small answers are checked.
        escalate: Whether a failed or failing attempt goes to the next tier up.
        deadline: Seconds that the request may take; `None` for the router's.
    """

    tier: str | None = None
    threshold: float | None = None
    verify: bool = True
    escalate: bool = True
    deadline: float | None = None

    @classmethod
    def of(cls, config: RunnableConfig, ladder: Ladder, prefix: str = "") -> CallOptions:
        """Read and validate the overrides.

        Raises:
            ConfigurationError: An unknown tier, a threshold outside [0, 1], or a flag that is no
                bool.
        """
        given = config.get("configurable") or {}
        tier = given.get(f"{prefix}tier")
        threshold = given.get(f"{prefix}threshold")
        if tier is not None and (not isinstance(tier, str) or ladder.named(tier) is None):
            names = ", ".join(known.name for known in ladder)
            raise ConfigurationError(
                f"config['configurable']['{prefix}tier'] is {tier!r}; this router's tiers are "
                f"{names}. If the key means something else in your application, give the router "
                "keys of its own: AsymRouter(configurable_prefix='router_')."
            )
        if threshold is not None:
            check_threshold(threshold, f"config['configurable']['{prefix}threshold']")
        flags = {}
        for name in ("verify", "escalate"):
            flag = given.get(f"{prefix}{name}")
            if flag is not None and not isinstance(flag, bool):
                raise ConfigurationError(
                    f"config['configurable']['{prefix}{name}'] is {flag!r}; give True or False."
                )
            flags[name] = flag is not False
        deadline = check_deadline(
            given.get(f"{prefix}deadline"), f"config['configurable']['{prefix}deadline']"
        )
        return cls(tier=tier, threshold=threshold, deadline=deadline, **flags)


def check_threshold(threshold: object, where: str) -> float:
    """The threshold, if it is one.

    Raises:
        ConfigurationError: It is no number in [0, 1].
    """
    if (
        isinstance(threshold, bool)
        or not isinstance(threshold, int | float)
        or not 0 <= threshold <= 1
    ):
        raise ConfigurationError(
            f"{where} is {threshold!r}; a threshold is a number in [0, 1]: complexity at or over it "
            "goes up. 0 sends everything to the frontier."
        )
    return float(threshold)


def check_deadline(deadline: Any, where: str) -> float | None:
    """The deadline, if it is one.

    Raises:
        ConfigurationError: It is no time over 0 seconds.
    """
    number = isinstance(deadline, int | float) and not isinstance(deadline, bool)
    if deadline is not None and not (number and deadline > 0):
        raise ConfigurationError(
            f"{where} is {deadline!r}; a deadline is a time over 0 seconds for the whole request, "
            "or None."
        )
    return None if deadline is None else float(deadline)
