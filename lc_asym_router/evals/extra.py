"""The extra that evaluation needs, loaded when it is used."""

from __future__ import annotations

from typing import Any

from lc_asym_router import extras


def numpy() -> Any:
    """NumPy.

    Raises:
        ConfigurationError: It is not installed.
    """
    return needed("numpy")


def needed(module: str) -> Any:
    """A module of the extra `evals`.

    Raises:
        ConfigurationError: It is not installed.
    """
    return extras.needed(module, "evals")
