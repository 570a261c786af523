"""A tier: a chat model, its name, price and limits."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, cast

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.compat import ls_provider
from lc_asym_router._internal.deadline import bounded
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.list_prices import base_url_of, listed_price
from lc_asym_router.money.prices import Pricing
from lc_asym_router.money.usage import MOST_TOKENS
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.binding import dropped_parameters
from lc_asym_router.tiers.faults.breaker import Breaker, Guard
from lc_asym_router.tiers.faults.concurrency import Slots
from lc_asym_router.tiers.faults.retry import Retry, retry_like, retry_of
from lc_asym_router.tiers.faults.shared_breakers import shared_breaker
from lc_asym_router.tiers.media import refuses_media
from lc_asym_router.tiers.provider import credentials_digest, is_private
from lc_asym_router.tiers.providers.description import Provider
from lc_asym_router.tiers.providers.registry import endpoint_digest, provider_of


def load_model(name: str, settings: Mapping[str, Any] | None = None) -> BaseChatModel:
    """Make a chat model of a string such as ``"ollama:llama3.1:8b"``.

    Args:
        name: The string.
        settings: Arguments of the model's class, such as `base_url`; none where left out.

    Raises:
        ConfigurationError: The string names no provider, its package is not installed, or the
            provider rejects it at once (no key).
    """
    provider, colon, model = name.partition(":")
    lacks = (
        "" if model and provider else f"names no {'model' if provider and colon else 'provider'}"
    )
    if not lacks and re.search(r"[.\d]", provider):  # no provider's name has these, Ollama's do
        lacks = "begins with no provider's name"
    if lacks:
        raise ConfigurationError(
            f"{name!r} {lacks}. Write 'provider:model', such as {_suggested(name)!r}."
        )
    if provider == "embedded":
        made = f"AsymRouter.from_env(small={name!r}) or embedded_small(model={model!r})"
        raise ConfigurationError(f"{name!r} is for the command line; in Python write {made}.")
    try:
        return _construct(provider, model, name, settings or {})
    except ImportError as error:
        package = error.name or f"langchain-{provider}"
        raise ConfigurationError(
            f"{name!r} needs a package that is not installed ({package}). Install "
            f"`pip install langchain langchain-{provider.replace('_', '-')}`."
        ) from error
    except ConfigurationError:
        raise
    except Exception as error:
        # The message may quote a key; its type is enough beside the remedy.
        state = "set" if os.environ.get(key := f"{provider.upper()}_API_KEY") else "not set"
        raise ConfigurationError(
            f"{name!r} can't be set up ({type(error).__name__}). Check the provider's name, its "
            f"settings and its key in the environment (for most {key}, which is {state}); or pass a "
            "chat model that you have made yourself."
        ) from None


_FAMILIES = dict.fromkeys(("gpt", "chatgpt", "o"), "openai")
_FAMILIES |= {"claude": "anthropic", "gemini": "google_genai", "grok": "xai"}
"""The provider of models whose names begin so; of all others Ollama is the likeliest."""


def _suggested(name: str) -> str:
    """A model string of a model's name alone."""
    model = name.strip(": ") or "llama3.1:8b"
    if name.endswith(":") and model in ("ollama", "openai"):
        return name + {"ollama": "llama3.1:8b", "openai": "gpt-4o"}[model]
    family = re.match("[a-z]*", model.lower())
    hosted = _FAMILIES.get(family[0] if family else "")
    return f"{hosted if hosted and ':' not in model else 'ollama'}:{model}"


def _construct(provider: str, model: str, name: str, settings: Mapping[str, Any]) -> BaseChatModel:
    if provider == "ollama":
        from langchain_ollama import ChatOllama

        return ChatOllama(model=model, **settings)
    if provider == "openai":
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model=model, **settings)
    from langchain.chat_models import init_chat_model

    return cast("BaseChatModel", init_chat_model(name, **settings))


RESERVED_NAMES = frozenset({"classify", "verify", "__start__", "__end__", "__input__"})
ANSWER_TOKENS = 256
"""Tokens kept free for the answer in a tier's window where the model sets no limit of its own."""
MODALITIES = frozenset({"image", "audio", "pdf", "video", "file"})


