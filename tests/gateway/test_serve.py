"""`lc-asym-router serve`: a real process, its file, its end by SIGTERM; and what a scrape sees."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import httpx
import openai
import pytest

from lc_asym_router import ConfigurationError, Ledger
from lc_asym_router.gateway import config as config_module
from lc_asym_router.gateway import processes
from lc_asym_router.gateway.config import GatewayConfig
from tests.gateway.serving import Served
from tests.servers import Reply

FILE = """
verify = "form"
classify = "keyword"
database = "{database}"

[[tiers]]
name = "small"
model = "ollama:small-model"
price = {{ input = 0.05, output = 0.08 }}
settings = {{ base_url = "{small}" }}

[[tiers]]
name = "frontier"
model = "openai:frontier-model"
price = {{ input = 2.5, output = 10.0 }}
settings = {{ base_url = "{frontier}", api_key_env = "TEAM_KEY" }}

[gateway]
port = 0
comment_seconds = 0.5

[[gateway.routers.strict.tiers]]
model = "ollama:small-model"
settings = {{ base_url = "{small}" }}

[[gateway.routers.strict.tiers]]
model = "openai:frontier-model"
settings = {{ base_url = "{frontier}", api_key_env = "TEAM_KEY" }}
"""


def written(tmp_path, small, frontier):
    path = tmp_path / "gateway.toml"
    database = tmp_path / "ledger.sqlite3"
    path.write_text(FILE.format(database=database, small=small.url, frontier=frontier.base_url))
    return path, database


def started(*arguments: str) -> tuple[subprocess.Popen[str], str]:
    """A gateway in a process of its own, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lc_asym_router", "serve", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TEAM_KEY": "sk-not-a-key"},
    )
    lines = []
    assert process.stderr is not None
    for line in process.stderr:
        lines.append(line)
        if found := re.search(r"http://[\d.]+:\d+", line):
            threading.Thread(target=process.stderr.read, daemon=True).start()
            for _ in range(6000):
                try:
                    httpx.get(f"{found[0]}/health", timeout=5)
                except httpx.TransportError:
                    time.sleep(0.05)
                else:
                    return process, found[0]
    raise AssertionError("".join(lines))


