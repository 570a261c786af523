"""What processes set aside of a budget in a file and give out in memory: exact, within the limit."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from lc_asym_router import BudgetStore, ConfigurationError
from lc_asym_router.money.budgets import sql
from lc_asym_router.money.budgets.allotments import BUSY, LIFE, PREFIX
from lc_asym_router.money.budgets.amounts import Balance, Claim
from lc_asym_router.money.database import sql_store
from tests.money.budgets.test_budget_processes import Watcher, run
from tests.money.conftest import query

LEASE = 20.0


def claim(amount: int, limit: int = 10_000, key: str = "a", lease: float = LEASE) -> Claim:
    return Claim(key, limit, amount, lease)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands, and no thread that writes: a test writes when it likes to."""
    clock = SimpleNamespace(now=1_000.0)
    fake = SimpleNamespace(time=lambda: clock.now, monotonic=lambda: clock.now)
    monkeypatch.setattr(sql, "time", fake)
    monkeypatch.setattr(sql_store, "time", fake)
    monkeypatch.setattr(sql, "TRIES", 0)
    monkeypatch.setattr(sql.SqlBackend, "_begin_writing", lambda self: None)
    return clock


@pytest.fixture
def stores(clock: SimpleNamespace, tmp_path: Path) -> Iterator[list[BudgetStore]]:
    """Two processes' stores of one file."""
    found = [BudgetStore(tmp_path / "b.sqlite3") for _ in range(2)]
    yield found
    for store in found:
        store.close()


