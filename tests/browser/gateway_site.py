"""A gateway with a day of requests behind it, for the page to show."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lc_asym_router import AsymRouter, Audit, Budget, Ledger, Tier
from lc_asym_router.gateway.app import gateway_app
from lc_asym_router.gateway.key_access import KeyAccess
from lc_asym_router.gateway.keys import KeyLimits, KeyStore
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.gateway.serving import Served
from tests.servers import OllamaServer, OpenAIServer, Reply

REQUESTS = 90


class Site(Served):
    """The gateway, and its keys by name."""

    keys: dict[str, str]
    store: KeyStore


@contextmanager
def gateway_site(
    folder: Path, model: str = "llama3.1:8b", tag: str = "team:help", requests: int = REQUESTS
) -> Iterator[Site]:
    """Serve a gateway over scripted servers, whose requests lie in the last day.

    Args:
        folder: An empty folder, for the database.
        model: The name of the small tier's model.
        tag: A tag of all requests.
        requests: How many there were.
    """
    url = f"sqlite:///{folder}/gateway.sqlite3"
    store = KeyStore(url)
    access = KeyAccess(store)
    keys = {
        "root": store.add("root", KeyLimits(admin=True)),
        "support": store.add(
            "support", KeyLimits(usd_per_day=5, rpm=600, models=("auto", "small"))
        ),
        "crawler": store.add("crawler", KeyLimits(usd_per_month=20, tags=("team:data",))),
    }
    with (
        OllamaServer(default="a small answer") as small,
        OpenAIServer(default="a frontier answer") as frontier,
        Ledger(url, flush_seconds=0.01) as ledger,
    ):
        router = AsymRouter(
            small=Tier(small_model(small, model=model), price=SMALL_PRICE),
            frontier=Tier(frontier_model(frontier), price=FRONTIER_PRICE),
            verify="form",
            classify="keyword",
            budgets=[Budget(usd=5, max_output_tokens=500)],
            audit=Audit(share=0.2, url=url),
        )
        _fill(router, ledger, small, frontier, tag, requests)
        with Site(gateway_app(router, access, ledger)) as site:
            site.keys, site.store = keys, store
            yield site
    access.close()


def _fill(
    router: AsymRouter,
    ledger: Ledger,
    small: OllamaServer,
    frontier: OpenAIServer,
    tag: str,
    count: int,
) -> None:
    dice = random.Random(7)
    small.default = lambda body: Reply(
        "a small answer" if dice.random() > 0.15 else "",
        input_tokens=dice.randint(200, 900),
        output_tokens=dice.randint(50, 300),
    )
    frontier.default = lambda body: Reply(
        "a frontier answer",
        input_tokens=dice.randint(200, 900),
        output_tokens=dice.randint(100, 400),
    )
    for _ in range(count):
        asked = "debug this" if dice.random() < 0.25 else "What is the capital of France?"
        name = dice.choice(["support", "support", "crawler"])
        router.invoke(asked, {"tags": [f"key:{name}", tag], "callbacks": [ledger]})
    router.flush_audits()
    ledger.flush()
    from lc_asym_router.money.database.tables import requests

    now = datetime.now(UTC)
    with ledger._store.transaction(writing=True) as connection:
        for id in connection.execute(requests.select().with_only_columns(requests.c.id)).scalars():
            hours = min(abs(dice.gauss(8, 5)), 23)
            moment = now - timedelta(hours=hours)
            connection.execute(requests.update().where(requests.c.id == id).values(time=moment))
    small.default = Reply("Paris.", input_tokens=30, output_tokens=3)
