"""Escalations through OpenAI's batch API: at half the price, within a day.

The router's last tier is asked over a transport of its own: a request's body is taken instead of
sent, and stands in the journal until the batch is submitted; its answer, once it is there, comes back
over the same transport, so that the router reads, prices and records it as any other.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from langchain_core.messages import messages_from_dict
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langchain_openai import AzureChatOpenAI, ChatOpenAI

from lc_asym_router.batch.row_journal import RowJournal, SubmittedBatch
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.prices import Pricing
from lc_asym_router.tiers.tier import Tier

if TYPE_CHECKING:
    from langchain_core.messages.ai import UsageMetadata

    from lc_asym_router.router.router import AsymRouter

TAG = "batch_api"
"""The tag of the requests in ledger and traces whose answers a batch has brought."""
MOST_ROWS, MOST_BYTES = 50_000, 190_000_000
"""What OpenAI takes in one batch: 50,000 requests, and 200 MB."""
RETRIES = 5
"""How often the API is asked again where that does no harm: all but the creation of a batch."""
ENDED = ("completed", "failed", "expired", "cancelled")


@dataclass(frozen=True)
class BatchAPI:
    """How escalations go through OpenAI's batch API.

    Args:
        poll_seconds: How long to wait before the batch is looked at again, in seconds.
        sleep: Waits so many seconds; `arun` waits by the event loop instead.
    """

    poll_seconds: float = 60.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def __post_init__(self) -> None:
        if not self.poll_seconds > 0:
            raise ConfigurationError(f"BatchAPI(poll_seconds={self.poll_seconds}) must be over 0.")

    @classmethod
    def of(cls, given: Any) -> BatchAPI | None:
        """Return what a user's `escalations=` says; `None` for live calls.

        Raises:
            ConfigurationError: It is none of what it may be.
        """
        if given is None or isinstance(given, cls):
            return given
        if given == "batch_api":
            return cls()
        raise ConfigurationError(
            f"escalations={given!r} is None for live calls, 'batch_api', or a BatchAPI(...)."
        )


@dataclass(frozen=True, slots=True)
class HalfPrice(Pricing):
    """Half of another price, as OpenAI bills what a batch has asked."""

    price: Pricing

    def of(self, usage: UsageMetadata | None, seconds: float | None = None) -> float | None:
        """Return the cost of a call in USD; `None` where it is unknown."""
        whole = self.price.of(usage, seconds)
        return None if whole is None else whole / 2

    def most(self, input_tokens: int, max_tokens: int, seconds: float) -> float | None:
        """Return half of the most that the other price comes to."""
        whole = self.price.most(input_tokens, max_tokens, seconds)
        return None if whole is None else whole / 2

    def of_failed(self, seconds: float | None = None) -> float | None:
        """Return 0: a call that waits for its batch was not sent."""
        return 0.0


@dataclass
class Exchange:
    """What passes for one request of the last tier: its body, or the answer that is there."""

    body: dict[str, Any] | None = None
    answer: dict[str, Any] | None = None


_exchange: ContextVar[Exchange | None] = ContextVar("lc_asym_router_exchange", default=None)


@contextmanager
def exchanged(answer: dict[str, Any] | None = None) -> Iterator[Exchange]:
    """Take the body of what is asked of the last tier in this block, or give it an answer."""
    exchange = Exchange(answer=answer)
    mark = _exchange.set(exchange)
    try:
        yield exchange
    finally:
        _exchange.reset(mark)


class _Stored(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends nothing."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Return the answer that is there; where none is, take the body."""
        exchange = _exchange.get()
        if exchange is not None and exchange.answer is not None:
            return httpx.Response(200, json=exchange.answer, request=request)
        if exchange is not None:
            exchange.body = json.loads(request.read())
        waits = {"error": {"message": "it goes into a batch", "code": "batched"}}
        return httpx.Response(409, json=waits, request=request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The async twin of `handle_request`."""
        return self.handle_request(request)


def deferred(router: AsymRouter) -> AsymRouter:
    """Return the router with a last tier that is asked through a batch.

    Raises:
        ConfigurationError: The last tier's model has no batch API that is known.
    """
    last = router.ladder[-1]
    model = last.model
    if not isinstance(model, ChatOpenAI) or isinstance(model, AzureChatOpenAI):
        raise ConfigurationError(
            f"escalations='batch_api' is for a last tier of ChatOpenAI, and {last.name!r} is a "
            f"{type(model).__name__}. Leave it out: escalations are live calls then."
        )
    if model.use_responses_api:
        raise ConfigurationError(
            "escalations='batch_api' asks the Chat Completions API, and the last tier's model has "
            "use_responses_api=True. Leave that out, or escalations='batch_api'."
        )
    transport = _Stored()
    client = model.root_client.with_options(
        http_client=httpx.Client(transport=transport), max_retries=0
    )
    aclient = model.root_async_client.with_options(
        http_client=httpx.AsyncClient(transport=transport), max_retries=0
    )
    stored = model.model_copy(
        update={
            "root_client": client,
            "client": client.chat.completions,
            "root_async_client": aclient,
            "async_client": aclient.chat.completions,
            "streaming": False,
            "disable_streaming": True,
        }
    )
    tier = Tier(
        stored,
        last.name,
        context_window=last.context_window,
        inputs=last.inputs,
        tools=last.tools,
        price=None if last.rate is None else HalfPrice(last.rate),
        retry=1,
        breaker=False,
    )
    changed: dict[str, Any] = {"degrade": False, "hedge": False, "fallbacks": []}
    if router.tiers:
        changed["tiers"] = [*router.tiers[:-1], tier]
    else:
        changed["frontier"] = tier
    return router.model_copy(update=changed)


def settled_config(router: AsymRouter, config: RunnableConfig | None) -> RunnableConfig:
    """Return the config of a request whose answer is there: for the last tier, unchecked."""
    wanted = {"tier": router.ladder[-1].name, "verify": False, "escalate": False}
    prefix = router.configurable_prefix
    forced: RunnableConfig = {
        "tags": [TAG],
        "configurable": {f"{prefix}{name}": value for name, value in wanted.items()},
    }
    return merge_configs(config, forced)


def restored(asked: Any) -> Any:
    """Return a row's request from its plain JSON."""
    if not isinstance(asked, list):
        return asked
    found: list[Any] = []
    for each in asked:
        if isinstance(each, dict) and set(each) == {"type", "data"}:
            found += messages_from_dict([each])
        else:
            found.append(tuple(each) if isinstance(each, list) else each)
    return found


Settle = Callable[[int, dict[str, Any] | None, str | None], None]
"""Takes a row's place and its answer, or why there is none."""


class Submission:
    """The batches of a run's escalated rows.

    Args:
        client: The openai SDK's client.
        journal: The run's journal.
        settle: Takes each row's result.
    """

    def __init__(self, client: Any, journal: RowJournal, settle: Settle) -> None:
        # A tier's client tries once, and a batch is looked at for a day.
        self._client = client.with_options(max_retries=RETRIES)
        self._journal, self._settle = journal, settle

    def steps(self, poll_seconds: float) -> Iterator[float]:
        """Submit what waits, and settle what has ended; yields the seconds to wait each time.

        Raises:
            openai.OpenAIError: The API can't be reached, or refuses.
        """
        for places in self._groups():
            self._submit(places)
        for job in self._journal.open_jobs:
            batch = self._of(job)
            while batch.status not in ENDED:
                yield poll_seconds
                batch = self._client.batches.retrieve(batch.id)
            self._merge(job, batch)

    def _groups(self) -> Iterator[list[int]]:
        """Yield the rows of each batch that is to be submitted."""
        group: list[int] = []
        size = 0
        for place, entry in self._journal.waiting():
            more = len(_line(place, entry))
            if len(group) == MOST_ROWS or (group and size + more > MOST_BYTES):
                yield group
                group, size = [], 0
            group.append(place)
            size += more
        if group:
            yield group

    def _submit(self, places: list[int]) -> None:
        lines = b"".join(_line(place, self._journal.entry(place)) for place in places)
        file = self._client.files.create(file=("escalations.jsonl", lines), purpose="batch")
        # Before it is submitted: a run that is killed now looks for a batch of this file.
        job = self._journal.add_job(SubmittedBatch(file.id, places))
        self._create(job)

    def _create(self, job: SubmittedBatch) -> Any:
        # Not tried again: where its answer is lost there may be a batch all the same. The next run
        # looks for it.
        batch = self._client.with_options(max_retries=0).batches.create(
            input_file_id=job.file, endpoint="/v1/chat/completions", completion_window="24h"
        )
        self._journal.add_job(SubmittedBatch(job.file, job.places, batch.id))
        return batch

    def _of(self, job: SubmittedBatch) -> Any:
        """Return a job's batch; it is submitted where a killed run has not done so."""
        if job.batch is not None:
            return self._client.batches.retrieve(job.batch)
        for batch in self._client.batches.list(limit=100):
            if batch.input_file_id == job.file:
                self._journal.add_job(SubmittedBatch(job.file, job.places, batch.id))
                return batch
        return self._create(job)

    def _merge(self, job: SubmittedBatch, batch: Any) -> None:
        """Settle every row of a batch that has ended."""
        found: dict[int, Any] = {}
        for file in (batch.output_file_id, batch.error_file_id):
            if file is not None:
                for line in self._client.files.content(file).text.splitlines():
                    result = json.loads(line)
                    found[int(result["custom_id"].removeprefix("row-"))] = result
        for place in job.places:
            if not self._journal.is_waiting(place):
                continue  # an earlier run has settled it
            response = (found.get(place) or {}).get("response") or {}
            status, body = response.get("status_code"), response.get("body")
            if status == 200 and isinstance(body, dict):
                self._settle(place, body, None)
                continue
            why = f"has not asked it: {batch.status}"
            if status:
                why = "has no answer to it" if status == 200 else f"refused it (status {status})"
            self._settle(place, None, f"OpenAI's batch {batch.id} {why}.")
        if not any(map(self._journal.is_waiting, job.places)):  # else a budget has stopped the run
            self._journal.add_job(SubmittedBatch(job.file, job.places, batch.id, done=True))


def _line(place: int, entry: dict[str, Any]) -> bytes:
    """Return a row's line in a batch's file."""
    asked = {
        "custom_id": f"row-{place}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": entry["waits"]["body"],
    }
    return json.dumps(asked).encode() + b"\n"