def count(store: BudgetStore, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """An item for each transaction that a store makes from now on."""
    made: list[int] = []
    found = store._vault.database.transaction

    def transaction(**given: Any) -> Any:
        made.append(1)
        return found(**given)

    monkeypatch.setattr(store._vault.database, "transaction", transaction)
    return made


def calls(store: BudgetStore, number: int, each: Claim, took: int, name: str = "c") -> None:
    for n in range(number):
        assert store.reserve(f"{name}{n}", [each]) is None
        store.settle(f"{name}{n}", {each.key: took})


def test_a_hundred_calls_take_a_few_transactions(
    stores: list[BudgetStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = count(stores[0], monkeypatch)
    calls(stores[0], 100, claim(10, 10**6), took=10)
    assert (
        len(made) <= 8
    )  # two for the first, then 8, 16, 32, 64 calls at a time; one deletes old rows
    assert stores[0].balance("a") == Balance(1000, 0)
    stores[0].close()
    assert stores[1].balance("a") == Balance(1000, 0)


def test_calls_that_wait_for_their_turn_share_what_is_set_aside_meanwhile(
    stores: list[BudgetStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 at once: each waits while another one is at the file, and asks in memory before it goes."""
    stores[0].reserve("before", [claim(10, 10**6)])  # so that they follow each other closely
    made, turn = count(stores[0], monkeypatch), stores[0]._vault._turn
    with ThreadPoolExecutor(64) as pool, turn:
        asked = [pool.submit(stores[0].reserve, f"c{n}", [claim(10, 10**6)]) for n in range(64)]
        while not all(each.running() for each in asked):
            time.sleep(0.01)
    assert [each.result() for each in asked] == [None] * 64
    assert len(made) <= 8
    assert stores[0].balance("a") == Balance(0, 650)


def test_none_are_ahead_where_calls_are_rare_or_the_setting_says_so(
    stores: list[BudgetStore], clock: SimpleNamespace, tmp_path: Path
) -> None:
    for store in (stores[0], BudgetStore(tmp_path / "b.sqlite3", calls_ahead=0)):
        for number in range(4):
            clock.now += 0.0 if store is not stores[0] else BUSY + 0.1
            store.reserve(f"{id(store)}:{number}", [claim(10)])
        assert store._vault._allotments.due(clock.now) == {}
        store.close()
    with pytest.raises(ConfigurationError, match="calls_ahead"):
        BudgetStore(calls_ahead=-1)


def test_what_is_set_aside_counts_for_others_and_shrinks_with_the_room(
    stores: list[BudgetStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = stores
    calls(one, 3, claim(10), took=10)
    aside = other.balance("a")
    assert aside.spent + aside.reserved > 30
    assert one.balance("a") == Balance(30, 0)
    rest = 10_000 - 30
    # The other process asks for all that is left: refused at first, and not once it is given back.
    assert other.reserve("big", [claim(rest)]) is not None
    monkeypatch.setattr(sql, "TRIES", 2)
    monkeypatch.setattr(sql, "sleep", lambda _: one._vault.write())
    assert other.reserve("other", [claim(rest - 100)]) is None
    assert one.reserve("none", [claim(101)]) is not None
    assert one.reserve("last", [claim(100)]) is None


def test_a_killed_processs_allotment_comes_back_after_its_lease(
    stores: list[BudgetStore], clock: SimpleNamespace
) -> None:
    killed, other = stores
    calls(killed, 3, claim(10), took=10)
    killed._vault.write()
    assert killed.reserve("under way", [claim(10)]) is None
    killed._forget()  # what it knew is gone
    assert other.reserve("all", [claim(10_000 - 30)]) is not None
    clock.now += LEASE + LIFE + 0.1
    assert other.reserve("all", [claim(10_000 - 30)]) is None


def test_nothing_is_given_out_from_an_allotment_that_may_be_over(
    stores: list[BudgetStore], clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls(stores[0], 3, claim(10), took=10)
    made = count(stores[0], monkeypatch)
    clock.now += LIFE + 0.1  # as where the process was stopped
    assert stores[0].reserve("late", [claim(10)]) is None
    assert made


def test_an_idle_process_gives_its_room_back_though_its_clock_was_set_back(
    stores: list[BudgetStore], clock: SimpleNamespace
) -> None:
    calls(stores[0], 3, claim(10), took=10)
    clock.now -= 500.0
    stores[0]._vault.write()
    assert stores[1].balance("a") == Balance(30, 0)
    assert stores[0]._vault._allotments.due(clock.now) == {}


def test_a_call_that_outlives_its_lease_is_booked_when_it_ends(
    stores: list[BudgetStore], clock: SimpleNamespace
) -> None:
    calls(stores[0], 3, claim(10), took=10)
    assert stores[0].reserve("slow", [claim(10)]) is None
    clock.now += LEASE + LIFE + 0.1
    assert stores[0].balance("a") == Balance(30, 0)
    stores[0]._vault.write()
    stores[0].settle("slow", {"a": 7})
    stores[0].settle("slow", {"a": 7})
    assert stores[0].balance("a") == Balance(37, 0)
    stores[0]._vault.write(last=True)
    assert stores[1].balance("a") == Balance(37, 0)


def test_each_limit_has_its_own_lease(stores: list[BudgetStore], clock: SimpleNamespace) -> None:
    both = [claim(10), claim(10, key="b", lease=5 * LEASE)]
    for n in range(4):
        assert stores[0].reserve(f"c{n}", both) is None
    clock.now += LEASE + 0.1
    assert stores[0].balance("a") == Balance(0, 0)
    assert stores[0].balance("b") == Balance(0, 40)
    stores[0]._vault.write()
    assert stores[1].balance("b") == Balance(0, 40)
    for n in range(4):
        stores[0].settle(f"c{n}", {"a": 7, "b": 7})
    stores[0]._vault.write()
    assert [stores[1].balance(key) for key in ("a", "b")] == [Balance(28, 0)] * 2


def test_a_new_file_gets_what_is_set_aside(stores: list[BudgetStore], tmp_path: Path) -> None:
    calls(stores[0], 3, claim(10), took=10)
    assert stores[0].reserve("under way", [claim(10)]) is None
    (tmp_path / "b.sqlite3").unlink()
    assert stores[0].balance("a") == Balance(30, 10)
    stores[0].settle("under way", {"a": 10})
    stores[0]._vault.write(last=True)
    assert stores[0].balance("a") == Balance(40, 0)
    url = f"sqlite:///{tmp_path}/b.sqlite3"
    assert query(url, "SELECT spent FROM asym_budgets") == [(40,)]
    assert query(url, "SELECT count(*) FROM asym_reservations") == [(0,)]


def test_a_failed_writing_loses_nothing(
    stores: list[BudgetStore], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls(stores[0], 5, claim(10), took=10)
    found = stores[0]._vault.database.transaction
    monkeypatch.setattr(stores[0]._vault.database, "transaction", lambda **_: 1 / 0)
    stores[0]._vault._try_writing(last=False)
    stores[0]._vault._try_writing(last=False)
    assert caplog.text.count("can't be written") == 1
    monkeypatch.setattr(stores[0]._vault.database, "transaction", found)
    stores[0]._vault.write(last=True)
    assert stores[1].balance("a") == Balance(50, 0)


class Processes(RuleBasedStateMachine):
    """Three processes reserve, settle, write, wait and die in any order, under limits of two keys."""

    LIMITS: ClassVar = {"a": 900, "b": 3_000}
    folder: Path
    clock: SimpleNamespace
    under_way = Bundle("under_way")

    @initialize()
    def begin(self) -> None:
        self.stores = [BudgetStore(self.folder / "b.sqlite3") for _ in range(3)]
        with self.stores[0]._vault.database.transaction(writing=True) as connection:
            for table in ("asym_budgets", "asym_reservations"):
                connection.exec_driver_sql(f"DELETE FROM {table}")
        self.booked_of: list[dict[str, int]] = [dict.fromkeys(self.LIMITS, 0) for _ in self.stores]
        self.calls: dict[str, tuple[int, dict[str, int], float]] = {}
        self.number = 0

    @rule(
        target=under_way,
        process=st.integers(0, 2),
        amounts=st.dictionaries(st.sampled_from("ab"), st.integers(1, 9), min_size=1),
        times=st.integers(1, 6),
    )
    def reserve(self, process: int, amounts: dict[str, int], times: int) -> list[str]:
        ids = []
        for _ in range(times):
            self.number += 1
            id = f"call {self.number}"
            claims = [claim(n, self.LIMITS[key], key) for key, n in amounts.items()]
            if self.stores[process].reserve(id, claims) is None:
                self.calls[id] = (process, amounts, self.clock.now + LEASE)
                ids.append(id)
        return ids

    @rule(ids=under_way, part=st.floats(0, 1))
    def settle(self, ids: list[str], part: float) -> None:
        for id in ids:
            if id in self.calls and self.calls[id][2] > self.clock.now:
                process, amounts, _ = self.calls.pop(id)
                took = {key: int(n * part) for key, n in amounts.items()}
                self.stores[process].settle(id, took)
                for key, n in took.items():
                    self.booked_of[process][key] += n

    @rule(process=st.integers(0, 2), last=st.booleans())
    def write(self, process: int, last: bool) -> None:
        self.stores[process]._vault.write(last=last)

    @rule(seconds=st.sampled_from([0.1, 0.9, 3.0, 11.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(process=st.integers(0, 2))
    def die(self, process: int) -> None:
        """What is not written is lost; what is reserved stands until its lease ends."""
        store = self.stores[process]
        for key in self.LIMITS:
            self.booked_of[process][key] -= store._vault._allotments.within(
                key, self.clock.now
            ).spent
        store._forget()
        self.calls = {id: call for id, call in self.calls.items() if call[0] != process}

    @invariant()
    def within_the_limits(self) -> None:
        for key, limit in self.LIMITS.items():
            running = sum(
                call[1].get(key, 0) for call in self.calls.values() if call[2] > self.clock.now
            )
            spent = sum(each[key] for each in self.booked_of)
            assert spent + running <= limit
            balance = self.stores[self.number % 3].balance(key)
            assert balance.spent <= spent
            assert running <= balance.reserved + spent - balance.spent
            assert balance.spent + balance.reserved <= limit

    def teardown(self) -> None:
        """Accounts are exact once all is written, and nothing stays reserved for good."""
        for store in self.stores:
            store._vault.write(last=True)
        self.clock.now += LEASE + LIFE + 0.1
        for key in self.LIMITS:
            assert self.stores[0].balance(key) == Balance(
                sum(each[key] for each in self.booked_of), 0
            )
        for store in self.stores:
            store.close()


def test_processes_in_any_order_keep_the_book(clock: SimpleNamespace, tmp_path: Path) -> None:
    Processes.folder, Processes.clock = tmp_path, clock
    run_state_machine_as_test(
        Processes, settings=settings(max_examples=8, stateful_step_count=15, deadline=None)
    )


@pytest.mark.full
def test_processes_that_race_for_a_budget_never_pass_it(tmp_path: Path) -> None:
    """Four processes of two threads on a file, each with a sum of its own too; one is killed."""
    url, limit = f"sqlite:///{tmp_path}/b.sqlite3", 1_500
    code = f"""
    import threading
    from lc_asym_router.money.budgets.amounts import Claim
    store, took = BudgetStore(url), []

    def ask(name):
        rng = random.Random(name)
        for number in range(60):
            amount, id = rng.randint(5, 15), f"{{os.getpid()}}:{{name}}:{{number}}"
            keys = {{"shared": {limit}, f"of {{os.getpid()}}": 10**9}}
            if store.reserve(id, [Claim(k, most, amount, 600.0) for k, most in keys.items()]) is None:
                part = rng.randint(0, amount)
                time.sleep(0.001)
                store.settle(id, dict.fromkeys(keys, part))
                took.append(part)
                if len(took) == 20:
                    print("begun", flush=True)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(2)]
    for each in threads: each.start()
    for each in threads: each.join()
    print(sum(took))
    """
    with Watcher(url, "shared") as watcher:
        started = [run(code, url, "-", "-") for _ in range(4)]
        killed = started.pop()
        assert killed.stdout is not None
        assert killed.stdout.readline() == "begun\n"
        os.kill(killed.pid, signal.SIGKILL)
        killed.communicate()
        said = {process.pid: process.communicate(timeout=300) for process in started}
    assert [error for _, error in said.values() if error] == []
    assert limit / 2 < watcher.greatest <= limit
    store, took = BudgetStore(url), {pid: int(out.split()[-1]) for pid, (out, _) in said.items()}
    # The others wrote all that they took as they ended, and gave all else back.
    for pid, amount in took.items():
        assert store.balance(f"of {pid}") == Balance(amount, 0)
    of_killed, shared = store.balance(f"of {killed.pid}"), store.balance("shared")
    assert shared.spent == sum(took.values()) + of_killed.spent
    rows = query(url, "SELECT id FROM asym_reservations WHERE key = 'shared'")
    assert all(id.startswith((PREFIX, f"{killed.pid}:")) for (id,) in rows)
    assert len([id for (id,) in rows if id.startswith(PREFIX)]) <= 1  # the killed one's
