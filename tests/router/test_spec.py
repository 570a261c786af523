"""A router described by plain data: built from it, written to a file, told of a router."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_openai import ChatOpenAI

from lc_asym_router import (
    AsymRouter,
    Audit,
    Budget,
    ConfigurationError,
    Ledger,
    PerCall,
    Power,
    Price,
    RequestLog,
    RouterSpec,
    Tier,
    TierSpec,
)
from lc_asym_router.audits import Rung, Shadow
from tests.conftest import small_model

SECRET = "sk-never-written"


def short(attempt) -> bool:
    """A check that another process can import."""
    return len(attempt.message.text) < 100


def made() -> AsymRouter:
    """What a spec's factory names."""
    return AsymRouter(small="ollama:small-model", frontier=frontier_tier(), verify="form")


def frontier_tier() -> Tier:
    return Tier(ChatOpenAI(model="frontier-model", api_key=SECRET), price=Price(1, 2))


def keyed(server, **settings) -> ChatOpenAI:
    return ChatOpenAI(model="big", base_url=server.base_url, api_key=SECRET, **settings)


@pytest.fixture
def spec(small, frontier, monkeypatch) -> RouterSpec:
    """Two tiers on the scripted servers."""
    monkeypatch.setenv("TEAM_KEY", SECRET)
    return RouterSpec(
        tiers=(
            TierSpec("ollama:small-model", settings={"base_url": small.url}),
            TierSpec(
                "openai:frontier-model",
                settings={"base_url": frontier.base_url, "api_key_env": "TEAM_KEY"},
                price={"input": 2.5, "output": 10.0},
                retry=1,
            ),
        ),
        verify="form",
        classify=None,
    )


def test_it_builds_a_router_that_answers(spec, small, frontier):
    router = spec.build()
    assert router.invoke("Hello").text == "a small answer"
    config = {"configurable": {"tier": "frontier"}}
    assert router.invoke("Hello", config).text == "a frontier answer"
    assert frontier.requests[-1].headers["authorization"] == f"Bearer {SECRET}"
    assert router.ladder.last.price == Price(2.5, 10.0)


def test_it_survives_pickle_and_toml(spec, tmp_path):
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert hash(pickle.loads(pickle.dumps(spec))) == hash(spec)
    text = spec.to_toml()
    assert RouterSpec.from_toml(text) == spec
    path = tmp_path / "router.toml"
    path.write_text(text)
    assert RouterSpec.from_toml(path) == RouterSpec.from_toml(str(path)) == spec


def test_no_secret_is_in_it(spec):
    for shown in (repr(spec), spec.to_toml(), repr(pickle.dumps(spec))):
        assert SECRET not in shown


@pytest.mark.parametrize(
    "settings",
    [
        {"api_key": SECRET},
        {"openai_api_key": SECRET},
        {"default_headers": {"Authorization": SECRET}},
        {"client_secret": SECRET},
    ],
)
def test_a_secret_that_is_written_out_is_refused(settings):
    with pytest.raises(ConfigurationError, match="environment variable") as caught:
        TierSpec("openai:gpt-4o", settings=settings)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"database": f"postgresql://me:{SECRET}@host/db"},
        {"budgets": ({"usd": 1, "store": f"postgresql://me:{SECRET}@host/db"},)},
        {"audit": {"url": f"postgresql://me:{SECRET}@host/db"}},
        {"shadow": {"url": f"postgresql://me:{SECRET}@host/db"}},
    ],
)
def test_a_password_in_a_url_is_refused(values):
    with pytest.raises(ConfigurationError, match="_env") as caught:
        RouterSpec(tiers=("ollama:a", "ollama:b"), **values)
    assert SECRET not in str(caught.value)


def test_max_tokens_is_no_secret():
    assert TierSpec("openai:gpt-4o", settings={"max_tokens": 5}).settings == {"max_tokens": 5}