@pytest.mark.parametrize("workers", ["1", pytest.param("2", marks=pytest.mark.full)])
def test_sigterm_finishes_what_is_in_service(tmp_path, small, frontier, workers):
    path, database = written(tmp_path, small, frontier)
    release = threading.Event()
    frontier.script(Reply("a frontier answer", hold=release))
    process, url = started(str(path), "--workers", workers)
    try:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0, timeout=60)
        models = [each.id for each in client.models.list()]
        assert models == ["auto", "small", "frontier", "strict", "strict/small", "strict/frontier"]
        answers = []

        def ask() -> None:
            asked = {"model": "frontier", "messages": [{"role": "user", "content": "Hello"}]}
            answers.append(client.chat.completions.create(**asked))

        asking = threading.Thread(target=ask)
        asking.start()
        assert frontier.wait_requests()
        process.send_signal(signal.SIGTERM)
        with pytest.raises(httpx.TransportError):  # nobody new gets in
            for _ in range(1200):
                httpx.get(f"{url}/health", timeout=5)
                time.sleep(0.05)
        release.set()
        asking.join(60)
        assert process.wait(60) in (0, -signal.SIGTERM)
    finally:
        process.kill()
        process.wait()
    assert answers[0].choices[0].message.content == "a frontier answer"
    assert frontier.requests[0].headers["authorization"] == "Bearer sk-not-a-key"
    assert [row["requests"] for row in Ledger(database).rows()] == [1]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[gateway]\nport = -1\n", "port"),
        ("[gateway]\nprot = 1\n", "'prot'"),
        ('[gateway]\nhost = "0.0.0.0"\n', "keys"),
        ('[gateway]\nlog_level = "LOUD"\n', "log_level"),
        ("[gateway]\nconnections = 1\n", "connections"),
        ("[gateway.routers.auto]\nfactory = 'a:b'\n", "'auto'"),
        ("gateway = 3\nverify = 'form'\n", "table"),
        ('[gateway]\ncomment_seconds = "x"\n', "comment_seconds"),
        ('[gateway]\nlog_requests = "no"\n', "log_requests is of type str; give true or false"),
        ("[gateway]\nlog_level = []\n", "log_level"),
        ('[gateway]\nkeys = "no"\n', "keys is of type str"),
        ("[gateway]\nhost = 5\n", "host is of type int"),
        ('[gateway]\nbody_bytes = "x"\n', "body_bytes"),
        ('[gateway]\nconnections = "x"\n', "connections"),
        ("[gateway]\nconnections = 0\n", "connections"),
        ("[gateway]\nbudgets = 5\n", "budgets is of type int; give a list"),
        ("[gateway]\nbudgets = [5]\n", "budgets, an item of its list, is of type int"),
        ("[gateway]\nbudgets = { usd = 5 }\n", "budgets is of type dict; give a list"),
        ("[gateway]\nrouters = 5\n", "routers is of type int; give a table"),
        ("[gateway]\nrouters = { more = 5 }\n", "routers.more"),
        (
            "[gateway]\nbudgets = [{ usd = 1, store = 'postgresql://a:b@c/d' }]\n",
            r"budgets\[0\]\.store",
        ),
        ('[[tiers]]\nmodel = "a:b"\n[[tiers]]\nmodle = "c:d"\n', r"^tiers\[1\]: 'modle'"),
        ("[[gateway.routers.more.tiers]]\nmodel = 5\n", r"^gateway\.routers\.more: tiers\[0\]: "),
        (
            "[gateway.routers.more]\ntiers = ['a:b', 'a:c']\ndatabase = 'x.sqlite3'\n",
            r"^gateway\.routers\.more: a gateway has one database",
        ),
        ("[gateway.routers.more]\nverify = 'form'\n", r"^gateway\.routers\.more: A router has"),
        ('degrade = "no"\n[[tiers]]\nmodel = "a:b"\n', "degrade is of type str; give true or"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(text, named):
    with pytest.raises(ConfigurationError, match=named):
        GatewayConfig.from_toml(text)


TIERS = '[[{where}tiers]]\nmodel = "ollama:a"\n[[{where}tiers]]\nmodel = {second}\n'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", r"^gateway\.routers\.more: tiers\[1\]: api_key_env names"),
        ("[gateway.routers.more]\nthreshold = 7\n", r"^gateway\.routers\.more: threshold is 7"),
        (
            "[[gateway.budgets]]\nusd = 1\n[[gateway.budgets]]\nper = 3\n",
            r"^gateway\.budgets\[1\]: ",
        ),
    ],
)
def test_what_cannot_be_built_is_named_by_its_place(text, named, monkeypatch):
    monkeypatch.delenv("NO_KEY", raising=False)
    ours, second = TIERS.format(where="", second='"ollama:b"'), '"ollama:b"'
    if not text:
        second = '"openai:b"\nsettings = { api_key_env = "NO_KEY" }'
    more = TIERS.format(where="gateway.routers.more.", second=second)
    config = GatewayConfig.from_toml(f"{ours}{more}{text}")
    with pytest.raises(ConfigurationError, match=named) as caught:
        config.app()
    assert "pydantic" not in str(caught.value)


def test_all_workers_share_the_budgets_of_a_further_router(tmp_path):
    url = f"sqlite:///{tmp_path}/gateway.sqlite3"
    text = f'database = "{url}"\n' + TIERS.format(where="", second='"ollama:b"')
    text += TIERS.format(where="gateway.routers.more.", second='"ollama:b"')
    for place in ("", "gateway.routers.more."):
        text += f'[[{place}budgets]]\ncalls = 1\nper = "day"\n'
    text += '[[gateway.routers.more.budgets]]\ncalls = 9\nname = "own"\nstore = "x.sqlite3"\n'
    config = GatewayConfig.from_toml(text)
    spec = config._with_shared_sums("more", config.routers["more"])
    assert [each["name"] for each in spec.budgets] == ["more day", "own"]
    assert [each["store"] for each in spec.budgets] == [url, "x.sqlite3"]
    assert spec.build(callbacks=[]).policy.budgets[0].store.name == url


