"""Access by keys: verify a request's key, and admit the request within the key's limits."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

from lc_asym_router._internal.deadline import STORES, Clock, LateError
from lc_asym_router._internal.fault_log import log_fault
from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.gateway.access import Access, Caller
from lc_asym_router.gateway.http_errors import NO_RETRY, GatewayError
from lc_asym_router.gateway.key_budget import AdmittedKeys, KeyBudget, key_budgets, spending
from lc_asym_router.gateway.key_rates import KeyRates, RateLimited
from lc_asym_router.gateway.keys import Key, KeyLimits, KeyStore, is_of, prefix_of
from lc_asym_router.money.budgets.budget import utc_now
from lc_asym_router.money.budgets.store import BudgetStore

logger = logging.getLogger(__name__)

T = TypeVar("T")

VERIFIED_SECONDS = 1.0
"""How long a verified key is taken for valid without asking the database: a revocation holds in every
worker after so many seconds."""
MOST_VERIFIED = 4096
"""The most verified keys that a worker remembers."""
DOWN_RETRY_SECONDS = 1
"""When to try again while the database is down."""


@dataclass(frozen=True)
class KeyCaller(Caller):
    """Who asks with a key.

    Attributes:
        limits: What the key may do.
        second: What its tokens count under, where the key has a limit a minute.
    """

    limits: KeyLimits = field(default_factory=KeyLimits)
    second: int | None = None


class KeyAccess(Access):
    """Verifies keys and keeps their limits. Workers share what is used through the database.

    A verified key is remembered for a second, so that a revocation holds everywhere after that; what
    is remembered is a digest, never the key. While the database is down, nobody is admitted.

    Args:
        keys: The keys.
        clock: The clock that the memory of verified keys and the keys' ends go by.
        verified_seconds: How long a verified key is remembered, in seconds.
        max_output_tokens: Set on the routers' models that have no limit on their output, because a
            budget must know the most that a call can cost.
    """

    def __init__(
        self,
        keys: KeyStore,
        *,
        clock: Clock | None = None,
        verified_seconds: float = VERIFIED_SECONDS,
        max_output_tokens: int = 4096,
    ) -> None:
        self.keys = keys
        self.rates = KeyRates(keys.store)
        self._clock = clock or Clock()
        self._seconds = verified_seconds
        self._admitted = AdmittedKeys()
        self._budget_store = BudgetStore(keys.store.url.render_as_string(hide_password=False))
        self.budgets: tuple[KeyBudget, ...] = key_budgets(
            self._budget_store, self._admitted, max_output_tokens
        )
        self._verified: OrderedDict[str, tuple[Key, float]] = OrderedDict()
        self._asking: dict[str, Future[Key | None]] = {}

    async def admit(
        self, headers: Mapping[str, str], model: str | None, estimated_tokens: int
    ) -> Caller:
        """Verify a request's key, and count the request in the key's limits where it asks a model.

        Args:
            headers: The request's headers, by lower-case name.
            model: The model that it asks for, or `None`.
            estimated_tokens: The tokens that are counted until `settle` says what it took.

        Raises:
            GatewayError: There is no key, or it is wrong, revoked or expired (401); it may not ask
                for the model (403); its limit a minute has no room (429); the database can't be
                asked (503).
        """
        key = await self._verify(_given(headers))
        limits = key.limits
        self._admitted.put(key.tag, limits)
        paid = limits.usd_per_day is not None or limits.usd_per_month is not None
        caller = KeyCaller(
            name=key.name,
            tags=(key.tag, *limits.tags),
            models=None if limits.models is None else frozenset(limits.models),
            budgets=self.budgets if paid else (),
            admin=limits.admin,
            limits=limits,
        )
        if model is None:
            return caller
        if limits.models is not None and model not in limits.models:
            allowed = ", ".join(limits.models)
            raise GatewayError(
                403,
                f"This key may not ask {model[:100]!r}; it may ask {allowed}.",
                code="model_not_allowed",
                param="model",
                headers=NO_RETRY,
            )
        if limits.rpm is None and limits.tpm is None:
            return caller
        found = await self._ask(lambda: self.rates.admit(key.name, limits, estimated_tokens))
        if isinstance(found, RateLimited):
            raise GatewayError(
                429,
                str(found),
                code="rate_limit_exceeded",
                retry_after=found.retry_after,
                headers=NO_RETRY if found.retry_after is None else None,
            )
        return replace(caller, second=found)

    async def settle(self, caller: Caller, estimated_tokens: int, tokens: int | None) -> None:
        """Correct the tokens that a request was counted with; the request does not wait for it.

        Args:
            caller: From `admit`.
            estimated_tokens: What it was counted with.
            tokens: What it took; `None` where that is not known: then the estimate stands.
        """
        second = caller.second if isinstance(caller, KeyCaller) else None
        difference = 0 if tokens is None else tokens - estimated_tokens
        if second is None or not difference:
            return

        def settle() -> None:
            try:
                self.rates.settle(caller.name, second, difference)
            except Exception as error:  # a driver may raise anything; the estimate stands
                log_fault(
                    logger, "A key's tokens can't be settled: %s", describe_store_error(error)
                )

        try:
            STORES.abandon(STORES.submit(settle, queued=True), drop=False)
        except LateError as error:
            log_fault(logger, "A key's tokens can't be settled: %s", error)

    async def report(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the keys, each with its limits and what it has used of them, in plain JSON.

        Args:
            name: The name of the only key that is wanted; `None` for all.

        Raises:
            GatewayError: The database can't be asked.
        """
        return await self._ask(lambda: self._report(name))

    def _report(self, name: str | None) -> list[dict[str, Any]]:
        now, moment = self._clock.now(), utc_now()  # budgets' periods go by the time of day
        newest = {key.name: key for key in self.keys.list() if name in (None, key.name)}
        used = self.rates.used(newest)
        return [
            {
                "name": key.name,
                "state": key.state(now),
                "expires_at": key.expires_at,
                "limits": asdict(key.limits),
                "requests_last_minute": used.get(key.name, (0, 0))[0],
                "tokens_last_minute": used.get(key.name, (0, 0))[1],
                "usd": spending(self.budgets, key.tag, moment),
            }
            for key in newest.values()
        ]

    def close(self) -> None:
        """Close the database's connections."""
        self.keys.close()
        self._budget_store.close()

    # verifying ------------------------------------------------------------------------------

    async def _verify(self, given: str) -> Key:
        if not given:
            raise _denied("No key was given. Send it as 'Authorization: Bearer KEY'.")
        prefix = prefix_of(given)
        if prefix is None:
            raise _denied("This is no key of this gateway. Ask its operator for one.")
        digest = hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()
        verified, until = self._verified.get(digest, (None, 0.0))
        if verified is None or not self._clock.elapsed() < until:
            self._verified.pop(digest, None)
            # From before the question on: what is answered may be older than the answer.
            until = self._clock.elapsed() + self._seconds
            found = await self._find(prefix)
            if not is_of(given, found) or found is None:
                raise _denied("The key is not known. Ask the gateway's operator for one.")
            verified = found
            self._verified[digest] = (found, until)
            while len(self._verified) > MOST_VERIFIED:
                self._verified.popitem(last=False)
        state = verified.state(self._clock.now())
        if state != "active":
            raise _denied(f"The key is {state}. Ask the gateway's operator for another.")
        return verified

    async def _find(self, prefix: str) -> Key | None:
        """Ask the database for a key; who comes meanwhile waits for the same answer."""
        asking = self._asking.get(prefix)
        if asking is None:
            asking = self._submit(lambda: self.keys.find(prefix))
            self._asking[prefix] = asking
            asking.add_done_callback(lambda _: self._asking.pop(prefix, None))
        return await self._answer(asking)

    async def _ask(self, call: Callable[[], T]) -> T:
        return await self._answer(self._submit(call))

    def _submit(self, call: Callable[[], T]) -> Future[T]:
        try:
            return STORES.submit(call, queued=True).result
        except LateError as error:
            raise _down(error) from None

    async def _answer(self, asked: Future[T]) -> T:
        try:
            # A caller that leaves takes the answer from nobody else.
            return await asyncio.shield(asyncio.wrap_future(asked))
        except Exception as error:  # a database's driver may raise anything
            raise _down(error) from None


def _given(headers: Mapping[str, str]) -> str:
    """The key among the headers: OpenAI's clients send a bearer, Anthropic's `x-api-key`."""
    authorization = headers.get("authorization")
    if authorization is None:
        return headers.get("x-api-key", "").strip()
    scheme, _, given = authorization.partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""


def _denied(message: str) -> GatewayError:
    headers = {"www-authenticate": "Bearer", **NO_RETRY}
    return GatewayError(401, message, code="invalid_api_key", headers=headers)


def _down(error: Exception) -> GatewayError:
    log_fault(logger, "Keys can't be verified: %s", describe_store_error(error))
    return GatewayError(
        503,
        "Keys can't be verified now: the gateway's database does not answer.",
        code="keys_unavailable",
        retry_after=DOWN_RETRY_SECONDS,
    )
