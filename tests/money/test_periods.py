"""Budgets by a tag's beginning and by period: whose limit, when it opens again, what is over."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router import Budget, BudgetExceededError, BudgetStore
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.money.budgets import sql
from lc_asym_router.money.budgets import store as memory
from lc_asym_router.money.budgets.amounts import KEPT, Balance, Claim
from lc_asym_router.money.budgets.budget import EVERY, NONE, Scope, period_end, period_name
from lc_asym_router.money.database import sql_store
from tests.money.budgets.budgeting import UP, few, router
from tests.money.conftest import query

MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(
    lambda d: d.replace(tzinfo=UTC)
)
NOW = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


@given(MOMENTS, st.sampled_from(EVERY))
def test_a_period_has_one_name_until_it_ends(moment, every):
    end = period_end(every, moment)
    last = end - timedelta(microseconds=1)
    assert moment < end
    assert period_name(every, last) == period_name(every, moment) != period_name(every, end)
    assert period_end(every, last) == end < period_end(every, end)


@pytest.mark.parametrize(
    ("every", "name", "end"),
    [
        ("hour", "2026-01-31T23", "2026-02-01T00:00:00+00:00"),
        ("day", "2026-01-31", "2026-02-01T00:00:00+00:00"),
        ("week", "2026-W05", "2026-02-02T00:00:00+00:00"),
        ("month", "2026-01", "2026-02-01T00:00:00+00:00"),
    ],
)
def test_periods_as_people_name_them(every, name, end):
    assert (period_name(every, NOW), period_end(every, NOW).isoformat()) == (name, end)


@pytest.mark.parametrize(
    ("tag", "counted"),
    [
        (None, ("prod", "user:c", "user:d")),
        ("user:*", ("user:c", "user:d")),
        ("user:c", ("user:c",)),
        ("*", ("prod", "user:c", "user:d")),
        ("team:*", ()),
    ],
)
def test_which_tags_count(tag, counted):
    budget = Budget(calls=1, per="tag", tag=tag)
    assert budget.scopes(Scope("t", ("prod", "user:c", "user:d"), NOW)) == counted
    assert budget.scopes(Scope("t", (NONE,), NOW)) == ((NONE,) if tag is None else ())


@few
async def test_each_users_own_limit_a_day(small, frontier, ask, store, monkeypatch):
    moment = "lc_asym_router.graph.calls.payments.utc_now"
    budget = Budget(calls=2, per="tag", tag="user:*", every="day", store=store)
    routed = router(small, frontier, budget)
    now = datetime.now(UTC).replace(hour=12)
    monkeypatch.setattr(moment, lambda: now)
    for user in ("a", "b", "a", "b"):
        await ask(routed, UP, {"tags": ["prod", f"user:{user}"]})
    with pytest.raises(BudgetExceededError, match="2 calls per tag 'user:a' each day") as caught:
        await ask(routed, UP, {"tags": ["prod", "user:a"]})
    opens = (now + timedelta(days=1)).date().isoformat()
    assert caught.value.exhausted.opens_at == f"{opens}T00:00:00+00:00"
    await ask(routed, UP, {"tags": ["prod", "user:c"]})  # prod has no limit
    await ask(routed, UP, {"tags": ["prod"]})
    await ask(routed, UP)
    assert budget.balance("user:b")["calls"]["spent"] == 2
    now += timedelta(days=1)
    await ask(routed, UP, {"tags": ["prod", "user:a"]})


@few
async def test_a_thread_has_its_limit_again_each_hour(small, frontier, ask, store, monkeypatch):
    moment = "lc_asym_router.graph.calls.payments.utc_now"
    routed = router(small, frontier, Budget(calls=1, per="thread", every="hour", store=store))
    now = datetime.now(UTC).replace(minute=30)
    monkeypatch.setattr(moment, lambda: now)
    config = {"configurable": {"thread_id": "t"}}
    await ask(routed, UP, config)
    with pytest.raises(BudgetExceededError, match="each hour"):
        await ask(routed, UP, config)
    now += timedelta(hours=1)
    await ask(routed, UP, config)


def test_limits_of_two_periods_stand_beside_one_another(small, frontier):
    day = Budget(usd=5, per="tag", tag="user:*", every="day")
    month = Budget(usd=20, per="tag", tag="user:*", every="month", store=day.store)
    assert (day.name, month.name) == ("tag user:* each day", "tag user:* each month")
    router(small, frontier, day, month)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"calls": 1, "per": "tag", "every": "year"}, "'hour', 'day', 'week' or 'month'"),
        ({"calls": 1, "per": "day", "every": "day"}, "goes with"),
        ({"calls": 1, "per": "request", "every": "day"}, "goes with"),
        ({"usd": 1e300}, "1e\\+09"),
        ({"usd": float("inf")}, "over 0"),
        ({"usd": 10**400}, "over 0"),
        ({"usd": 1e-12}, "over 0"),
        ({"tokens": 0.5}, "over 0"),
        ({"calls": -1}, "over 0"),
        ({"calls": 1, "lease": 1e12}, "a year"),
        ({"calls": 1, "max_output_tokens": 10**30}, "at most"),
    ],
)
def test_settings_out_of_bounds(settings, said):
    with pytest.raises(ConfigurationError, match=said):
        Budget(**settings)


# what is over ---------------------------------------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1_000_000.0)
    fake = SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.now)
    monkeypatch.setattr(memory, "time", fake)
    monkeypatch.setattr(sql, "time", fake)
    monkeypatch.setattr(sql_store, "time", fake)
    monkeypatch.setattr(sql, "monotonic", lambda: clock.now)
    return clock


def spend(store, key, ends_at=None, amount=1):
    assert store.reserve(key, [Claim(key, 10, amount, 60.0, ends_at)]) is None
    store.settle(key, {key: amount})


def test_memory_forgets_periods_that_are_over(clock):
    store = BudgetStore()
    for number in range(1000):
        spend(store, f"user {number}", clock.now + 3600)
    spend(store, "for ever")
    clock.now += 3600 + KEPT + 1
    spend(store, "new", clock.now + 3600)
    assert set(store._vault._sums) == {"for ever", "new"}
    assert store.balance("for ever") == Balance(1, 0)


def test_memory_has_a_bound_by_age(clock, caplog):
    store = BudgetStore(max_keys=100)
    assert store.reserve("open", [Claim("open", 10, 1, 60.0)]) is None
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        for number in range(1000):
            spend(store, f"thread {number}")
    assert len(store._vault._sums) == 100
    assert store.balance("open") == Balance(0, 1)  # its call is under way
    assert store.balance("thread 999") == Balance(1, 0)
    assert store.balance("thread 0") == Balance(0, 0)
    assert caplog.text.count("are forgotten") == 1


def test_a_refusal_leaves_nothing_behind():
    store = BudgetStore()
    for number in range(100):
        assert store.reserve("x", [Claim(f"thread {number}", 1, 2, 60.0)]) is not None
    assert not store._vault._sums


def test_a_database_forgets_them_too(clock, tmp_path):
    store = BudgetStore(tmp_path / "b.sqlite3")
    spend(store, "first", clock.now + 3600)
    spend(store, "for ever")
    assert store.reserve("dead", [Claim("dead", 10, 1, 60.0, clock.now + 3600)]) is None
    clock.now += 3600 + KEPT + 1
    spend(store, "new", clock.now + 3600)
    store.close()
    url = f"sqlite:///{tmp_path}/b.sqlite3"
    assert query(url, "SELECT key FROM asym_budgets ORDER BY key") == [("for ever",), ("new",)]
    assert query(url, "SELECT key FROM asym_reservations") == []


def test_postgres_deletes_what_is_over_and_waits_for_nobody(postgres):
    url = postgres.database()
    store = BudgetStore(url)
    spend(store, "over", 1.0)
    spend(store, "for ever")
    store._vault._pruned_at = -1e9
    spend(store, "new")
    store.close()
    assert query(url, "SELECT key FROM asym_budgets ORDER BY key") == [("for ever",), ("new",)]


def test_an_old_database_is_migrated(url):
    """Sums of version 0002 count on, and those per day know their end."""
    from alembic import command

    from lc_asym_router.money.database.sql_store import Store, url_of

    head = command.upgrade
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "upgrade", lambda config, _: head(config, "0002"))
        old = Store(url_of(url))
        with old.transaction(writing=True) as connection:
            for key in (
                "day|day|usd|2026-01-31",
                "tag x|tag|usd|2026-01-31",
                "thread|thread|usd|t",
            ):
                connection.exec_driver_sql(
                    f"INSERT INTO asym_budgets (key, spent, changed_at) VALUES ('{key}', 7, 1.0)"
                )
        old.close()
    new = Store(url_of(url))
    with new.transaction(writing=True) as connection:
        rows = connection.exec_driver_sql("SELECT key, spent, ends_at FROM asym_budgets").all()
    new.close()
    if url.startswith("sqlite"):  # a copy of the old file is kept
        copy = url.replace(".sqlite3", ".sqlite3.version-0002")
        assert query(copy, "SELECT version_num FROM asym_schema_version") == [("0002",)]
        assert len(query(copy, "SELECT key FROM asym_budgets")) == 3
    end = datetime(2026, 2, 1, tzinfo=UTC).timestamp()
    assert sorted(map(tuple, rows)) == [
        ("day|day|usd|2026-01-31", 7, end),
        ("tag x|tag|usd|2026-01-31", 7, None),
        ("thread|thread|usd|t", 7, None),
    ]
