"""Every endpoint, without a key and with wrong ones: only `/health` and the empty page are open."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.routing import Route

from lc_asym_router import Ledger
from lc_asym_router.gateway.app import gateway_app
from lc_asym_router.gateway.key_access import KeyAccess
from lc_asym_router.gateway.keys import KeyLimits, KeyStore
from tests.gateway.serving import Served

OPEN = {"/health", "/", "/page/page.css", "/page/page.js", "/page/draw.js"}
"""What needs no key: whether it is alive, and the page without any figure."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
BODY = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture(scope="module")
def site(router, tmp_path_factory) -> Iterator[Served]:
    url = f"sqlite:///{tmp_path_factory.mktemp('scan')}/gateway.sqlite3"
    store = KeyStore(url)
    keys = KeyAccess(store)
    with Ledger(url) as ledger, Served(gateway_app(router, keys, ledger)) as served:
        served.store = store  # type: ignore[attr-defined]
        yield served
    keys.close()


def paths(site: Served) -> list[str]:
    """Every path that the application answers."""
    routes = site.server.config.app.routes  # type: ignore[union-attr]
    assert all(isinstance(route, Route) for route in routes)
    return [route.path for route in routes]


def wrong_keys(store: KeyStore) -> dict[str, str]:
    """Keys that are none, or none any more."""
    now = store._now
    try:
        store._now = lambda _: 1_700_000_000.0
        expired = store.add("expired", expires_in=60)
    finally:
        store._now = now
    revoked = store.add("revoked")
    store.revoke("revoked")
    right = store.add("right")
    return {
        "none": "",
        "made up": "sk-asym-000000000000-" + "A" * 43,
        "the tail of another": right[:21] + "B" * 43,
        "expired": expired,
        "revoked": revoked,
    }


@pytest.mark.full
def test_nothing_is_open_but_health_and_the_page(site, small, frontier):
    found = paths(site)
    assert set(found) >= OPEN | {"/v1/chat/completions", "/v1/models", "/api/keys", "/api/overview"}
    assert len(found) == len(set(found))
    with httpx.Client(base_url=site.url, timeout=20) as client:
        for name, key in wrong_keys(site.store).items():
            headers = {"authorization": f"Bearer {key}"} if key else {}
            for path in found:
                for method in METHODS:
                    asked = BODY if method in ("POST", "PUT", "PATCH") else None
                    response = client.request(method, path, json=asked, headers=headers)
                    if path in OPEN and method in ("GET", "HEAD"):
                        assert response.status_code == 200
                    else:
                        assert response.status_code in (401, 405), (name, method, path)
                    assert response.status_code != 401 or not (key and key in response.text)
    assert not small.requests
    assert not frontier.requests


@pytest.mark.parametrize(
    "path", ["/page/", "/page/../app.py", "/page/%2e%2e/keys.py", "/api", "/v1", "/v1/models/"]
)
def test_no_other_path_is_there(site, path):
    with httpx.Client(base_url=site.url, timeout=20) as client:
        assert client.get(path).status_code in (401, 404)


def test_a_model_that_a_key_may_not_name_is_refused(site, small, frontier):
    key = site.store.add("small-only", KeyLimits(models=("small",)))
    with httpx.Client(base_url=site.url, headers={"x-api-key": key}, timeout=20) as client:
        models = [each["id"] for each in client.get("/v1/models").json()["data"]]
        assert models == ["small"]
        for model in ("auto", "frontier", "nowhere"):
            refused = client.post("/v1/chat/completions", json={**BODY, "model": model})
            assert refused.status_code == 403
        asked = client.post("/v1/chat/completions", json={**BODY, "model": "small"})
        assert asked.status_code == 200
    assert not frontier.requests
