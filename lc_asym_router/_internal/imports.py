"""Names and libraries that are loaded when they are first used: public names, the extras' modules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from lc_asym_router.errors import ConfigurationError


def lazy_exports(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A module `__getattr__` that imports a public name from its home when it is asked for.

    Args:
        package: `__name__` of the package.
        homes: For each public name, the module that defines it, as `importlib.import_module` takes it:
            ".module" below the package, or the whole name.
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


def numpy() -> Any:
    """NumPy.

    Raises:
        ConfigurationError: It is not installed.
    """
    return needed("numpy", "evals")
