"""The spec of a router that was built in code, as far as plain data can describe it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from importlib import import_module
from os import PathLike
from typing import Any, NoReturn

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr

from lc_asym_router.audits.audit import Audit, Rung
from lc_asym_router.audits.shadow import Shadow
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.budgets.budget import Budget
from lc_asym_router.money.prices import PerCall, PerSecond, Power, Price, Pricing
from lc_asym_router.router.spec import RouterSpec, TierSpec
from lc_asym_router.router.spec_values import NONE, VARIABLE
from lc_asym_router.tiers.faults.retry import Retry, retry_like
from lc_asym_router.tiers.tier import Tier

_PLAIN = (str, int, float, bool)
_EMBEDDED = "embedded"
_NAMES = ("model", "model_name")
_CLIENTS = frozenset({"client", "async_client", "root_client", "root_async_client"})
"""Fields that a model fills in by itself."""
_PREFIXES = {
    ("langchain_ollama", "ChatOllama"): "ollama",
    ("langchain_openai", "ChatOpenAI"): "openai",
    ("langchain_anthropic", "ChatAnthropic"): "anthropic",
    ("langchain_deepseek", "ChatDeepSeek"): "deepseek",
    ("langchain_google_genai", "ChatGoogleGenerativeAI"): "google_genai",
    ("langchain_groq", "ChatGroq"): "groq",
    ("langchain_mistralai", "ChatMistralAI"): "mistralai",
    ("langchain_xai", "ChatXAI"): "xai",
}
"""The provider in a model string that makes an object of this very class, not of a subclass."""
_NOT_SETTINGS = frozenset({"profile", "metadata", "streaming", "callbacks", "tags"})


class SpecSource:
    """A router that can tell its settings as plain data."""

    def spec(self) -> RouterSpec:
        """Describe the router by plain data, for a file or another process.

        Raises:
            ConfigurationError: A setting, which the message names, is no plain data.
        """
        return spec_of(self)


def spec_of(router: Any) -> RouterSpec:
    """Describe a router.

    Args:
        router: An `AsymRouter`.

    Raises:
        ConfigurationError: A setting is an object that plain data can't describe; the message names it.
    """
    values: dict[str, Any] = {}
    for name in sorted(router.model_fields_set - _NOT_SETTINGS):
        value = getattr(router, name)
        if name in ("small", "frontier", "tiers") or (value is None and name == "fallbacks"):
            continue
        if name == "fallbacks":
            values[name] = tuple(
                _tier(each, f"fallbacks[{place}]") for place, each in enumerate(value)
            )
        elif name == "budgets":
            budgets = [value] if isinstance(value, Budget) else value
            values[name] = tuple(_budget(each) for each in budgets)
        elif name in ("audit", "shadow"):
            values[name] = _audit(value, name) if isinstance(value, Audit | Shadow) else value
        elif name in {each.name for each in fields(RouterSpec)}:
            values[name] = _value(value, name)
        elif value is not None and value != type(router).model_fields[name].default:
            _refuse(name, value)
    if router.tiers is not None:
        tiers = [_tier(each, f"tiers[{place}]") for place, each in enumerate(router.tiers)]
    else:
        tiers = [_tier(router.small, "small"), _tier(router.frontier, "frontier")]
    values.update(_ledger(router), tags=tuple(router.tags or ()))
    return RouterSpec(tiers=tuple(tiers), **values)


def _value(value: Any, name: str) -> Any:
    """A setting as plain data: functions and objects of a module by their import path."""
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {key: _value(each, f"{name}[{key!r}]") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_value(each, name) for each in value)
    return _import_path(value) or _refuse(name, value)


def _import_path(value: Any) -> str | None:
    """Where a function stands; `None` where another process would not find it."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not module or not name or module == "__main__" or "<" in name:
        return None
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return f"{module}:{name}" if found is value else None


def _tier(given: Any, where: str) -> TierSpec:
    if isinstance(given, str):
        return TierSpec(given)
    if isinstance(given, BaseChatModel):
        model, settings = _model(given, where)
        return TierSpec(model, settings=settings)
    assert isinstance(given, Tier)
    if given.source.startswith(_EMBEDDED):
        model, settings = f"{_EMBEDDED}:{given.model_name}", {}
    else:
        model, settings = _model(given.model, where)
    slots = given.guard.slots
    fresh = Tier(given.model, given.name)
    if given.breaker is not fresh.breaker:
        _refuse(f"{where}.breaker", given.breaker)
    return TierSpec(
        model,
        given.name,
        settings=settings,
        context_window=given.context_window,
        inputs=None if given.inputs is None else tuple(sorted(given.inputs)),
        tools=given.tools,
        price=_price(given.price, where),
        timeout=given.timeout,
        retry=_retry(given.retry, retry_like(given.model), where),
        max_concurrency=slots.limit if slots else None,
        max_queue=slots.queue if slots else None,
    )


