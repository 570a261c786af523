"""When the database is down, the queue is full, or the process dies."""

from __future__ import annotations

import logging
import multiprocessing
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from lc_asym_router import ConfigurationError, Ledger
from lc_asym_router.money.database.migrations import versions
from lc_asym_router.money.ledger import LedgerError
from lc_asym_router.records.handlers import FinishedRequest
from tests.money.conftest import query

ROOT = Path(__file__).parents[3]


def told(number=0, **changes):
    """A request's end, made by hand."""
    attempt = {
        "tier": "small",
        "model": "m",
        "passed": True,
        "check": "NotEmpty",
        "score": None,
        "reason": None,
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
        "cost_usd": 0.5,
        "seconds": 0.1,
        "error": None,
    }
    decision = {
        "tier": "small",
        "complexity": 0.1,
        "threshold": 0.5,
        "confidence": None,
        "classifier": "keyword",
        "reason": "",
    }
    record = {
        "id": f"{number:032x}",
        "run_id": None,
        "decision": decision,
        "attempts": [{**attempt, **changes}],
        "side_calls": [],
        "seconds": 0.1,
    }
    return FinishedRequest(record, None, tags=("t",), error=ValueError())


def count(url):
    return query(url, "SELECT count(*) FROM asym_requests")[0][0]


