"""The values of a spec: import paths, environment variables, prices, checks, and what is no secret."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields
from importlib import import_module
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlsplit

from pydantic import ValidationError

from lc_asym_router._internal.imports import read_text
from lc_asym_router.errors import ConfigurationError

if TYPE_CHECKING:
    from lc_asym_router.audits.audit import Audit, Rung
    from lc_asym_router.audits.shadow import Shadow
    from lc_asym_router.money.budgets.budget import Budget
    from lc_asym_router.money.prices import Pricing

MOST_BYTES = 2**20
"""A spec's file has this many bytes at most."""
NONE = "none"
"""How a file writes `None`, which TOML has no word for."""
VARIABLE = "_env"
"""The end of a setting's name whose value is the name of an environment variable."""

_KINDS: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    Mapping: "a table",
    tuple: "a list",
}
"""What may stand in a file, as messages name it."""

_SECRET = re.compile(
    r"(^|[_-])(api-?key|key|token|secret|password|passwd|credentials?|authorization)$",
    re.IGNORECASE,
)
IMPORT_PATH = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
_FRONTIER = "frontier"


@contextmanager
def located(path: str = "") -> Iterator[None]:
    """Put a place in the file before the text of an error that is raised within the block.

    Args:
        path: The place, by the keys that lead to it: "tiers[0]", "gateway.routers.strict"; "" for the
            file's top.

    Raises:
        ConfigurationError: The block has raised one, or pydantic's error of a router's setting.
    """
    where = f"{path}: " if path else ""
    try:
        yield
    except ConfigurationError as error:
        raise type(error)(f"{where}{error}") from error
    except ValidationError as error:
        # Not as its cause: pydantic's text quotes what it was given.
        raise ConfigurationError(f"{where}{validation_faults(error)}") from None


def validation_faults(error: ValidationError) -> str:
    """Say what pydantic's error of a router says: its own messages name the setting, pydantic's do
    not."""
    own = "Value error, "
    return "\n".join(
        fault["msg"].removeprefix(own)
        if fault["msg"].startswith(own)
        else f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}."
        for fault in error.errors(include_input=False, include_url=False)
    )


def imported(path: str, what: str) -> Any:
    """Import an object by its path.

    Args:
        path: "package.module:object".
        what: The setting, for the error.

    Raises:
        ConfigurationError: There is no such module or object.
    """
    if not IMPORT_PATH.fullmatch(path):
        raise ConfigurationError(
            f"{what} = {path!r} is no import path. Write 'package.module:object'."
        )
    module, _, name = path.partition(":")
    try:
        found: Any = import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise ConfigurationError(
            f"{what} = {path!r} can't be imported ({type(error).__name__}). The module must be "
            "installed, or on PYTHONPATH, where the router is built."
        ) from error
    return found


def variable(name: str, what: str) -> str:
    """The value of an environment variable.

    Args:
        name: Its name.
        what: The setting, for the error.

    Raises:
        ConfigurationError: It is not set.
    """
    value = os.environ.get(name)
    if not value:
        raise ConfigurationError(
            f"{what} names the environment variable {name}, which is not set here. Set it where the "
            "router is built."
        )
    return value