def test_a_variable_that_is_not_set_is_named(spec, monkeypatch):
    monkeypatch.delenv("TEAM_KEY")
    with pytest.raises(ConfigurationError, match="TEAM_KEY"):
        spec.build()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('tier = "x"\n', "'tier'"),
        ('[[tiers]]\nmodell = "ollama:x"\n', "'modell'"),
        ("[[tiers]\n", "no TOML"),
        ("\n", "tiers"),
        ('factory = "a:b"\nverify = "form"\n', "verify"),
        ('[[tiers]]\nmodel = "ollama:x"\nfactory = "a:b"\n', "either a model string"),
        ("tiers = 3\n", "tiers is of type int; give a list"),
        ("[[tiers]]\nmodel = 3\n", "model is of type int; give a text"),
        ('[[tiers]]\nmodel = "ollama:x"\nprice = [1, 2]\n', "price is of type list; give a table"),
        ('[[tiers]]\nmodel = "ollama:x"\nsettings = "fast"\n', "settings is of type str"),
        ('verify = 3\ntiers = ["ollama:x"]\n', "verify is of type int; give a text or a table"),
        ('budgets = [3]\ntiers = ["ollama:x"]\n', "budgets, an item of its list, is of type int"),
        ('tags = "a"\ntiers = ["ollama:x"]\n', "tags is of type str; give a list"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(text, named):
    with pytest.raises(ConfigurationError, match=named):
        RouterSpec.from_toml(text)


def test_a_price_is_described_by_its_numbers():
    with pytest.raises(ConfigurationError, match="write price = "):
        TierSpec("ollama:x", price=Price(1, 2)).build()


def test_a_file_that_is_not_there():
    with pytest.raises(ConfigurationError, match="can't be read"):
        RouterSpec.from_toml("/nowhere/router.toml")


def test_none_is_written_as_a_word():
    spec = RouterSpec(tiers=("ollama:a", "ollama:b"), classify=None, sticky=None, stall_steps=None)
    assert 'classify = "none"' in spec.to_toml()
    assert RouterSpec.from_toml(spec.to_toml()) == spec
    per_tier = RouterSpec(tiers=("ollama:a", "ollama:b"), verify={"small": None})
    assert RouterSpec.from_toml(per_tier.to_toml()).build().policy.check is None


def test_the_gateways_own_table_is_left_to_it():
    text = '[gateway]\nport = 8000\n[[tiers]]\nmodel = "ollama:a"\n[[tiers]]\nmodel = "ollama:b"\n'
    assert [each.model for each in RouterSpec.from_toml(text).tiers] == ["ollama:a", "ollama:b"]


names = st.text("abcdefghij", min_size=1, max_size=8)
numbers = st.floats(0, 100, allow_nan=False)
tier_specs = st.builds(
    TierSpec,
    names.map("ollama:{}".format),
    settings=st.dictionaries(names, st.one_of(names, numbers, st.booleans()), max_size=3),
    context_window=st.none() | st.integers(1, 9999),
    tools=st.none() | st.booleans(),
    price=st.none() | st.fixed_dictionaries({"input": numbers, "output": numbers}),
    timeout=st.none() | st.floats(0.1, 50),
)
specs = st.builds(
    RouterSpec,
    tiers=st.lists(tier_specs, min_size=2, max_size=3).map(tuple),
    classify=st.sampled_from(["default", "keyword", None]),
    classify_deadline=st.none() | st.floats(0.1, 50),
    threshold=st.none() | st.floats(0, 1) | st.tuples(st.floats(0, 1), st.floats(0, 1)),
    verify=st.sampled_from(["default", "form", None]),
    stall_steps=st.none() | st.integers(2, 9),
    stop=st.none() | st.lists(names, max_size=2).map(tuple),
    hedge=st.booleans() | st.floats(0.1, 5),
    budgets=st.lists(st.fixed_dictionaries({"usd": numbers}), max_size=2).map(tuple),
    shadow=st.sampled_from([None, True, {"share": 0.2, "rungs": [{"verify": "form"}]}]),
)


@given(specs)
def test_toml_loses_nothing(spec):
    assert RouterSpec.from_toml(spec.to_toml()) == spec
    assert pickle.loads(pickle.dumps(spec)) == spec


# a router's own description --------------------------------------------------------------------


def test_a_router_describes_itself(small, frontier, tmp_path, monkeypatch):
    monkeypatch.setenv("TEAM_KEY", SECRET)
    router = AsymRouter(
        small=Tier(small_model(small), price=PerCall(0), max_concurrency=4, context_window=999),
        frontier=Tier(
            keyed(frontier, temperature=0.5),
            price=Power(300, 0.3),
            inputs={"image"},
            timeout=9,
        ),
        fallbacks=[keyed(frontier)],
        verify=short,
        threshold=0.25,
        sticky=None,
        budgets=[Budget(calls=5, per="day")],
        audit=Audit(share=0.5, judge="frontier"),
        callbacks=[Ledger(tmp_path / "ledger.sqlite3")],
        tags=["team"],
    )
    try:
        spec = router.spec()
    finally:
        router.close_audits()
    assert RouterSpec.from_toml(spec.to_toml()) == pickle.loads(pickle.dumps(spec)) == spec
    assert SECRET not in spec.to_toml()
    assert spec.verify == f"{__name__}:short"
    assert spec.tiers[1].settings["api_key_env"] == "TEAM_KEY"
    again = spec.build(callbacks=[])
    try:
        once = again.spec()
        assert [each.settings for each in once.tiers] == [each.settings for each in spec.tiers]
        assert once.verify == spec.verify
        assert once.budgets[0]["store"] == spec.database  # the database is its default
        assert repr(again) == repr(router)
        assert again.invoke("Hello").text == "a small answer"
    finally:
        again.close_audits()


SHADOW = """
[[tiers]]
model = "ollama:a"
[[tiers]]
model = "ollama:b"

[shadow]
share = 0.25
url = "costs.sqlite3"
judge = "frontier"

[[shadow.rungs]]
verify = "none"
name = "loose"

[[shadow.rungs]]
threshold = 0.3
"""


def test_a_shadow_and_its_rungs_stand_in_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = RouterSpec.from_toml(SHADOW)
    router = spec.build()
    try:
        assert router.shadow == Shadow(
            share=0.25,
            url="costs.sqlite3",
            judge="frontier",
            rungs=[Rung(verify=None, name="loose"), Rung(threshold=0.3)],
        )
        assert router.spec().shadow == spec.shadow
        assert RouterSpec.from_toml(router.spec().to_toml()).shadow == spec.shadow
    finally:
        router.close_audits()


def test_a_shadow_with_its_defaults_has_the_database_of_all(tmp_path):
    file = str(tmp_path / "costs.sqlite3")
    router = RouterSpec(tiers=("ollama:a", "ollama:b"), shadow=True, database=file).build([])
    assert router.shadow == Shadow(url=file)
    router.close_audits()
    off = RouterSpec(tiers=("ollama:a", "ollama:b"), shadow=False)
    assert RouterSpec.from_toml(off.to_toml()) == off
    assert off.build().shadow is None


def test_rungs_of_a_target_stand_in_a_file():
    rungs = [{"verify": "form"}, {"verify": "as set", "threshold": 0.3, "name": "strict"}]
    spec = RouterSpec(tiers=("ollama:a", "ollama:b"), audit={"target": 0.05, "rungs": rungs})
    router = RouterSpec.from_toml(spec.to_toml()).build()
    try:
        assert router.audit.rungs == [Rung(verify="form"), Rung(threshold=0.3, name="strict")]
        assert router.spec().audit["rungs"] == [rungs[0], {"threshold": 0.3, "name": "strict"}]
    finally:
        router.close_audits()


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"shadow": "none"}, "shadow has a str"),
        ({"shadow": 0.1}, "shadow has a float"),
        ({"audit": 0.02}, "audit has a float"),
        ({"budgets": [5]}, r"budgets\[0\] has a int"),
        ({"shadow": {"shares": 0.1}}, "'shares': a shadow has no such setting"),
        ({"shadow": {"share": 2}}, "share"),
        ({"shadow": {"rungs": ["form"]}}, "rungs has a str"),
        ({"shadow": {"rungs": [{"check": "form"}]}}, "'check': a rung has no such setting"),
        ({"shadow": {"rungs": "form"}}, "rungs"),
        ({"shadow": True, "audit": {"share": 0.1}}, "either shadow"),
    ],
)
def test_settings_of_audits_that_make_no_sense(values, named):
    with pytest.raises(ValueError, match=named):
        RouterSpec(tiers=("ollama:a", "ollama:b"), **values).build()


