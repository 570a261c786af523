"""Libraries of the extras, loaded when they are used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from lc_asym_router.errors import ConfigurationError


def needed(module: str, extra: str) -> Any:
    """A module that an extra brings.

    Args:
        module: The module's name.
        extra: The extra's.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigurationError(
            f"{module.partition('.')[0]} is not installed, and this needs it: "
            f"pip install 'lc-asym-router[{extra}]'"
        ) from error