@dataclass(frozen=True)
class Tier:
    """One tier: a chat model with its prices and limits.

    Args:
        model: A chat model, or a string such as ``"ollama:llama3.1:8b"`` or ``"openai:gpt-4o"``
            (anything else that `langchain.chat_models.init_chat_model` takes needs the package
            `langchain` and the provider's own).
        name: Name of the tier, used in decisions and records and as the node's name in the graph;
            `AsymRouter(small=..., frontier=...)` fills in "small" and "frontier".
        context_window: Maximum tokens of prompt and answer together. Where it is not given:
            `ChatOllama.num_ctx` (Ollama truncates longer prompts silently), else the model's
            profile, else no limit is known.
        inputs: What it accepts besides text, of "image", "audio", "pdf", "video", "file". Where it is
            not given: what the model's profile says, else what its provider carries, else nothing is
            ruled out.
        tools: Whether it can call tools. Where it is not given: what the profile says, else yes.
        price: The price of its calls: `Price` (USD per million tokens), `PerCall`, `PerSecond` or
            `Power`. Where it is not given: the provider's list price by the model's own name, from
            the extra `prices`; else the cost is unknown, `None`.
        source: Where the model comes from, for display.
        timeout: Seconds that one call may take, streaming included; `None` for only the client's
            own limit and the request's deadline.
        retry: How often a failed call is repeated: a number of attempts, or a `Retry`. Where it
            is not given: as often as the model's client would by itself (`ChatOpenAI.max_retries`;
            `ChatOllama` never). The client's own retries are taken over, so that each is in the
            record.
        breaker: A `Breaker`, or `False` for none. Where it is not given: one that all tiers of this
            process share whose calls go to the same model at the same address with the same key.
        max_concurrency: Maximum concurrent calls, over all requests of this process that use this
            tier (and the tiers made from it); `None` for no limit.
        max_queue: Maximum number of waiting calls; `None` for no limit. A request that may not wait
            goes to the next tier.

    Raises:
        ConfigurationError: The name can't be a graph node's, the model is neither a chat model nor
            a usable string, or a limit is out of its range.
    """

    model: BaseChatModel
    name: str = ""
    context_window: int | None = None
    inputs: frozenset[str] | None = None
    tools: bool | None = None
    price: Pricing | None = None
    source: str = field(default="", compare=False)
    timeout: float | None = None
    retry: Retry = field(default_factory=Retry)
    guard: Guard = field(default=Guard(None, None), compare=False)
    dropped: tuple[str, ...] = field(default=(), compare=False)
    description: Provider = field(init=False, compare=False, repr=False)
    endpoint: str = field(default="", compare=False, repr=False)

    def __init__(
        self,
        model: BaseChatModel | str,
        name: str = "",
        *,
        context_window: int | None = None,
        inputs: Iterable[str] | None = None,
        tools: bool | None = None,
        price: Pricing | None = None,
        source: str = "",
        timeout: float | None = None,
        retry: Retry | int | None = None,
        breaker: Breaker | Literal[False] | None = None,
        max_concurrency: int | None = None,
        max_queue: int | None = None,
    ) -> None:
        put = object.__setattr__
        if not isinstance(name, str):
            raise ConfigurationError(
                f"Tier(model, ...) has a {type(name).__name__} in the place of the tier's name. Write "
                "what it is: Tier(model, price=Price(1, 2)), Tier(model, context_window=8192)."
            )
        put(self, "model", load_model(model) if isinstance(model, str) else model)
        put(self, "name", name)
        put(self, "context_window", context_window)
        put(self, "inputs", None if inputs is None else frozenset(inputs))
        put(self, "tools", tools)
        put(self, "price", price)
        put(self, "source", source)
        put(self, "timeout", timeout)
        self._validate()
        self._describe()
        put(self, "retry", retry_of(retry) or retry_like(self.model))
        put(self, "guard", self._guarded(breaker, max_concurrency, max_queue))

    def _guarded(self, breaker: Any, limit: int | None, queue: int | None) -> Guard:
        if breaker is None:
            url = base_url_of(self.model) or ""
            credentials = credentials_digest(self.model)
            breaker = shared_breaker(self.provider, credentials, url, self.model_name)
        elif breaker is not False and not isinstance(breaker, Breaker):
            raise ConfigurationError(
                f"Tier(breaker=...) is a {type(breaker).__name__}; give a Breaker(failures, "
                "cooldown), or False for none."
            )
        if limit is None and queue is not None:
            raise ConfigurationError(
                "Tier(max_queue=...) limits who waits for Tier(max_concurrency=...); give that too."
            )
        return Guard(breaker or None, None if limit is None else Slots(limit, queue))

    def _validate(self) -> None:
        if not isinstance(self.model, BaseChatModel):
            raise ConfigurationError(
                f"A tier's model must be a chat model or a model string, not "
                f"{type(self.model).__name__}. Bind tools and schemas on the router, not on the "
                "tier's model: the router binds them for each tier in its own dialect."
            )
        if self.name in RESERVED_NAMES or re.search(r"[|:\s]", self.name):
            raise ConfigurationError(
                f"{self.name!r} can't be a tier's name: it is a node of the graph. Use a word "
                "without spaces, ':' and '|' that is not one of "
                f"{', '.join(sorted(RESERVED_NAMES))}."
            )
        window = self.context_window
        whole = isinstance(window, int) and not isinstance(window, bool)
        if window is not None and not (whole and 0 < window <= MOST_TOKENS):
            raise ConfigurationError(
                f"Tier(context_window=...) must be a positive number of tokens, {MOST_TOKENS:,} at "
                "most; leave it out where there is no limit."
            )
        if self.price is not None and not isinstance(self.price, Pricing):
            raise ConfigurationError(
                f"Tier(price=...) is a {type(self.price).__name__}; give Price(input, output) in USD "
                "per million tokens, PerCall(usd), PerSecond(usd) or Power(watts, usd_per_kwh). "
                "Leave it out for the provider's list price."
            )
        if self.timeout is not None:
            number = isinstance(self.timeout, int | float) and not isinstance(self.timeout, bool)
            if not number or not self.timeout > 0:
                raise ConfigurationError(
                    f"Tier(timeout={self.timeout!r}) is a time over 0 seconds; leave it out for no "
                    "limit."
                )
            object.__setattr__(self, "timeout", bounded(self.timeout))
        if unknown := (self.inputs or frozenset()) - MODALITIES:
            raise ConfigurationError(
                f"Tier(inputs=...) holds {', '.join(sorted(unknown))}; "
                f"it takes {', '.join(sorted(MODALITIES))}."
            )

    def named(self, name: str) -> Tier:
        """Return the same tier with a name, unless it has one."""
        return self if self.name else self._changed(name=name)

    def with_model(self, model: BaseChatModel) -> Tier:
        """Return the same tier with another model."""
        return self._changed(model=model)

    def without_parameters(self, names: tuple[str, ...]) -> Tier:
        """The same tier; its record says that these parameters of the router's are not set on it."""
        return self._changed(dropped=names)

    def notes(self, request: Request) -> dict[str, Any]:
        """What the record of a call says of its tier: parameters left out, what is not known of it,
        and where it was made.

        Returns:
            `endpoint`, a digest of the address; `dropped_parameters` where any were left out;
            `unknown_class` where nothing is known of the model's class.
        """
        notes: dict[str, Any] = {"endpoint": self.endpoint}
        dropped = self.dropped
        if request.binds:
            dropped = (*dropped, *dropped_parameters(self.model, request))
        if dropped:
            notes["dropped_parameters"] = list(dict.fromkeys(dropped))
        if not self.description.known:
            notes["unknown_class"] = type(self.model).__name__
        return notes

    def _changed(self, **changes: Any) -> Tier:
        changed = copy(self)  # with the same guard: one way in, whatever is changed
        for name, value in changes.items():
            object.__setattr__(changed, name, value)
        changed._validate()
        if "model" in changes:
            changed._describe()
        return changed

    def _describe(self) -> None:
        """What is known of the model's provider, and where it is: found once, not for each request."""
        object.__setattr__(self, "description", provider_of(self.model))
        object.__setattr__(self, "endpoint", endpoint_digest(self.model))

    @property
    def breaker(self) -> Breaker | None:
        """The circuit breaker: read `.state`, call `.reset()`."""
        return self.guard.breaker

    @property
    def model_name(self) -> str:
        """The model's own name, as the provider knows it."""
        for attribute in ("model_name", "model"):
            if isinstance(name := getattr(self.model, attribute, None), str) and name:
                return name
        return type(self.model).__name__

    @property
    def rate(self) -> Pricing | None:
        """The price of its calls: the declared one, else the provider's list price."""
        return self.price or self._listed(self.model_name)

    def called(self, request: Request) -> tuple[str, Pricing | None]:
        """The model's name and price in a call: another one where the call says `model=`."""
        named = request.kwargs.get("model")
        refused = self.description.refused(self.model, request.kwargs)
        if isinstance(named, str) and named != self.model_name and "model" not in refused:
            return named, self._listed(named)
        return self.model_name, self.rate

    def _listed(self, model: str) -> Pricing | None:
        return listed_price(self.provider, model, base_url_of(self.model))

    @property
    def provider(self) -> str:
        """The model's provider, as LangSmith knows it: "ollama", "openai", ..."""
        return ls_provider(self.model)

    @property
    def runs_here(self) -> bool:
        """Whether its calls go to this machine or a private network."""
        return is_private(base_url_of(self.model), self.provider)

    @cached_property
    def room(self) -> int | None:
        """Maximum tokens of a prompt; `None` where no limit is known.

        A window holds prompt and answer together, so the answer's share is kept free: what the
        model may generate where that is set (`num_predict`, `max_tokens`), else `ANSWER_TOKENS`, at
        most half the window. A profile's `max_input_tokens` is of the prompt alone.
        """
        window = self.context_window or getattr(self.model, "num_ctx", None)
        if not isinstance(window, int):
            return (self.model.profile or {}).get("max_input_tokens")
        return window - min(self.answer_limit or ANSWER_TOKENS, window // 2)

    @property
    def answer_limit(self) -> int | None:
        """Maximum tokens of an answer; `None` where nothing limits it."""
        limits = (getattr(self.model, key, None) for key in ("num_predict", "max_tokens"))
        return next((n for n in limits if isinstance(n, int) and n > 0), None)

    @property
    def profile(self) -> dict[str, Any]:
        """What LangChain's profile of its model says, with what was declared of the tier in it."""
        profile = dict(cast("dict[str, Any]", self.model.profile or {}))
        if self.inputs is not None:
            profile |= {f"{each}_inputs": each in self.inputs for each in MODALITIES}
        if self.tools is not None:
            profile["tool_calling"] = self.tools
        window = self.context_window or getattr(self.model, "num_ctx", None)
        if isinstance(window, int):
            profile["max_input_tokens"] = window
        return profile

    def refuses(self, request: Request) -> str | None:
        """Return why this tier can't take a request, or `None` where it can."""
        if request.survey.modalities and (
            why := refuses_media(request, self.model, self.description, self.inputs)
        ):
            return why
        if request.tools:
            profile = cast("dict[str, Any]", self.model.profile or {})
            takes_tools = self.tools if self.tools is not None else profile.get("tool_calling")
            if takes_tools is False:
                return "it can't call tools"
            for kind in request.tools.provider_tools:
                if not _runs(self.provider, kind):
                    return f"its provider does not run the tool {kind!r}"
        room = self.room
        if room is not None and request.input_tokens > room:
            return f"about {request.input_tokens} tokens don't fit, it has room for {room}"
        return None

    def __repr__(self) -> str:
        return f"Tier({self.name or 'unnamed'}: {self.model_name})"


def _runs(provider: str, kind: str) -> bool:
    """Whether a provider runs a tool of this type; where that is not known, yes."""
    if provider == "ollama":
        return False
    # Anthropic's types end in a date: "web_search_20250305".
    dated = re.search(r"_20\d{6}$", kind) is not None
    return {"openai": not dated, "azure": not dated, "anthropic": dated}.get(provider, True)
