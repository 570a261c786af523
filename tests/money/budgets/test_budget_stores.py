"""Stores hold the limit whatever comes in whatever order, and in threads."""

from __future__ import annotations

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router import BudgetStore
from lc_asym_router.money.budgets import sql
from lc_asym_router.money.budgets import store as memory
from lc_asym_router.money.budgets.amounts import Balance, Claim, in_unit, limit_amount, spent_of
from lc_asym_router.money.database import sql_store

LIMITS = {"a": 100, "b": 60, "c": 30}
NUMBERS = itertools.count(1)


@pytest.fixture(params=["memory", "sqlite", "postgres", "strict"])
def store(request, tmp_path):
    if request.param == "memory":
        url = None
    elif request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/b.sqlite3"
    else:
        server = request.getfixturevalue("postgres")
        url = server.database()
        if request.param == "strict":
            name = url.partition("?")[0].rpartition("/")[2]
            server.run(f"ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'")
    store = BudgetStore(url)
    yield store
    store.close()


def claim(key="a", amount=40, lease=60.0):
    return Claim(key, LIMITS[key], amount, lease)


def test_reserve_settle_refuse(store):
    assert store.reserve("1", [claim()]) is None
    assert store.reserve("2", [claim()]) is None
    refusal = store.reserve("3", [claim()])
    assert refusal.claim.key == "a"
    assert refusal.balance == Balance(0, 80)
    store.settle("1", {"a": 5})
    assert store.balance("a") == Balance(5, 40)
    assert store.reserve("3", [claim()]) is None
    store.settle("2", {"a": 0})
    store.settle("3", {"a": 40})
    assert store.balance("a") == Balance(45, 0)
    assert store.balance("never") == Balance(0, 0)


def test_an_id_reserves_and_settles_once(store):
    for _ in range(5):
        assert store.reserve("1", [claim()]) is None
    assert store.balance("a") == Balance(0, 40)
    for _ in range(3):
        store.settle("1", {"a": 7})
    assert store.balance("a") == Balance(7, 0)
    store.settle("unknown", {"a": 7, "b": 7})
    assert store.balance("a") == Balance(7, 0)


def test_all_or_none(store):
    assert store.reserve("1", [claim("c", 30)]) is None
    assert store.reserve("2", [claim("a", 10), claim("b", 10), claim("c", 1)]).claim.key == "c"
    assert store.balance("a") == store.balance("b") == Balance(0, 0)


def test_a_dead_holders_reservation_comes_back(store):
    assert store.reserve("dead", [claim(amount=100, lease=1.5)]) is None
    assert store.reserve("2", [claim()]) is not None
    time.sleep(1.6)
    assert store.balance("a") == Balance(0, 0)
    assert store.reserve("2", [claim()]) is None
    store.settle("dead", {"a": 10})  # it was only slow, and is booked after all
    assert store.balance("a") == Balance(10, 40)


@pytest.mark.full
def test_threads_hammer_two_budgets_in_both_orders(store):
    """Nobody waits in a circle, and nothing passes the limit."""
    seen = []

    def one(number):
        pair = [claim("a", random.randint(1, 9)), claim("b", random.randint(1, 9))]
        pair = pair if number % 2 else pair[::-1]
        for turn in range(6):
            if store.reserve(f"{number}:{turn}", pair) is None:
                seen.append((store.balance("a"), store.balance("b")))
                took = random.choice([0, 1])
                store.settle(f"{number}:{turn}", {each.key: each.amount * took for each in pair})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(16)))
    assert seen
    for a, b in seen:
        assert a.spent + a.reserved <= 100
        assert b.spent + b.reserved <= 60
    assert store.balance("a").reserved == store.balance("b").reserved == 0


STEP = st.one_of(
    st.tuples(
        st.just("reserve"),
        st.dictionaries(st.sampled_from("abc"), st.integers(1, 50), min_size=1),
        st.sampled_from([5.0, 50.0]),
    ),
    st.tuples(st.just("settle"), st.integers(0, 9), st.floats(0, 1)),
    st.tuples(st.just("wait"), st.floats(0.1, 30)),
)


def play(store, clock, steps):
    """Play the steps against the store and against a book kept by hand."""
    spent = dict.fromkeys(LIMITS, 0)
    held: dict[str, tuple[dict[str, int], float]] = {}
    for number, step in enumerate(steps):
        alive = {id: wants for id, (wants, ends) in held.items() if ends > clock.now}
        reserved = {key: sum(w.get(key, 0) for w in alive.values()) for key in LIMITS}
        if step[0] == "wait":
            clock.now += step[1]
        elif step[0] == "reserve":
            wants, lease = step[1], step[2]
            room = all(spent[k] + reserved[k] + n <= LIMITS[k] for k, n in wants.items())
            claims = [claim(key, amount, lease) for key, amount in wants.items()]
            assert (store.reserve(str(number), claims) is None) == room
            if room:
                held[str(number)] = (wants, clock.now + lease)
        elif alive:
            id = sorted(alive)[step[1] % len(alive)]
            took = {key: int(amount * step[2]) for key, amount in alive[id].items()}
            store.settle(id, took)
            del held[id]
            for key, amount in took.items():
                spent[key] += amount
        for key, limit in LIMITS.items():
            alive = {id: wants for id, (wants, ends) in held.items() if ends > clock.now}
            balance = store.balance(key)
            assert balance == Balance(spent[key], sum(w.get(key, 0) for w in alive.values()))
            assert balance.spent + balance.reserved <= limit


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1_000.0)
    fake = SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.now)
    monkeypatch.setattr(memory, "time", fake)
    monkeypatch.setattr(sql, "time", fake)
    monkeypatch.setattr(sql_store, "time", fake)
    return clock


def test_memory_keeps_the_book(clock):
    @settings(max_examples=150, deadline=None)
    @given(st.lists(STEP, max_size=30))
    def run(steps):
        play(BudgetStore(), clock, steps)

    run()


def test_a_file_keeps_the_book(clock, tmp_path):
    @settings(max_examples=25, deadline=None)
    @given(st.lists(STEP, max_size=15))
    def run(steps):
        store = BudgetStore(tmp_path / "b.sqlite3")
        with store._vault.database.transaction(writing=True) as connection:
            for table in ("asym_budgets", "asym_reservations"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
        play(store, clock, steps)
        store.close()

    run()


@given(st.floats(0, 1000))
def test_usd_are_rounded_to_the_safe_side(value):
    assert in_unit("usd", limit_amount("usd", value)) <= value + 1e-12 * max(1, value)
    assert in_unit("usd", spent_of("usd", value)) >= value - 1e-12 * max(1, value)
    assert spent_of("usd", in_unit("usd", spent_of("usd", value))) == spent_of("usd", value)


def test_a_forked_child_takes_none_of_its_parents_connections(tmp_path):
    store = BudgetStore(tmp_path / "b.sqlite3")
    store.reserve("1", [claim()])
    turn = store._vault._turn
    with turn:
        store._forget()  # what runs in the child
    assert store._vault._turn is not turn
    assert store.reserve("2", [claim()]) is None
    assert store.balance("a") == Balance(0, 80)
    assert threading.active_count() < 100