def test_a_factory_makes_the_whole_router():
    spec = RouterSpec(factory=f"{__name__}:made")
    router = spec.build()
    assert [tier.model_name for tier in router.ladder] == ["small-model", "frontier-model"]
    assert pickle.loads(pickle.dumps(spec)).build() is not router
    with pytest.raises(ConfigurationError, match="can't be imported"):
        RouterSpec(factory="nowhere_at_all:made").build()
    with pytest.raises(ConfigurationError, match="must make an AsymRouter"):
        RouterSpec(factory=f"{__name__}:frontier_tier").build()


def test_a_factory_makes_a_tier():
    tiers = (TierSpec("ollama:a"), TierSpec(factory=f"{__name__}:frontier_tier"))
    assert RouterSpec(tiers=tiers).build().ladder.last.price == Price(1, 2)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"verify": lambda attempt: True}, "verify"),
        ({"classify": lambda messages: 0.0}, "classify"),
        ({"callbacks": [RequestLog()]}, "callbacks"),
        ({"small": Tier("ollama:a", breaker=False)}, r"small\.breaker"),
    ],
)
def test_what_can_not_be_described_is_named(settings, named):
    router = AsymRouter(**{"small": "ollama:a", "frontier": "ollama:b", **settings})
    with pytest.raises(ConfigurationError, match=named):
        router.spec()


def test_a_secret_that_no_variable_holds_is_not_written(frontier):
    router = AsymRouter(small="ollama:a", frontier=keyed(frontier))
    with pytest.raises(ConfigurationError, match=r"frontier\.openai_api_key") as caught:
        router.spec()
    assert SECRET not in str(caught.value)
