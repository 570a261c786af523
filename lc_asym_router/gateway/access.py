"""Access to the gateway: verify a request's key, and admit the request within the key's limits."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from lc_asym_router._internal.deadline import STORES, Clock, LateError
from lc_asym_router._internal.provider_errors import describe_store_error
from lc_asym_router.errors import AccessDeniedError
from lc_asym_router.gateway.key_budget import AdmittedKeys, KeyBudget, key_budgets, spending
from lc_asym_router.gateway.key_rates import KeyRates, RateLimited
from lc_asym_router.gateway.keys import Key, KeyLimits, KeyStore, is_of, prefix_of
from lc_asym_router.money.budgets.store import BudgetStore

if TYPE_CHECKING:
    from lc_asym_router.router.router import AsymRouter

logger = logging.getLogger(__name__)

T = TypeVar("T")

VERIFIED_SECONDS = 1.0
"""How long a verified key is taken for valid without asking the database: a revocation holds in every
worker after so many seconds."""
MOST_VERIFIED = 4096
"""The most verified keys that a worker remembers."""
DOWN_RETRY_SECONDS = 1
"""When to try again while the database is down."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and what it may do.

    Attributes:
        name: The key's name; "" where the gateway has no keys.
        limits: What the key may do.
        tags: Tags of the request: the key's own first, as "key:NAME".
        second: What its tokens count under, where the key has a limit a minute.
        tokens: The tokens that were counted for it.
    """

    name: str = ""
    limits: KeyLimits = field(default_factory=KeyLimits)
    tags: tuple[str, ...] = ()
    second: int | None = None
    tokens: int = 0

    @property
    def admin(self) -> bool:
        """Whether it may read all reports."""
        return self.limits.admin

    def may_name(self, model: str) -> bool:
        """Whether it may name a model."""
        return self.limits.models is None or model in self.limits.models


ANYBODY = Caller(limits=KeyLimits(admin=True))
"""Who asks a gateway without keys, which binds loopback only."""


class Access:
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
        self.unbudgeted = ""
        self._clock = clock or Clock()
        self._seconds = verified_seconds
        self._admitted = AdmittedKeys()
        self._budget_store = BudgetStore(keys.store.url.render_as_string(hide_password=False))
        self.budgets: tuple[KeyBudget, ...] = key_budgets(
            self._budget_store, self._admitted, max_output_tokens
        )
        self._verified: OrderedDict[str, tuple[Key, float]] = OrderedDict()
        self._asking: dict[str, Future[Key | None]] = {}

    def under_budgets(self, router: AsymRouter) -> AsymRouter:
        """Return a router that keeps the keys' budgets.

        Where it can't (a price is not known, or it hedges), the router is returned as it is, and keys
        with a budget are refused: no budget is ever passed because nobody could count.

        Args:
            router: The router.
        """
        try:
            return router.model_copy(update={"budgets": (*router.policy.budgets, *self.budgets)})
        except ValidationError as error:
            faults = (fault["msg"].removeprefix("Value error, ") for fault in error.errors())
            self.unbudgeted = "; ".join(faults)
            logger.warning("Keys with a budget in USD are refused: %s", self.unbudgeted)
            return router

    async def identify(self, headers: Mapping[str, str]) -> Caller:
        """Return who sent a request, without counting it: for lists, reports, feedback.

        Args:
            headers: The request's headers, by lower-case name.

        Raises:
            AccessDeniedError: There is no key, or it is wrong, revoked or expired; or the database
                can't be asked.
        """
        key = await self._verify(_given(headers))
        self._admitted.put(key.tag, key.limits)
        return Caller(key.name, key.limits, (key.tag, *key.limits.tags))

    async def admit(self, headers: Mapping[str, str], model: str, estimated_tokens: int) -> Caller:
        """Verify a request's key, and count the request in the key's limits.

        Args:
            headers: The request's headers, by lower-case name.
            model: The model that it names.
            estimated_tokens: The most that it may take, input and output together.

        Raises:
            AccessDeniedError: As for `identify`; or the key may not name the model, has a budget that
                can't be kept, or its limit a minute has no room.
        """
        caller = await self.identify(headers)
        limits = caller.limits
        if not caller.may_name(model):
            allowed = ", ".join(limits.models or ())
            raise AccessDeniedError(
                f"This key may not ask {model[:100]!r}; it may ask {allowed}.",
                403,
                "invalid_request_error",
                "model_not_allowed",
            )
        if self.unbudgeted and (limits.usd_per_day or limits.usd_per_month):
            raise AccessDeniedError(
                "This key has a budget, and the gateway can't keep it: its log says why.",
                403,
                "invalid_request_error",
                "budget_not_kept",
            )
        if limits.rpm is None and limits.tpm is None:
            return caller
        found = await self._ask(lambda: self.rates.admit(caller.name, limits, estimated_tokens))
        if isinstance(found, RateLimited):
            raise AccessDeniedError(
                str(found), 429, found.unit, "rate_limit_exceeded", found.retry_after
            )
        return Caller(caller.name, limits, caller.tags, found, estimated_tokens)

    def settle(self, caller: Caller, tokens: int) -> None:
        """Correct the tokens that a request was counted with; nobody waits for it. Never raises.

        Args:
            caller: From `admit`.
            tokens: What the request took: all calls of it, input and output together.
        """
        second, difference = caller.second, tokens - caller.tokens
        if second is None or caller.limits.tpm is None or not difference:
            return

        def settle() -> None:
            try:
                self.rates.settle(caller.name, second, difference)
            except Exception as error:  # a driver may raise anything; the estimate stands
                logger.warning("A key's tokens can't be settled: %s", describe_store_error(error))

        try:
            STORES.abandon(STORES.submit(settle, queued=True), drop=False)
        except LateError as error:
            logger.warning("A key's tokens can't be settled: %s", error)

    async def usage(self, key: Key) -> dict[str, Any]:
        """Return what a key has used, and of what.

        Args:
            key: The key.

        Raises:
            AccessDeniedError: The database can't be asked.
        """
        moment = datetime.fromtimestamp(self._clock.now(), UTC)

        def read() -> dict[str, Any]:
            requests, tokens = self.rates.used([key.name]).get(key.name, (0, 0))
            return {
                "requests_last_minute": requests,
                "tokens_last_minute": tokens,
                "usd": spending(self.budgets, key.tag, moment),
            }

        return await self._ask(read)

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


def _denied(message: str) -> AccessDeniedError:
    return AccessDeniedError(message, 401, "invalid_request_error", "invalid_api_key")


def _down(error: Exception) -> AccessDeniedError:
    logger.warning("Keys can't be verified: %s", describe_store_error(error))
    return AccessDeniedError(
        "Keys can't be verified now: the gateway's database does not answer.",
        503,
        "server_error",
        "keys_unavailable",
        DOWN_RETRY_SECONDS,
    )