def _retry(given: Retry, own: Retry, where: str) -> int | None:
    if given == own:
        return None
    if given != Retry(attempts=given.attempts):
        _refuse(f"{where}.retry", given)
    return given.attempts


def _price(price: Pricing | None, where: str) -> dict[str, float] | None:
    if price is None:
        return None
    if type(price) is PerCall:
        return {"usd_per_call": price.usd}
    if type(price) is PerSecond:
        return {"usd_per_second": price.usd}
    if type(price) in (Price, Power):
        numbers = asdict(price)  # type: ignore[call-overload]
        return {name: number for name, number in numbers.items() if number is not None}
    return _refuse(f"{where}.price", price)


def _model(model: BaseChatModel, where: str) -> tuple[str, dict[str, Any]]:
    """A chat model as a string and its settings.

    Raises:
        ConfigurationError: It has a key that its provider's own environment variable does not hold, or
            a setting that is no plain data.
    """
    kind = type(model)
    provider = _PREFIXES.get((kind.__module__.partition(".")[0], kind.__name__))
    if provider is None:
        _refuse(where, model)
    name = next(str(getattr(model, key)) for key in _NAMES if getattr(model, key, None))
    settings: dict[str, Any] = {}
    for key in sorted(model.model_fields_set - {*_NAMES, *_CLIENTS, "profile", "metadata"}):
        value = getattr(model, key)
        default = (
            type(model).model_fields[key].get_default(call_default_factory=True, validated_data={})
        )
        if value is None or value == default:
            continue
        if isinstance(value, SecretStr):
            found = _variable(value.get_secret_value())
            if found is None:
                raise ConfigurationError(
                    f"{where}.{key} is a secret that no environment variable holds, so it can't be "
                    "described. Put it into one; or write the spec: TierSpec(model, settings="
                    f"{{'{_alias(model, key)}{VARIABLE}': 'NAME_OF_THE_VARIABLE'}})."
                )
            settings[_alias(model, key) + VARIABLE] = found
        else:
            settings[_alias(model, key)] = _data(value, f"{where}.{key}")
    return f"{provider}:{name}", settings


def _alias(model: BaseChatModel, key: str) -> str:
    return type(model).model_fields[key].alias or key


def _variable(secret: str) -> str | None:
    """The environment variable that holds a secret."""
    return next((name for name, value in sorted(os.environ.items()) if value == secret), None)


def _data(value: Any, where: str) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Mapping):
        return {key: _data(each, f"{where}[{key!r}]") for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_data(each, where) for each in value]
    return _refuse(where, value)


def _budget(budget: Budget) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in fields(Budget):
        value = getattr(budget, each.name)
        if each.name == "store":
            if budget.store.name != "memory":
                found["store"] = _url(budget.store.name, "budgets.store")
        elif value is not None and value != each.default:
            found[each.name] = _value(value, f"budgets.{each.name}")
    return found


def _audit(audit: Audit | Shadow, where: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in fields(audit):
        value = getattr(audit, each.name)
        if value is None or value == each.default:
            continue
        if each.name == "budget":
            found["budget"] = _budget(value)
        elif each.name == "url":
            found["url"] = _url(os.fspath(value), f"{where}.url")
        elif each.name == "rungs":
            found["rungs"] = [_rung(rung, f"{where}.rungs[{i}]") for i, rung in enumerate(value)]
        else:
            found[each.name] = _value(value, f"{where}.{each.name}")
    return found


def _rung(rung: Rung, where: str) -> dict[str, Any]:
    return {
        each.name: NONE if (value := getattr(rung, each.name)) is None else _value(value, where)
        for each in fields(rung)
        if getattr(rung, each.name) != each.default
    }


def _ledger(router: Any) -> dict[str, Any]:
    from lc_asym_router.money.ledger.handler import Ledger

    callbacks = router.callbacks
    handlers: Sequence[Any] = callbacks if isinstance(callbacks, list) else [callbacks]
    handlers = [each for each in handlers if each is not None]
    if not handlers:
        return {}
    if len(handlers) > 1 or not isinstance(handlers[0], Ledger):
        _refuse("callbacks", handlers[-1])
    return {"database": _url(handlers[0].name, "callbacks (its ledger's database)")}


def _url(url: str, where: str) -> str:
    if "://" in url and not url.startswith("sqlite"):  # its name is without its password
        raise ConfigurationError(
            f"{where} may have a password, so it can't be described. Write the spec, with the name of "
            "an environment variable that holds the URL: RouterSpec(database_env='DATABASE_URL')."
        )
    return url


def _refuse(name: str, value: Any) -> NoReturn:
    raise ConfigurationError(
        f"{name} is a {type(value).__name__} that plain data can't describe. Write a function of a "
        "module that makes the router, and name it: RouterSpec(factory='package.module:function')."
    )
