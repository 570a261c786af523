"""Cache classifiers' scores, so that no request is scored twice.

The score is cached, not the decision: thresholds, the bound tools, the tiers' abilities, and the
current turn or thread are applied to every request, so none of them can make a cached score wrong.
(A `CachePolicy` on the graph's node would cache the request's id, its start and its costs too.)
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from langchain_core.decisions import BaseDecisionModel
from langchain_core.runnables import RunnableConfig
from langgraph.cache.base import BaseCache, FullKey
from langgraph.cache.memory import InMemoryCache

from lc_asym_router._internal.deadline import awithin, now, within
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.classify.scorer import Classifier, Scored, Scorer
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.request import Request

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class DecisionCache:
    """A cache of classifiers' scores.

    Args:
        cache: A LangGraph cache: `InMemoryCache`, `SqliteCache`, `RedisCache`, ... It stores a hash
            of the latest human turn, the score, and the classifier's reason.
        ttl: Seconds after which a score expires; `None` for never.
        namespace: Separates users of one cache. A new one starts without scores: change it when the
            classifier has changed in a way that its settings don't show (its weights, its code).

    Raises:
        ConfigurationError: It is no such cache, or `ttl` is invalid.
    """

    cache: BaseCache[Any] = field(repr=False)
    ttl: int | None = None
    namespace: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.cache, BaseCache):
            raise ConfigurationError(
                f"DecisionCache({type(self.cache).__name__}) needs a cache of LangGraph's, such as "
                "langgraph.cache.memory.InMemoryCache(). LangChain's caches go on the tiers' models."
            )
        if self.ttl is not None and (isinstance(self.ttl, bool) or not self.ttl > 0):
            raise ConfigurationError(
                f"DecisionCache(ttl={self.ttl!r}) must be a positive number of seconds, or None."
            )


@dataclass(frozen=True)
class CachedScorer(Scorer):
    """A scorer that looks in a cache first. A cache that fails or is late is skipped."""

    kept: DecisionCache = field(kw_only=True)
    identity: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        identity = _identity(self.classifier, self.kept.namespace)
        object.__setattr__(self, "identity", identity)

    def score(
        self, request: Request, config: RunnableConfig, seconds: float | None = None
    ) -> Scored:
        """Ask the classifier about the latest human turn, unless that is known."""
        key, cache, until = self._key(request), self.kept.cache, self._until(seconds)
        try:
            found = within(self._patience(until), lambda: cache.get([key]))
        except Exception as error:
            found = _without(error)
        if known := _known(found.get(key)):
            return known
        scored = super().score(request, config, _rest(until))
        if self._lasts(scored):
            try:
                within(self._patience(until), lambda: cache.set(self._pair(key, scored)))
            except Exception as error:
                _without(error)
        return scored

    async def ascore(
        self, request: Request, config: RunnableConfig, seconds: float | None = None
    ) -> Scored:
        """The async twin of `score`."""
        key, cache, until = self._key(request), self.kept.cache, self._until(seconds)
        try:
            found = await awithin(self._patience(until), lambda: cache.aget([key]))
        except Exception as error:
            found = _without(error)
        if known := _known(found.get(key)):
            return known
        scored = await super().ascore(request, config, _rest(until))
        if self._lasts(scored):
            try:
                await awithin(self._patience(until), lambda: cache.aset(self._pair(key, scored)))
            except Exception as error:
                _without(error)
        return scored

    def _until(self, seconds: float | None) -> float | None:
        """When the time is up that the cache and the classifier have together."""
        return None if seconds is None else now() + seconds

    def _patience(self, until: float | None) -> float | None:
        """Seconds that a cache may take; one in memory needs no thread to be timed in."""
        if isinstance(self.kept.cache, InMemoryCache):
            return None
        limits = (self.deadline, _rest(until))
        return min((each for each in limits if each is not None), default=None)

    def _key(self, request: Request) -> FullKey:
        """Return a hash of the classifier and of everything that it is asked."""
        turn = [
            [message.type, message.name, message.content, message.additional_kwargs]
            for message in request.turn
        ]
        return (("lc_asym_router", "complexity"), _hash([self.identity, turn]))

    def _pair(self, key: FullKey, scored: Scored) -> Mapping[FullKey, tuple[Any, int | None]]:
        kept = {spec.name: getattr(scored, spec.name) for spec in fields(scored)}
        return {key: (kept, self.kept.ttl)}

    def _lasts(self, scored: Scored) -> bool:
        """Whether a score may be cached: it is the classifier's own, no failure or fallback."""
        return scored.complexity is not None and scored.classifier == self.name


def _rest(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - now())


def remembering(scorer: Scorer, given: Any) -> Scorer:
    """The scorer, with the cache that a user gave.

    Args:
        scorer: What asks the classifier.
        given: A `DecisionCache`, a cache of LangGraph's, or `None`.

    Raises:
        ConfigurationError: It is no cache, or can't tell the classifier from another.
    """
    if given is None:
        return scorer
    kept = given if isinstance(given, DecisionCache) else DecisionCache(given)
    return CachedScorer(scorer.classifier, scorer.deadline, kept=kept)


def _identity(classifier: Classifier, namespace: str) -> str:
    from lc_asym_router._internal.imports import __version__

    if isinstance(classifier, BaseDecisionModel):
        name, settings = _named(type(classifier)), classifier.model_dump(serialize_as_any=True)
    else:
        name, settings = _named(classifier), {}
        if not namespace and ("<" in name or not name):
            raise ConfigurationError(
                "Nothing tells this classifier from another one in the same decision_cache: it is no "
                "function of a module. Name it: DecisionCache(cache, namespace='my-classifier')."
            )
    return _hash([__version__, namespace, name, settings])


def _named(thing: Any) -> str:
    qualname = getattr(thing, "__qualname__", "")
    return f"{thing.__module__}.{qualname}" if qualname else ""


def _hash(value: Any) -> str:
    try:
        text = json.dumps(value, sort_keys=True, default=repr)
    except (TypeError, ValueError):  # keys of several types, or a circle
        text = repr(value)
    return hashlib.sha256(text.encode()).hexdigest()


def _known(found: Any) -> Scored | None:
    """The score that was found; `None` for none, or one that another version has written."""
    try:
        return replace(Scored(**found), cached=True) if found else None
    except TypeError:
        return None


def _without(error: Exception) -> dict[FullKey, Any]:
    log_fault(logger, "The decision cache can't be used: %s", describe_error(error))
    return {}
