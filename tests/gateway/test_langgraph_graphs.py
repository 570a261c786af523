"""What `langgraph.json` names is built from environment variables, once, off the event loop."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import tomllib

import pytest

from lc_asym_router import ConfigurationError, Ledger
from lc_asym_router.gateway import langgraph_server
from lc_asym_router.gateway.langgraph_server import Served
from tests.conftest import record
from tests.gateway.langgraph_dev import ROOT

ASKED = {"messages": [("human", "hi")]}
PARTS = "tests.gateway.test_langgraph_graphs"
GRAPHS = ("router", "agent", "decomposer")


def strict(attempt):
    return False


def lookup(city: str) -> str:
    """Look a city up."""
    return city


tools = [lookup]


@pytest.fixture
def models(monkeypatch, small, frontier):
    monkeypatch.setenv("OLLAMA_HOST", small.url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-key")
    monkeypatch.setenv("OPENAI_BASE_URL", frontier.base_url)
    monkeypatch.setenv("OPENAI_MODEL", "frontier-model")


def served(**variables):
    return Served.from_env({f"LC_ASYM_ROUTER_{name}": value for name, value in variables.items()})


def test_every_setting_comes_from_its_variable(models, tmp_path, small):
    url = str(tmp_path / "ledger.sqlite3")
    found = served(
        VERIFY=f"{PARTS}:strict",
        THRESHOLD="0.25",
        DEADLINE="30",
        LEDGER=url,
        BUDGETS='[{"calls": 9, "per": "day"}, {"calls": 5, "per": "request"}]',
        AUDIT="0.5",
        TOOLS=f"{PARTS}:lookup, {PARTS}:tools",
    )
    model = found.model
    assert (model.threshold, model.deadline, model.audit.share) == (0.25, 30, 0.5)
    assert [(each.per, each.calls) for each in model.budgets] == [("day", 9), ("request", 5)]
    assert all(each.store.waits for each in model.budgets)
    assert record(found.router.invoke(ASKED)["messages"][-1])["escalated"]
    (ledger,) = model.callbacks
    with ledger:
        ledger.flush()
    with Ledger(url) as again:
        assert again.rows()[0]["requests"] == 1
    model.close_audits()


def test_a_description_stands_for_all(models, small, tmp_path):
    tier = f'[[tiers]]\nmodel = "ollama:m"\nsettings = {{base_url = "{small.url}"}}\n'
    file = tmp_path / "router.toml"
    file.write_text('verify = "form"\n' + tier + tier)
    found = served(SPEC=str(file), TOOLS=f"{PARTS}:lookup", SIGNING_KEY="k")
    assert [each.model_name for each in found.model.ladder] == ["m", "m"]
    with pytest.raises(ConfigurationError, match="LC_ASYM_ROUTER_DEADLINE"):
        served(SPEC=str(file), DEADLINE="5")


def test_nothing_is_set(models):
    model = served(VERIFY="none").model
    assert (model.verify, model.budgets, model.audit, model.callbacks) == (None, (), None, None)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("VERIFY", "nowhere:check", "can't be imported"),
        ("VERIFY", f"{PARTS}:nothing", "can't be imported"),
        ("TOOLS", "nothing", "is no import path"),
        ("DEADLINE", "soon", "must be a number"),
        ("AUDIT", "much", "must be a number"),
        ("BUDGETS", "5 USD", "JSON list"),
        ("BUDGETS", '[{"eur": 5}]', "JSON list"),
        ("BUDGETS", "7", "JSON list"),
    ],
)
def test_an_invalid_variable_is_named(models, name, value, told):
    with pytest.raises(ConfigurationError, match=told) as error:
        served(**{name: value})
    assert f"LC_ASYM_ROUTER_{name}" in str(error.value)


async def test_they_are_built_once_and_off_the_loop(models, monkeypatch):
    built = []

    def from_env():
        built.append(threading.current_thread())
        return Served("model", "router", "agent", "decomposer")

    monkeypatch.setattr(langgraph_server, "_found", [])
    monkeypatch.setattr(Served, "from_env", from_env)
    names = [name for name in GRAPHS for _ in range(5)]
    found = await asyncio.gather(*(getattr(langgraph_server, name)() for name in names))
    assert found == names
    (thread,) = built
    assert thread is not threading.main_thread()


async def test_each_graph_answers(models):
    found = served(VERIFY="form")
    for name in GRAPHS:
        done = await getattr(found, name).ainvoke(ASKED, {"configurable": {"tier": "frontier"}})
        assert done["messages"][-1].text == "a frontier answer"


def test_every_variable_is_in_the_docs():
    source = (ROOT / "lc_asym_router" / "gateway" / "langgraph_server.py").read_text()
    guide = (ROOT / "docs" / "guides" / "langgraph_server.md").read_text()
    read = set(re.findall(r'given\.get\("(\w+)"', source))
    assert read == {
        "SPEC",
        "VERIFY",
        "THRESHOLD",
        "DEADLINE",
        "LEDGER",
        "BUDGETS",
        "AUDIT",
        "TOOLS",
    }
    for name in read:
        for text in (langgraph_server.__doc__, guide):
            assert f"`LC_ASYM_ROUTER_{name}`" in text


def test_the_image_installs_what_the_extras_name():
    """`langgraph dockerfile` installs a folder without its extras, so they are named one by one."""
    given = json.loads((ROOT / "langgraph.json").read_text())
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    needed = [
        each
        for extra in ("langchain", "prices", "ledger", "postgres")
        for each in extras[extra]
        if not each.startswith("lc-asym-router")
    ]
    pins = {re.sub(r">=([\d.]+).*", r"~=\1", each) for each in needed}
    assert set(given["dependencies"]) == {".", *pins}
