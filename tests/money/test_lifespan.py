"""The ledger in a server: a signal that ends it loses no row."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from fastapi import FastAPI
from langchain_core.language_models import FakeListChatModel
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from lc_asym_router import AsymRouter, Ledger
from tests.money.conftest import query

ROOT = Path(__file__).parents[2]
APP = """
import sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from langchain_core.language_models import FakeListChatModel
from lc_asym_router import AsymRouter, Ledger

port, path, kind = sys.argv[1:]
# Nothing is written before the end: it waits an hour for others to share its transaction.
ledger = Ledger(path, flush_seconds=3600)
model = FakeListChatModel(responses=["fine"])
router = AsymRouter(small=model, frontier=model, classify="keyword", callbacks=[ledger])

async def ask(request):
    return PlainTextResponse((await router.ainvoke("hi")).text)

app = Starlette(
    routes=[Route("/", ask)], lifespan=ledger.lifespan if kind == "lifespan" else None
)
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="info")
"""


def served(tmp_path: Path, kind: str) -> int:
    """How many of five requests are in the ledger once the server was ended by SIGTERM."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = tmp_path / f"{kind}.sqlite3"
    Ledger(path).rows()  # the tables
    server = subprocess.Popen(
        [sys.executable, "-c", APP, str(port), str(path), kind],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr is not None
        for line in server.stderr:
            if "running on" in line:
                break
        else:
            pytest.fail("the server did not start")
        for _ in range(5):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as answer:
                assert answer.read() == b"fine"
        os.kill(server.pid, signal.SIGTERM)
        server.stderr.read()
        server.wait(30)
    finally:
        server.kill()
        server.wait()
    (rows,) = query(f"sqlite:///{path}", "SELECT count(*) FROM asym_requests")
    return rows[0]


def test_a_server_that_is_ended_by_a_signal_loses_no_row(tmp_path):
    assert served(tmp_path, "lifespan") == 5


@pytest.mark.full
def test_without_the_lifespan_they_would_be_lost(tmp_path):
    """What the one above rests on: it fails where the lifespan does nothing."""
    assert served(tmp_path, "none") == 0


async def test_inside_a_lifespan_of_ones_own(make, tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite3", flush_seconds=3600)
    for count in (1, 2):  # a test client starts an application many times
        async with ledger.lifespan(object()):
            await make(callbacks=[ledger]).ainvoke("hi")
            assert ledger.pending == 1
        assert ledger.pending == 0
        assert query(
            f"sqlite:///{tmp_path}/ledger.sqlite3", "SELECT count(*) FROM asym_requests"
        ) == [(count,)]
    ledger.close()


async def test_a_database_that_is_down_ends_the_server_all_the_same(make, tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    ledger = Ledger(f"sqlite:///{tmp_path}/file/l.sqlite3", exit_seconds=0.2)
    async with ledger.lifespan():
        await make(callbacks=[ledger]).ainvoke("hi")
    assert "before all is written" in caplog.text
    ledger.close()


def test_starlettes_own_test_client_starts_and_ends_it(tmp_path):
    """Each `with` is a server's life: what was asked in it is in the database after it."""
    ledger = Ledger(tmp_path / "ledger.sqlite3", flush_seconds=3600)
    model = FakeListChatModel(responses=["fine"])
    router = AsymRouter(
        small=model, frontier=model, classify="keyword", verify="form", callbacks=[ledger]
    )

    async def ask(request: Request) -> PlainTextResponse:
        return PlainTextResponse((await router.ainvoke("hi")).text)

    app = Starlette(routes=[Route("/", ask)], lifespan=ledger.lifespan)
    for count in (1, 2):
        with TestClient(app) as client:
            assert client.get("/").text == "fine"
            assert ledger.pending == 1
        assert query(
            f"sqlite:///{tmp_path}/ledger.sqlite3", "SELECT count(*) FROM asym_requests"
        ) == [(count,)]
    ledger.close()


def test_fastapi_takes_it_too(tmp_path):
    ledger = Ledger(tmp_path / "ledger.sqlite3", flush_seconds=3600)
    model = FakeListChatModel(responses=["fine"])
    router = AsymRouter(
        small=model, frontier=model, classify="keyword", verify="form", callbacks=[ledger]
    )
    app = FastAPI(lifespan=ledger.lifespan)

    @app.get("/")
    async def ask(question: str) -> dict[str, str]:
        return {"answer": (await router.ainvoke(question)).text}

    for count in (1, 2):
        with TestClient(app) as client:
            assert client.get("/", params={"question": "hi"}).json() == {"answer": "fine"}
            assert ledger.pending == 1
        assert query(
            f"sqlite:///{tmp_path}/ledger.sqlite3", "SELECT count(*) FROM asym_requests"
        ) == [(count,)]
    ledger.close()


def test_an_application_that_fails_in_its_lifespan_loses_no_row(tmp_path, make):
    ledger = Ledger(tmp_path / "ledger.sqlite3", flush_seconds=3600)
    router = make(callbacks=[ledger])

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with ledger.lifespan(app):
            await router.ainvoke("hi")
            yield
            raise RuntimeError("of the application's own")

    with pytest.raises(RuntimeError, match="own"), TestClient(Starlette(lifespan=lifespan)):
        pass
    assert query(f"sqlite:///{tmp_path}/ledger.sqlite3", "SELECT count(*) FROM asym_requests") == [
        (1,)
    ]
    ledger.close()