def test_the_kinds_of_values_are_checked_once(monkeypatch):
    checked = []
    monkeypatch.setattr(config_module, "refuse_wrong_kinds", lambda *given: checked.append(given))
    more = {"tiers": ["ollama:a", "ollama:b"]}
    config = GatewayConfig.from_toml("[gateway]\nworkers = 2\n", routers={"more": more})
    assert len(checked) == 1
    assert config.routers["more"].tiers[1].model == "ollama:b"


def test_what_several_workers_could_not_build_is_said_before_they_begin(
    tmp_path, small, frontier, monkeypatch
):
    begun = []
    monkeypatch.setattr(processes, "Multiprocess", lambda *given, **more: begun.append(given))
    monkeypatch.delenv("TEAM_KEY", raising=False)
    path, _ = written(tmp_path, small, frontier)
    with pytest.raises(ConfigurationError, match="TEAM_KEY"):
        processes.serve(GatewayConfig.from_toml(path, workers=2))
    assert not begun


def test_options_win_over_the_file(tmp_path, small, frontier):
    path, _ = written(tmp_path, small, frontier)
    assert GatewayConfig.from_toml(path, port=9).port == 9
    with pytest.raises(ConfigurationError, match="its own tiers"):
        GatewayConfig.from_toml(path, small="ollama:other")


def test_metrics(gateway: Served, small, frontier):
    client = gateway.client()

    def values() -> dict[str, float]:
        lines = httpx.get(f"{gateway.url}/metrics").text.splitlines()
        return {k: float(v) for k, v in (x.rsplit(" ", 1) for x in lines if x[0] != "#")}

    before = values()
    client.chat.completions.create(
        model="frontier", messages=[{"role": "user", "content": "Hello"}]
    )
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(model="x" * 99, messages=[{"role": "user", "content": "H"}])
    after = values()
    name = "lc_asym_router_gateway"
    asked = f'{name}_requests_total{{protocol="openai-chat",model="frontier",status="200"}}'
    assert after[asked] - before.get(asked, 0) == 1
    answered = f'{name}_answers_total{{tier="frontier",escalated="false"}}'
    assert after[answered] - before.get(answered, 0) == 1
    assert after[f"{name}_cost_usd_total"] > before[f"{name}_cost_usd_total"]
    assert after[f"{name}_in_flight"] == 0
    assert "xxx" not in str(after)


def test_health_and_ready(gateway: Served):
    assert httpx.get(f"{gateway.url}/health").json() == {"status": "ok"}
    assert httpx.get(f"{gateway.url}/ready").json()["status"] == "ready"


def test_keys_need_a_database_and_open_the_host(tmp_path):
    with pytest.raises(ConfigurationError, match="database"):
        GatewayConfig(keys=True)
    tiers = '[[tiers]]\nmodel = "ollama:a"\n[[tiers]]\nmodel = "ollama:b"\n'
    text = (
        f'database = "{tmp_path}/keys.sqlite3"\n{tiers}[gateway]\nkeys = true\nhost = "0.0.0.0"\n'
    )
    with Served(GatewayConfig.from_toml(text).app()) as served:
        assert httpx.get(f"{served.url}/health").status_code == 200
        for path in ("/v1/models", "/ready", "/metrics"):
            assert httpx.get(f"{served.url}{path}").status_code == 401


def test_feedback_is_kept(tmp_path, small, frontier, monkeypatch):
    path, database = written(tmp_path, small, frontier)
    monkeypatch.setenv("TEAM_KEY", "sk-not-a-key")
    with Served(GatewayConfig.from_toml(path).app()) as served:
        asked = {"model": "auto", "messages": [{"role": "user", "content": "Hello"}]}
        raw = served.client().chat.completions.with_raw_response.create(**asked)
        given = {"request_id": raw.headers["x-router-request-id"], "score": 1}
        url = f"{served.url}/v1/feedback"
        assert httpx.post(url, json=given).status_code == 202
        for wrong in ({"score": 2}, {"request_id": "x"}, {"request_id": None}, {"more": 1}):
            assert httpx.post(url, json=given | wrong).status_code == 400
    with sqlite3.connect(database) as found:
        assert found.execute("select score from asym_feedback").fetchall() == [(1.0,)]
