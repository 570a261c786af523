"""The page's JSON, and who may see which of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from lc_asym_router import AsymRouter, Audit, Budget, Ledger, Tier
from lc_asym_router.errors import LedgerError
from lc_asym_router.gateway.app import gateway_app
from lc_asym_router.gateway.key_access import KeyAccess
from lc_asym_router.gateway.keys import KeyLimits, KeyStore
from lc_asym_router.gateway.page.page_data import overview, state
from lc_asym_router.money.budgets.store import BudgetStore
from tests.conftest import FRONTIER_PRICE, SMALL_PRICE, frontier_model, small_model
from tests.gateway.serving import Served

SECRET = "a prompt that nobody may see"
DATA = ["overview", "decisions", "state", "keys", "drawing"]


@pytest.fixture(scope="module")
def site(upstream_small, upstream_frontier, tmp_path_factory) -> Iterator[Served]:
    """A gateway with keys, of which an admin's and two others have asked."""
    url = f"sqlite:///{tmp_path_factory.mktemp('page')}/gateway.sqlite3"
    keys = KeyAccess(KeyStore(url))
    ledger = Ledger(url, flush_seconds=0.01)
    router = AsymRouter(
        small=Tier(small_model(upstream_small), price=SMALL_PRICE),
        frontier=Tier(frontier_model(upstream_frontier), price=FRONTIER_PRICE),
        verify="form",
        classify="keyword",
        budgets=[Budget(usd=5, max_output_tokens=100)],
        audit=Audit(share=0.5),
    )
    with Served(gateway_app(router, keys, ledger)) as served:
        served.keys = {  # type: ignore[attr-defined]
            "root": keys.keys.add("root", KeyLimits(admin=True)),
            "ada": keys.keys.add("ada", KeyLimits(usd_per_day=1, rpm=100)),
            "bob": keys.keys.add("bob", KeyLimits(models=("small",))),
        }
        for name, model in (("ada", "auto"), ("ada", "frontier"), ("bob", "small")):
            client = served.client(api_key=served.keys[name])  # type: ignore[attr-defined]
            message = {"role": "user", "content": SECRET}
            client.chat.completions.create(model=model, messages=[message])
        ledger.flush()
        yield served
    ledger.close()
    keys.close()


def get(site: Served, path: str, key: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {site.keys[key]}"} if key else {}  # type: ignore[attr-defined]
    return httpx.get(f"{site.url}{path}", headers=headers, timeout=20)


def test_an_admin_sees_all_and_no_text(site):
    found = {name: get(site, f"/api/{name}", "root") for name in DATA}
    assert [each.status_code for each in found.values()] == [200] * 5
    assert SECRET not in "".join(each.text for each in found.values())
    assert not any(key in each.text for each in found.values() for key in site.keys.values())
    seen = found["overview"].json()
    assert seen["total"]["requests"] == 3
    assert seen["total"]["tiers"] == {"small": 2, "frontier": 1}
    assert len(seen["rows"]) == 24
    assert sum(row["requests"] for row in seen["rows"]) == 3
    assert len(found["decisions"].json()["decisions"]) == 3
    (router,) = found["state"].json()["routers"]
    assert router["breakers"] == {"small": "closed", "frontier": "closed"}
    assert [budget["name"] for budget in router["budgets"]] == ["day"]
    assert router["budgets"][0]["balance"]["usd"]["limit"] == 5
    assert [row["name"] for row in found["keys"].json()["keys"]] == ["root", "ada", "bob"]
    assert found["drawing"].text.startswith("<svg")


def test_a_key_sees_its_own_alone(site):
    seen = get(site, "/api/overview", "ada").json()
    assert (seen["total"]["requests"], seen["admin"]) == (2, False)
    rows = get(site, "/api/decisions", "ada").json()["decisions"]
    assert [row["tags"] for row in rows] == [["key:ada"]] * 2
    keys = get(site, "/api/keys", "ada").json()["keys"]
    assert [row["name"] for row in keys] == ["ada"]
    assert keys[0]["usd"]["day"]["spent"] > 0
    assert get(site, "/api/overview?key=ada", "ada").status_code == 200
    assert get(site, "/api/overview?key=ada", "root").json()["total"]["requests"] == 2


@pytest.mark.parametrize("name", ["overview", "decisions", "keys"])
@pytest.mark.parametrize("other", ["bob", "root", "", "ada'--", "%"])
def test_no_key_sees_anothers(site, name, other):
    response = get(site, f"/api/{name}?key={other}", "ada")
    assert response.status_code == 403
    assert "bob" not in response.text


@pytest.mark.parametrize("name", ["state", "drawing"])
def test_what_all_share_is_an_admins(site, name):
    assert get(site, f"/api/{name}", "ada").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["overview?span=1h", "decisions?limit=0", "decisions?limit=9999", "decisions?limit=x"],
)
def test_a_bad_argument_says_what_to_give(site, path):
    response = get(site, f"/api/{path}", "root")
    assert response.status_code == 400
    assert "give" in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("error", "status"), [(LedgerError("The ledger can't be read."), 503), (OSError(SECRET), 500)]
)
def test_what_cannot_be_read_is_said_without_a_text(site, monkeypatch, caplog, error, status):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Ledger, "recent", fail)
    response = get(site, f"/api/decisions?limit={status - 400}", "root")
    assert response.status_code == status
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert ("A request failed: OSError" in caplog.text) == (status == 500)
    assert SECRET not in caplog.text + response.text


def test_a_balance_that_cannot_be_read_is_unknown_and_in_the_log(router, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise OSError("no such host db.internal")

    monkeypatch.setattr(BudgetStore, "balance", fail)
    budgeted = router.model_copy(update={"budgets": [Budget(calls=5)]})
    (found,) = state({"auto": budgeted})["routers"][0]["budgets"]
    assert (found["limits"], found["balance"]) == ({"calls": 5}, None)
    assert "db.internal" in caplog.text


def test_every_answer_of_the_page_is_locked_down(site):
    for path in ("/", "/page/page.js", "/page/draw.js", "/page/page.css", "/api/keys"):
        headers = get(site, path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert get(site, "/api/keys", "root").headers["cache-control"] == "no-store"


def test_buckets_without_a_request_are_there_too(tmp_path):
    with Ledger(tmp_path / "empty.sqlite3") as ledger:
        found = overview(ledger, "7d", datetime(2026, 3, 2, 12, 30, tzinfo=UTC), None)
    assert [row["start"] for row in found["rows"]] == [
        *(f"2026-02-{day}" for day in range(24, 29)),
        "2026-03-01",
        "2026-03-02",
    ]
    assert json.loads(json.dumps(found))["total"]["requests"] == 0


def test_without_a_ledger_the_page_says_so(gateway):
    assert httpx.get(f"{gateway.url}/api/overview").json() == {"ledger": False}
    assert httpx.get(f"{gateway.url}/api/keys").json() == {"keys": None}
    assert httpx.get(f"{gateway.url}/").status_code == 200
