"""Who is admitted, how soon a revocation holds, and that no key's budget is ever passed."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import Any

import pytest

from lc_asym_router import AsymRouter, BudgetExceededError, PerCall, Tier
from lc_asym_router._internal.deadline import Clock
from lc_asym_router.gateway import key_access as access_module
from lc_asym_router.gateway.http_errors import GatewayError
from lc_asym_router.gateway.key_access import KeyAccess
from lc_asym_router.gateway.keys import KeyLimits, KeyStore
from lc_asym_router.gateway.routes import Routes
from tests.conftest import frontier_model, small_model
from tests.money.budgets.budgeting import UP, priced, router
from tests.servers import Reply


class Hand(Clock):
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.now = self.elapsed = lambda: self.time  # type: ignore[assignment]


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def access(tmp_path, clock):
    keys = KeyStore(f"sqlite:///{tmp_path}/keys.sqlite3", lambda _: clock.time)
    found = KeyAccess(keys, clock=clock)
    found.rates._now = lambda _: clock.time
    yield found
    found.close()


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def refusal(access: KeyAccess, headers: dict[str, str], model="auto", tokens=10) -> Any:
    with pytest.raises(GatewayError) as caught:
        await access.admit(headers, model, tokens)
    return caught.value


async def test_a_key_is_admitted_with_its_limits_and_tags(access):
    key = access.keys.add("ada", KeyLimits(rpm=5, models=("auto",), tags=("team:a",)))
    for headers in (bearer(key), {"x-api-key": key}, {"authorization": f"bearer {key}"}):
        caller = await access.admit(headers, "auto", 10)
        assert (caller.name, caller.tags) == ("ada", ("key:ada", "team:a"))
        assert not caller.admin
    assert (await refusal(access, bearer(key), model="small")).code == "model_not_allowed"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Basic {key}"},
        {"authorization": "{key}"},
        {"authorization": "Bearer {key}x"},
        {"authorization": "Bearer sk-asym-000000000000-" + "A" * 43},
        {"authorization": "Bearer wrong", "x-api-key": "{key}"},
        {"x-api-key": "{key}\u0100"},
    ],
)
async def test_without_a_right_key_nobody_is_admitted(access, headers):
    key = access.keys.add("ada")
    asked = {name: value.format(key=key) for name, value in headers.items()}
    error = await refusal(access, asked)
    assert (error.status, error.code) == (401, "invalid_api_key")
    assert error.headers == {"www-authenticate": "Bearer", "x-should-retry": "false"}
    assert key not in str(error)


async def test_a_revocation_holds_after_a_second_and_an_end_at_once(access, clock, monkeypatch):
    asked = []
    find = access.keys.find
    monkeypatch.setattr(access.keys, "find", lambda prefix: asked.append(prefix) or find(prefix))
    key, other = access.keys.add("ada"), access.keys.add("bob", expires_in=0.5)
    for _ in range(5):
        await access.admit(bearer(key), "auto", 10)
    await access.admit(bearer(other), "auto", 10)
    assert len(asked) == 2
    access.keys.revoke("ada")
    clock.time += 0.5
    assert "expired" in str(await refusal(access, bearer(other)))
    clock.time += access_module.VERIFIED_SECONDS - 0.5
    error = await refusal(access, bearer(key))
    assert (error.status, "revoked" in str(error)) == (401, True)
    assert len(asked) == 3


async def test_many_at_once_ask_the_database_once(access, monkeypatch):
    asked, all_there = [], threading.Event()
    find = access.keys.find
    key = access.keys.add("ada")

    def slow(prefix: str) -> Any:
        asked.append(prefix)
        assert all_there.wait(20)
        return find(prefix)

    monkeypatch.setattr(access.keys, "find", slow)
    first = asyncio.ensure_future(access.admit(bearer(key), "auto", 10))
    others = [asyncio.ensure_future(access.admit(bearer(key), "auto", 10)) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()  # who leaves takes the answer from nobody
    await asyncio.sleep(0)
    all_there.set()
    found = await asyncio.gather(*others)
    assert {caller.name for caller in found} == {"ada"}
    assert len(asked) == 1


async def test_while_the_database_is_down_nobody_is_admitted(access, clock, monkeypatch, caplog):
    key = access.keys.add("ada")
    await access.admit(bearer(key), "auto", 10)

    def down(prefix: str) -> Any:
        raise OSError("no such host db.internal")

    monkeypatch.setattr(access.keys, "find", down)
    clock.time += 1
    error = await refusal(access, bearer(key))
    assert (error.status, error.headers) == (503, {"retry-after": "1"})
    assert key not in caplog.text
    monkeypatch.undo()
    await access.admit(bearer(key), "auto", 10)


async def test_limits_a_minute_say_when_to_come_again(access, clock):
    key = access.keys.add("ada", KeyLimits(rpm=2, tpm=100))
    first = await access.admit(bearer(key), "auto", 90)
    error = await refusal(access, bearer(key), tokens=20)
    assert (error.status, error.code) == (429, "rate_limit_exceeded")
    assert "100 tokens a minute" in str(error)
    assert error.headers == {"retry-after": "61"}
    await access.settle(first, 90, 30)
    for _ in range(500):
        if access.rates.used(["ada"])["ada"] == (1, 30):
            break
        await asyncio.sleep(0.01)
    await access.admit(bearer(key), "auto", 20)
    error = await refusal(access, bearer(key), tokens=1)
    assert ("2 requests a minute" in str(error), error.status) == (True, 429)
    clock.time += 61
    await access.admit(bearer(key), "auto", 20)
    never = await refusal(access, bearer(key), tokens=101)
    assert never.headers == {"x-should-retry": "false"}


async def test_rotating_starts_no_new_minute(access):
    key = access.keys.add("ada", KeyLimits(rpm=1))
    await access.admit(bearer(key), "auto", 1)
    assert (await refusal(access, bearer(access.keys.rotate("ada")))).status == 429


def routed(router: AsymRouter, caller: Any) -> AsymRouter:
    """The router as a caller gets it."""
    return Routes(router).find("auto", caller).router


# budgets ------------------------------------------------------------------------------------


async def test_each_key_has_its_own_budget(access, small, frontier):
    frontier.default = Reply("x", output_tokens=100)
    routes = Routes(router(small, frontier))
    keys = {name: access.keys.add(name, KeyLimits(usd_per_day=usd)) for name, usd in LIMITS.items()}
    keys["free"] = access.keys.add("free")
    made = {}
    for name, key in keys.items():
        caller = await access.admit(bearer(key), "auto", 10)
        made[name] = 0
        found = routes.find("auto", caller).router
        with contextlib.suppress(BudgetExceededError):
            for _ in range(30):
                await found.ainvoke(UP, {"tags": list(caller.tags)})
                made[name] += 1
    assert 0 < made["poor"] < made["rich"] < made["free"] == 30
    (row,) = await access.report("poor")
    assert 0 < row["usd"]["day"]["spent"] <= LIMITS["poor"]
    assert row["usd"]["day"]["reserved"] == 0
    assert row["limits"]["usd_per_day"] == LIMITS["poor"]
    assert {each["name"] for each in await access.report()} == {"poor", "rich", "free"}
    shown = str(await access.report())
    assert not any(key in shown for key in keys.values())


LIMITS = {"poor": 0.003, "rich": 0.01}


async def test_a_key_that_was_never_admitted_has_no_budget(access, small, frontier):
    key = access.keys.add("ada", KeyLimits(usd_per_day=1))
    found = routed(router(small, frontier), await access.admit(bearer(key), "auto", 10))
    with pytest.raises(BudgetExceededError) as caught:
        await found.ainvoke(UP, {"tags": ["key:forged"]})
    assert caught.value.exhausted.limit == 0
    assert not frontier.requests
    await found.ainvoke(UP)  # an application's own request has no key


async def test_a_keys_successor_shares_its_budget(access, small, frontier):
    frontier.default = Reply("x", output_tokens=100)
    routes = Routes(router(small, frontier))
    key = access.keys.add("ada", KeyLimits(usd_per_day=0.003))
    for _ in range(2):
        caller = await access.admit(bearer(key), "auto", 10)
        found = routes.find("auto", caller).router
        with pytest.raises(BudgetExceededError):
            for _ in range(30):
                await found.ainvoke(UP, {"tags": list(caller.tags)})
        key = access.keys.rotate("ada")
    assert 0 < priced(frontier) <= 0.003


async def test_where_a_price_is_unknown_keys_with_a_budget_are_refused(
    access, small, frontier, caplog
):
    unpriced = AsymRouter(
        small=Tier(small_model(small), price=PerCall(0)),
        frontier=Tier(frontier_model(frontier)),
        verify="form",
        classify="keyword",
    )
    routes = Routes(unpriced)
    paid = await access.admit(
        bearer(access.keys.add("paid", KeyLimits(usd_per_month=5))), "auto", 9
    )
    with caplog.at_level(logging.WARNING), pytest.raises(GatewayError) as caught:
        routes.find("auto", paid)
    assert (caught.value.status, caught.value.code) == (403, "budget_not_kept")
    assert "price of the tier 'frontier'" in caplog.text
    free = await access.admit(bearer(access.keys.add("free", KeyLimits(rpm=9))), "auto", 10)
    assert routes.find("auto", free).router is unpriced
