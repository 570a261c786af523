"""Names and libraries that are loaded when they are first used, and what every module may need."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from os import PathLike
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


def public_names(homes: Mapping[str, str]) -> list[str]:
    """The names for a module's `__all__`: without langchain `from ... import *` is without the
    middleware, and works.

    Args:
        homes: As for `lazy_exports`.
    """
    return sorted(homes if installed("langchain") else {*homes} - {"AsymRouterMiddleware"})


def installed(module: str) -> bool:
    """Whether a package is there to be imported; it is not loaded."""
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # something in the way of imports, or half a package
        return False


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


def after_fork(function: Callable[[], None]) -> Callable[[], None]:
    """Have a function called in every forked child, on systems that fork; a decorator."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
    return function


__version__ = "0.2.0"


AnyPath = str | PathLike[str]


def refuse_irregular(path: AnyPath, most: int | None = None) -> None:
    """Refuse a path that is no regular file, or too large a one, before it is opened.

    Opening a pipe waits for a writer, and a device may never end.

    Args:
        path: The path.
        most: Bytes that it may have; `None` for any number.

    Raises:
        OSError: There is no such file, or it is no regular one, or too large.
    """
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(0, "it is no regular file")
    if most is not None and found.st_size > most:
        raise OSError(0, f"it has {found.st_size} bytes, over {most}")


def read_text(path: AnyPath, most: int) -> str:
    """The text of a regular file of at most so many bytes.

    Raises:
        OSError: It is none, or can't be read.
        UnicodeDecodeError: It is no UTF-8.
    """
    refuse_irregular(path, most)
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:  # it grew
        raise OSError(0, f"it has over {most} bytes")
    return content.decode("utf-8")


def word_set(words: str) -> frozenset[str]:
    """Return the set of a text's space-separated words."""
    return frozenset(words.split())