def resolved(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the values of their environment variables.

    Raises:
        ConfigurationError: A variable is not set.
    """
    found: dict[str, Any] = {}
    for name, value in settings.items():
        if name.endswith(VARIABLE) and isinstance(value, str):
            found[name.removesuffix(VARIABLE)] = variable(value, name)
        else:
            found[name] = resolved(value) if isinstance(value, Mapping) else value
    return found


def budget_of(settings: Mapping[str, Any], url: str | None = None) -> Budget:
    """Make a budget of its settings.

    Args:
        settings: Arguments of `Budget`, plain.
        url: The database of its sums where they name none.

    Raises:
        ConfigurationError: One is unknown or invalid.
    """
    from lc_asym_router.money.budgets.budget import Budget

    given = resolved(settings)
    refuse_unknown(given, (each.name for each in fields(Budget)), "a budget")
    if isinstance(then := given.get("on_exhausted"), str) and IMPORT_PATH.fullmatch(then):
        given["on_exhausted"] = imported(then, "on_exhausted")
    if url is not None and given.get("per") != "request":
        given.setdefault("store", url)
    return Budget(**given)


def make_budgets(each: Iterable[Mapping[str, Any]], url: str | None, where: str) -> list[Budget]:
    """Make several budgets; see `budget_of`.

    Args:
        each: The settings of each.
        url: As for `budget_of`.
        where: Their list's place in the file.

    Raises:
        ConfigurationError: A setting is unknown or invalid; the budget is named by its place.
    """
    budgets = []
    for place, settings in enumerate(each):
        with located(f"{where}[{place}]"):
            budgets.append(budget_of(settings, url))
    return budgets


def toml_values(source: str | PathLike[str]) -> dict[str, Any]:
    """What a TOML file, or the text of one, holds.

    Args:
        source: A path; or a text of more than one line.

    Raises:
        ConfigurationError: It can't be read.
    """
    import tomllib

    where = "the text" if isinstance(source, str) and "\n" in source else str(source)
    try:
        text = str(source) if where == "the text" else read_text(Path(source), MOST_BYTES)
        return tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError(f"{where} can't be read ({error.strerror or error}).") from error
    except ValueError as error:
        raise ConfigurationError(f"{where} is no TOML: {error}.") from None


def price_of(numbers: Mapping[str, float] | None) -> Pricing | None:
    from lc_asym_router.money.prices import PerCall, PerSecond, Power, Price

    if numbers is None:
        return None
    if not isinstance(numbers, Mapping):
        raise ConfigurationError(
            f"price = {numbers!r} is no table: write price = {{ input = 2.5, output = 10.0 }}, in USD "
            "per million tokens."
        )
    names = set(numbers)
    if names == {"usd_per_call"}:
        return PerCall(numbers["usd_per_call"])
    if names == {"usd_per_second"}:
        return PerSecond(numbers["usd_per_second"])
    if names == {"watts", "usd_per_kwh"}:
        return Power(**numbers)
    if {"input", "output"} <= names <= {each.name for each in fields(Price)}:
        return Price(**numbers)
    raise ConfigurationError(
        f"price = has {', '.join(sorted(names)) or 'no number'}; it takes input and output (and "
        "cached_input, cache_write, reasoning) in USD per million tokens, or usd_per_call, or "
        "usd_per_second, or watts and usd_per_kwh."
    )


def checks_of(verify: str | Mapping[str, str | None] | None) -> Any:
    if isinstance(verify, Mapping):
        return {name: checks_of(each) for name, each in verify.items()}
    if verify is None or verify == NONE:
        return None
    return imported(verify, "verify") if IMPORT_PATH.fullmatch(verify) else verify


def audit_of(settings: Mapping[str, Any], url: str | None) -> Audit:
    """Make the settings of audits.

    Args:
        settings: Arguments of `Audit`, plain.
        url: The database of its counts where they name none.

    Raises:
        ConfigurationError: One is unknown or invalid.
    """
    from lc_asym_router.audits.audit import Audit

    return Audit(**_audit_settings(settings, url, Audit, "an audit"))


def shadow_of(settings: Mapping[str, Any], url: str | None) -> Shadow:
    """Make the settings of a shadow; see `audit_of`."""
    from lc_asym_router.audits.shadow import Shadow

    return Shadow(**_audit_settings(settings, url, Shadow, "a shadow"))


def _audit_settings(
    settings: Mapping[str, Any], url: str | None, cls: type[Any], what: str
) -> dict[str, Any]:
    from lc_asym_router.tiers.tier import load_model

    given = resolved(settings)
    refuse_unknown(given, (each.name for each in fields(cls)), what)
    if isinstance(judge := given.get("judge"), str) and judge != _FRONTIER:
        given["judge"] = load_model(judge)
    if isinstance(own := given.get("budget"), Mapping):
        given["budget"] = budget_of(own, url)
    if isinstance(rungs := given.get("rungs"), list | tuple):
        given["rungs"] = [_rung_of(each) for each in rungs]
    given.setdefault("url", url)
    return given


def _rung_of(settings: Any) -> Rung:
    from lc_asym_router.audits.audit import AS_SET, Rung

    refuse_no_table(settings, "rungs")
    refuse_unknown(settings, (each.name for each in fields(Rung)), "a rung")
    given = dict(settings)
    if "verify" in given:
        given["verify"] = AS_SET if given["verify"] == AS_SET else checks_of(given["verify"])
    return Rung(**given)


def arguments(cls: type[Any], values: Mapping[str, Any], what: str) -> dict[str, Any]:
    """A file's values as arguments: "none" is `None` where that is a value of its own."""
    refuse_unknown(values, (each.name for each in fields(cls)), what)
    refuse_wrong_kinds(cls, values, what)
    defaults = {each.name: default_of(each) for each in fields(cls)}
    return {
        name: None if value == NONE and defaults[name] not in (None, "") else value
        for name, value in values.items()
    }


def refuse_wrong_kinds(cls: type[Any], values: Mapping[str, Any], what: str) -> None:
    """Refuse values whose kind is not that of the class's setting of the name.

    Raises:
        ConfigurationError: One is; the setting is named.
    """
    hints = get_type_hints(cls)
    for name, value in values.items():
        _refuse_kind(value, hints[name], f"{what}: {name}")


def _refuse_kind(value: Any, hint: Any, what: str) -> None:
    """Refuse a number in a text's place, and the like; what may be a number says so itself, later."""
    union = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = {get_origin(each) or each: get_args(each) for each in union if each is not NoneType}
    if not kinds.keys() <= _KINDS.keys():
        return
    for kind, inner in kinds.items():
        if kind is tuple and isinstance(value, list | tuple):
            for each in value:
                _refuse_kind(each, inner[0], f"{what}, an item of its list,")
            return
        if isinstance(value, kind):
            return
    raise ConfigurationError(
        f"{what} is of type {type(value).__name__}; give {' or '.join(_KINDS[k] for k in kinds)}."
    )


def differing(spec: Any) -> list[str]:
    """The names of the settings that do not have their default."""
    return [each.name for each in fields(spec) if getattr(spec, each.name) != default_of(each)]


def default_of(setting: Field[Any]) -> Any:
    made = setting.default_factory
    return setting.default if made is MISSING else made()


def refuse_unknown(given: Mapping[str, Any], known: Iterable[str], what: str) -> None:
    names = list(known)
    if unknown := [name for name in given if name not in names]:
        raise ConfigurationError(
            f"{', '.join(map(repr, unknown))}: {what} has no such setting; it has {', '.join(names)}."
        )


def refuse_no_table(given: Any, what: str) -> None:
    """Refuse what has no names where settings are due."""
    if not isinstance(given, Mapping):
        raise ConfigurationError(
            f"{what} has a {type(given).__name__} where settings by name are due, such as "
            "{'share': 0.1}; in a file, a table."
        )


def refuse_unsafe_table(given: Any, what: str) -> None:
    """Refuse settings of a budget or an audit that are no table, or have a secret written out."""
    refuse_no_table(given, what)
    refuse_secrets(given, what)
    for key in ("url", "store"):
        refuse_password(given.get(key), f"{what}.{key}")


def refuse_secrets(settings: Mapping[str, Any], what: str) -> None:
    """Refuse a secret's value: a spec goes into files, queues and logs."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            refuse_secrets(value, what)
        elif _SECRET.search(name):
            raise ConfigurationError(
                f"{what} has {name} written out. Put it into an environment variable, and name that: "
                f"{name}{VARIABLE} = 'NAME_OF_THE_VARIABLE'."
            )


def refuse_password(url: Any, what: str) -> None:
    if isinstance(url, str) and "://" in url and urlsplit(url).password:
        raise ConfigurationError(
            f"{what} has a password in it. Put the URL into an environment variable, and name that: "
            f"{what}{VARIABLE} = 'NAME_OF_THE_VARIABLE'."
        )
