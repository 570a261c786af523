"""Whether the gateway's databases answer, as `/ready` says it."""

from __future__ import annotations

import httpx
import pytest

from lc_asym_router import Audit, Budget, Ledger
from lc_asym_router.gateway.access import LoopbackAccess
from lc_asym_router.gateway.app import gateway_app
from lc_asym_router.gateway.databases import KEPT_SECONDS, Databases
from lc_asym_router.gateway.key_access import KeyAccess
from lc_asym_router.gateway.keys import KeyStore
from tests.gateway.serving import Served
from tests.gateway.test_faults import pair

NOBODY = "postgresql://somebody:sesame@127.0.0.1:1/router"
"""Where no server listens."""


class Still:
    """A clock that a test moves."""

    time = 0.0

    def elapsed(self) -> float:
        return self.time


def blocked(tmp_path) -> str:
    """The URL of a file that can't be made, until `tmp_path / "folder"` is deleted."""
    (tmp_path / "folder").write_text("")
    return f"sqlite:///{tmp_path}/folder/budgets.sqlite3"


@pytest.mark.parametrize("of", ["ledger", "budgets"])
def test_ready_names_the_database_that_does_not_answer(router, caplog, of):
    with Ledger(NOBODY, exit_seconds=0) as ledger:
        given = {"ledger": ledger} if of == "ledger" else {}
        if of == "budgets":
            given["budgets"] = [Budget(calls=9, per="day", store=NOBODY)]
        with Served(gateway_app(router, **given)) as served:
            answer = httpx.get(f"{served.url}/ready", timeout=60)
            assert httpx.get(f"{served.url}/health", timeout=60).status_code == 200
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    said = answer.json()["error"]["message"]
    assert said.startswith(f"The database of the {of} (postgresql")
    assert "://somebody:***@127.0.0.1:1/router" in said
    assert "sesame" not in said + caplog.text


async def test_every_database_is_asked_and_one_that_comes_back_is_seen(small, frontier, tmp_path):
    url, clock = blocked(tmp_path), Still()
    fine = f"sqlite:///{tmp_path}/fine.sqlite3"
    router = pair(
        small,
        frontier,
        budgets=[Budget(calls=9, per="day", store=url)],
        audit=Audit(share=0.5, judge=None, url=url),
        callbacks=[Ledger(url)],
    )
    keys = KeyAccess(KeyStore(fine))
    with Ledger(fine) as ledger:
        databases = Databases([router], ledger, keys, clock, seconds=60)
        assert [use for use, _ in await databases.failing()] == ["ledger, budgets, audits"]
        (tmp_path / "folder").unlink()
        assert await databases.failing()  # what was found a moment ago
        clock.time = KEPT_SECONDS
        assert await databases.failing() == []
    keys.close()


async def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "x.sqlite3").write_text("no database " * 1000)
    with Ledger(tmp_path / "x.sqlite3", exit_seconds=0) as ledger:
        found = await Databases([], ledger, LoopbackAccess(), seconds=60).failing()
    assert [use for use, _ in found] == ["ledger"]
    assert "DatabaseError" in found[0][1]


async def test_a_database_that_is_locked_does_not_answer(tmp_path):
    with Ledger(tmp_path / "x.sqlite3") as ledger, Ledger(tmp_path / "x.sqlite3") as other:
        with other.database.transaction(writing=True):  # it has the file to itself
            found = await Databases([], ledger, LoopbackAccess(), seconds=0.05).failing()
        assert [use for use, _ in found] == ["ledger"]
        assert await Databases([], ledger, LoopbackAccess(), seconds=60).failing() == []