def run(code: str, *words: str, wait: bool = True) -> subprocess.Popen[str]:
    """A process of its own."""
    head = "import sys; from lc_asym_router import Ledger\n"
    head += "from tests.money.ledger.test_ledger_faults import told\n"
    process = subprocess.Popen(
        [sys.executable, "-c", head + textwrap.dedent(code), *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if wait:
        process.said = process.communicate(timeout=30)  # type: ignore[attr-defined]
    return process


class FileTrouble:
    """An SQLite file whose folder is not there, and can't be made."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "folder"
        self.url = f"sqlite:///{self.folder}/ledger.sqlite3"

    def down(self) -> None:
        self.folder.write_text("no folder")

    def up(self) -> None:
        self.folder.unlink()


class ServerTrouble:
    """A PostgreSQL server that is stopped and started."""

    def __init__(self, postgres) -> None:
        self.url = postgres.database()
        self.down, self.up = postgres.stop, postgres.start


@pytest.fixture(params=["sqlite", "postgres"])
def trouble(request, tmp_path):
    if request.param == "sqlite":
        return FileTrouble(tmp_path)
    return ServerTrouble(request.getfixturevalue("postgres"))


def test_requests_go_on_while_the_database_is_down(make, trouble, caplog):
    trouble.down()
    try:
        with caplog.at_level(logging.WARNING, "lc_asym_router"):
            ledger = Ledger(trouble.url, flush_seconds=0.01)
            router = make(callbacks=[ledger])
            started = time.monotonic()
            for _ in range(20):
                router.invoke("hi")
            assert time.monotonic() - started < 10
            with pytest.raises(LedgerError, match=r"are not written after 0\.3 s"):
                ledger.flush(timeout=0.3)
            with pytest.raises(LedgerError, match="20 requests"):
                ledger.flush(timeout=0)
            assert ledger.pending == 20
    finally:
        trouble.up()
    with caplog.at_level(logging.WARNING, "lc_asym_router"):
        router.invoke("hi")
        ledger.flush()
    assert count(trouble.url) == 21
    assert ledger.dropped == ledger.pending == 0
    said = [entry.message for entry in caplog.records if entry.name.endswith("ledger.writer")]
    assert len(said) == 2, said
    assert "can't be written" in said[0]
    assert "is back" in said[1]
    ledger.close()


def test_a_server_that_restarts_between_two_writes(postgres):
    url = postgres.database()
    with Ledger(url, flush_seconds=0.01) as ledger:
        ledger.on_router_record(told(1))
        ledger.flush()
        postgres.stop()
        ledger.on_router_record(told(2))
        postgres.start()
        ledger.flush()
        assert count(url) == 2


def test_a_full_queue_drops_counts_and_says_so(make, tmp_path, caplog):
    trouble = FileTrouble(tmp_path)
    trouble.down()
    ledger = Ledger(trouble.url, queue=5, flush_seconds=0.01)
    with caplog.at_level(logging.ERROR, "lc_asym_router"):
        router = make(callbacks=[ledger])
        for _ in range(8):
            router.invoke("hi")
        assert (ledger.pending, ledger.dropped) == (5, 3)
        trouble.up()
        ledger.close()
    assert count(trouble.url) == 5
    said = " ".join(entry.message for entry in caplog.records)
    assert "dropped 1 requests, 1 in all (5 wait already" in said
    assert "dropped 2 requests, 3 in all" in said


def test_what_is_not_written_at_the_end_is_counted_and_said(tmp_path, caplog):
    trouble = FileTrouble(tmp_path)
    trouble.down()
    ledger = Ledger(trouble.url, exit_seconds=0.2)
    ledger.on_router_record(told())
    with caplog.at_level(logging.ERROR, "lc_asym_router"):
        ledger.close()
    assert ledger.dropped == 1
    assert "dropped 1 requests" in caplog.text


def test_one_bad_row_does_not_stop_the_others(url, caplog):
    with Ledger(url, flush_seconds=0.2) as ledger:
        for number in range(5):
            bad = {"cost_usd": object()} if number == 2 else {}
            ledger._writer.put(rows(told(number), **bad))
        with pytest.raises(LedgerError, match="1 requests could not be written"):
            ledger.flush()
        ledger.flush()
        assert ledger.dropped == 1
        assert count(url) == 4


def rows(end, **changes):
    from lc_asym_router.money.ledger.rows import ledger_rows

    made = ledger_rows(end, keep_text=False)
    made.request.update(changes)
    return made


def test_a_batch_that_is_tried_again_writes_nothing_twice(url, read):
    with Ledger(url) as ledger:
        batch = [rows(told(number)) for number in range(3)]
        ledger._store.write(batch)
        ledger._store.write([*batch, rows(told(3))])
        assert count(url) == 4
        assert read("SELECT count(*) FROM asym_calls") == [(4,)]
        assert read("SELECT count(*) FROM asym_tags") == [(4,)]


def test_a_slow_database_does_not_slow_a_request(make, url, monkeypatch):
    ledger = Ledger(url, flush_seconds=0)
    write, gate = ledger._store.write, threading.Event()
    monkeypatch.setattr(ledger._store, "write", lambda batch: (gate.wait(30), write(batch)))
    router = make(callbacks=[ledger])
    started = time.monotonic()
    for _ in range(5):
        router.invoke("hi")
    assert time.monotonic() - started < 10  # what a single wait for the database would take
    gate.set()
    ledger.close()
    assert count(url) == 5


def test_what_flush_acknowledged_outlives_a_kill(url):
    process = run(
        """
        import os, signal
        ledger = Ledger(sys.argv[1], flush_seconds=60)
        for number in range(7):
            ledger.on_router_record(told(number))
        ledger.flush()
        ledger.on_router_record(told(7))
        os.kill(os.getpid(), signal.SIGKILL)
        """,
        url,
    )
    assert process.returncode == -9, process.said
    assert count(url) == 7
    with Ledger(url) as ledger:
        assert ledger.rows()[0]["requests"] == 7


@pytest.mark.full
def test_the_end_of_the_process_writes_the_rest(url):
    process = run(
        """
        ledger = Ledger(sys.argv[1], flush_seconds=60)
        for number in range(7):
            ledger.on_router_record(told(number))
        """,
        url,
    )
    assert process.returncode == 0, process.said
    assert count(url) == 7


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_forked_processes_share_it(url):
    """What waits in the parent stays the parent's; the child's connections are its own."""
    with Ledger(url, flush_seconds=60, exit_seconds=60) as ledger:
        ledger.on_router_record(told(0))
        ledger.flush()
        ledger.on_router_record(told(1))

        def child(number):
            assert ledger.pending == 0
            ledger.on_router_record(told(number))  # written when the process ends

        fork = multiprocessing.get_context("fork")
        children = [fork.Process(target=child, args=(number,)) for number in (2, 3)]
        for each in children:
            each.start()
        for each in children:
            each.join(80)
        assert [each.exitcode for each in children] == [0, 0]
        assert count(url) == 3
        ledger.flush()
        assert count(url) == 4


def newest() -> str:
    """The name of the latest migration."""
    return max(file.name for file in Path(versions.__file__).parent.glob("0*.py"))[:4]


@pytest.mark.full
def test_four_processes_migrate_at_once(url):
    """All of them find an empty database, and start together."""
    process = run(
        """
        import multiprocessing
        fork = multiprocessing.get_context("fork")
        gate = fork.Barrier(4)

        def work(number):
            with Ledger(sys.argv[1], flush_seconds=0) as ledger:
                gate.wait()
                ledger.on_router_record(told(number))
                ledger.flush()

        children = [fork.Process(target=work, args=(number,)) for number in range(4)]
        for each in children:
            each.start()
        for each in children:
            each.join()
        sys.exit(max(abs(each.exitcode) for each in children))
        """,
        url,
    )
    assert process.returncode == 0, process.said
    assert count(url) == 4
    assert query(url, "SELECT version_num FROM asym_schema_version") == [(newest(),)]


def test_many_threads_migrate_at_once(url):
    ledgers = [Ledger(url, flush_seconds=0) for _ in range(4)]
    for number, ledger in enumerate(ledgers):
        ledger.on_router_record(told(number))
    for ledger in ledgers:
        ledger.close()
    assert count(url) == 4


def test_the_migrations_end_in_the_tables_of_the_code(url):
    """Alembic finds nothing to do between the two."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from lc_asym_router.money.database.tables import metadata

    with Ledger(url) as ledger, ledger._store.transaction(writing=True) as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": "asym_schema_version", "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []


def test_tables_of_a_newer_version_are_left_alone(url, caplog):
    with Ledger(url) as ledger:
        ledger.rows()
        with ledger._store.transaction(writing=True) as connection:
            connection.exec_driver_sql("UPDATE asym_schema_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="pip install -U lc-asym-router"):
        Ledger(url).rows()
    later = Ledger(url, exit_seconds=0.2, flush_seconds=0)
    later.on_router_record(told())
    later.close()
    assert later.dropped == 1
    assert count(url) == 0
