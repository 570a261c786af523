"""Import public names and optional libraries on first use."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from lc_asym_router.errors import ConfigurationError


def lazy_exports(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return a module's `__getattr__` that imports each public name on first use.

    Args:
        package: `__name__` of the package.
        homes: For each public name the module that defines it, as for `importlib.import_module`:
            ".module" relative to the package, or the full name.
    """

    def load(name: str) -> Any:
        home = homes.get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(home, package), name)
        setattr(sys.modules[package], name, value)
        return value

    return load


def needed(module: str, extra: str) -> Any:
    """Import a module that an extra installs.

    Args:
        module: The module's name.
        extra: The extra's name.

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


def numpy() -> Any:
    """Import NumPy.

    Raises:
        ConfigurationError: It is not installed.
    """
    return needed("numpy", "evals")
