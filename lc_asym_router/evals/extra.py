"""The extra that evaluation needs, loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lc_asym_router.errors import ConfigurationError


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
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{module.partition('.')[0]} is not installed, and evaluation needs it: "
            "pip install 'lc-asym-router[evals]'"
        ) from error
