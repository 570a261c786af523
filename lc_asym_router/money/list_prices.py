"""Providers' list prices, from the bundled data of the package `genai-prices`; no network access."""

from __future__ import annotations

import logging
import os
import re
import time
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from itertools import product
from typing import Any

from langchain_core.messages.ai import UsageMetadata

from lc_asym_router.money.prices import Pricing
from lc_asym_router.money.usage import SERVICE_TIERS, TokenCounts

logger = logging.getLogger(__name__)

LOCAL = frozenset({"ollama", "lc_asym_router", "llamacpp"})
"""Providers whose models run on the user's own machine: there is no list to look into."""


@dataclass(frozen=True, slots=True)
class ListPrice(Pricing):
    """A provider's list price, with its tiers, dates and service tiers, as `genai-prices` has it.

    Args:
        provider: The provider, as LangSmith or `genai-prices` names it: "openai", "google_genai".
        model: The model's name.
    """

    provider: str
    model: str

    def of(self, usage: UsageMetadata | None, seconds: float | None = None) -> float | None:
        """Cost of a call now, in USD; `None` where no token counts or no price are known."""
        if usage is None:
            return None
        try:
            return _calculated(self.provider, self.model, TokenCounts.of(usage))
        except (LookupError, ValueError, ImportError) as error:
            _say_unpriced(self.provider, self.model, f"{type(error).__name__}: {error}")
            return None

    def most(self, input_tokens: int, max_tokens: int, seconds: float) -> float | None:
        """Return the maximum cost of a call, in USD: cached or not, with reasoning or without.

        OpenAI's service tiers are among what it may cost: a project's settings can choose one. The
        counts are rounded up, by an eighth at most, so that the list is not asked for every call.
        """
        return _dearest(
            self.provider, self.model, _up(input_tokens), _up(max_tokens), int(time.time() // 600)
        )


def listed_price(provider: str, model: str, base_url: str | None = None) -> ListPrice | None:
    """Return a model's list price, or `None` where it is unknown, which is logged once per model.

    Args:
        provider: The provider, as LangSmith names it.
        model: The model's own name.
        base_url: Where its calls go, if not to the provider's own address. An address of another
            provider that is known (OpenRouter, Groq) has that provider's prices; any other is taken
            to be a gateway to the provider itself.
    """
    return _listed(provider, model, base_url)


def base_url_of(model: Any) -> str | None:
    """Where a chat model's calls go, as far as it says so."""
    for attribute in ("openai_api_base", "anthropic_api_url", "base_url"):
        if isinstance(url := getattr(model, attribute, None), str) and url:
            return url
    return os.environ.get("OPENAI_BASE_URL") if hasattr(model, "openai_api_base") else None


@lru_cache(maxsize=4096)
def _listed(provider: str, model: str, base_url: str | None) -> ListPrice | None:
    if not provider or not model or model == "unknown":
        return None
    if provider in LOCAL:
        _say_local(model)
        return None
    try:
        snapshot = import_module("genai_prices.data_snapshot").get_snapshot()
    except ImportError:
        _say_missing()
        return None
    # Who is called bills, whoever made the model.
    billing = _at(snapshot, base_url) or provider
    try:
        found, _ = snapshot.find_provider_model(model, None, billing, None)
        # Some models are listed without any price, which would come out as 0.
        if _calculated(found.id, model, TokenCounts(1000, 1000)):
            return ListPrice(found.id, model)
    except (LookupError, ValueError):
        pass
    _say_unpriced(billing, model, "not in the list of genai-prices")
    return None


def _at(snapshot: Any, base_url: str | None) -> str | None:
    """The provider at an address, where it is a known one's."""
    if not base_url:
        return None
    return next((p.id for p in snapshot.providers if re.match(p.api_pattern, base_url)), None)


def _calculated(provider: str, model: str, counts: TokenCounts) -> float | None:
    """What the provider's list makes of the counts, in USD; `None` where it has no price."""
    prices = import_module("genai_prices")
    usage = prices.Usage(
        input_tokens=counts.input,
        output_tokens=counts.output,
        cache_read_tokens=counts.cache_read,
        cache_write_tokens=counts.cache_write,
        cache_write_1h_tokens=counts.cache_write_1h,
        output_reasoning_tokens=counts.reasoning,
        input_audio_tokens=counts.audio_input,
        output_audio_tokens=counts.audio_output,
    )
    context = {"service_tier": counts.service_tier} if counts.service_tier else None
    done = prices.calc_price(usage, model, provider_id=provider, price_context=context)
    priced = done.model_price
    if priced.input_mtok is None and priced.output_mtok is None and priced.requests_kcount is None:
        return None
    return float(done.total_price)


@lru_cache(maxsize=4096)
def _dearest(provider: str, model: str, came: int, went: int, now: int) -> float | None:
    """Return the maximum cost of such a call, in USD; recomputed over time, since lists have dates."""
    costs = []
    for service, reasoning, (write, an_hour) in product(
        (None, *SERVICE_TIERS), (0, went), ((0, 0), (came, 0), (came, came))
    ):
        counts = TokenCounts(
            came,
            went,
            cache_write=write,
            cache_write_1h=an_hour,
            reasoning=reasoning,
            service_tier=service,
        )
        try:
            cost = _calculated(provider, model, counts)
        except (LookupError, ValueError, ImportError):
            continue
        costs += [] if cost is None else [cost]
    return max(costs, default=None)


def _up(count: int) -> int:
    """The count, rounded up to four binary digits."""
    step = 1 << max(0, count.bit_length() - 4)
    return -(-count // step) * step


@lru_cache(maxsize=4096)
def _say_local(model: str) -> None:
    logger.warning(
        "%s runs on your own machine and no price is declared, so its cost is unknown (None), and "
        "so is what is saved. Declare one: Tier(model, price=Power(watts=150, usd_per_kwh=0.30)), "
        "or price=PerCall(0) if it is to count as free.",
        model,
    )


@lru_cache(maxsize=4096)
def _say_unpriced(provider: str, model: str, why: str) -> None:
    logger.warning(
        "The price of %s (%s) is unknown (%s), so its cost is None. Declare it in USD per million "
        "tokens: Tier(model, price=Price(input, output)).",
        model,
        provider,
        why,
    )


@lru_cache(maxsize=1)
def _say_missing() -> None:
    logger.warning(
        "Prices are unknown without the package genai-prices, so costs are None: "
        "pip install 'lc-asym-router[prices]'; or declare them: Tier(model, price=Price(input, "
        "output))."
    )
