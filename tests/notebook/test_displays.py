"""Routers, graphs and decisions show themselves: themes, plain text, no network."""

from __future__ import annotations

import re
import socket

import pytest
from langgraph.constants import END, START

from lc_asym_router import (
    Agreement,
    AsymRouter,
    Budget,
    ConfigurationError,
    Decision,
    PerCall,
    PerSecond,
    Power,
    Price,
    Tier,
)
from lc_asym_router.money.list_prices import ListPrice
from lc_asym_router.notebook import Record, show
from lc_asym_router.notebook.graph_drawing import edges_of, graph_svg
from lc_asym_router.notebook.markup import STYLE, SVG_STYLE, price, standalone
from lc_asym_router.records.call import usd
from tests.conftest import frontier_model, small_model
from tests.notebook.looking import drawn, safe

KEY = "sk-not-a-key"


def test_a_router(make):
    page = safe(make(verify=Agreement() & (lambda attempt: True), small_attempts=2))
    for told in (
        "small-model",
        "$0.05 / $0.08 per M tokens",
        "$2.50 / $10.00 per M tokens",
        "threshold 0.5",
        "keyword",
        "Agreement",
        "2 tries a tier",
        "try again",
    ):
        assert told in page.text
    assert KEY not in page.text


def test_limits_and_budgets_are_told(small, frontier):
    router = AsymRouter(
        small=Tier(
            small_model(small, num_ctx=8192, num_predict=100),
            price=PerCall(0),
            inputs=["image"],
            tools=False,
            source="my own machine",
            timeout=30,
            retry=2,
            max_concurrency=4,
        ),
        frontier=Tier(frontier_model(frontier), price=Price(2, 4), context_window=128000),
        budgets=[Budget(usd=5, per="day", max_output_tokens=500)],
        verify="form",
    )
    text = safe(router).text
    for told in ("127,500 tokens", "100 tokens", "500 tokens", "text, image, no tools", "free"):
        assert told in text
    assert "30 s a call, 2 tries where it fails, 4 at once" in text
    assert "my own machine" in text
    assert "5 usd per day" in text


@pytest.mark.parametrize("degrade", [False, True])
@pytest.mark.parametrize("spares", [0, 2])
@pytest.mark.parametrize("attempts", [1, 2])
@pytest.mark.parametrize("verify", ["default", None])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_drawing_is_the_graph(small, frontier, count, verify, attempts, spares, degrade):
    """Each line that is drawn is an edge of the compiled graph, and no node is left out."""
    names = [f"t{place}" for place in range(count)]
    tiers = [Tier(small_model(small), name) for name in names[:-1]]
    router = AsymRouter(
        tiers=[*tiers, Tier(frontier_model(frontier), names[-1])],
        verify=verify,
        small_attempts=attempts,
        fallbacks=[Tier(small_model(small), f"spare{place}") for place in range(spares)],
        degrade=degrade,
    )
    graph = router.graph.get_graph()
    real = {(edge.source, edge.target) for edge in graph.edges}
    lines = {(edge.source, edge.target) for edge in edges_of(router.policy)}
    assert lines <= real
    assert {name for line in lines for name in line} == set(graph.nodes)
    texts = drawn(standalone(graph_svg(router.policy)))
    assert {*names, "classify", "start", "end"} <= set(texts)
    assert ("verify" in texts) == (verify is not None)


def test_what_is_lit(make):
    svg = graph_svg(make().policy, {"small": "run", "classify": "done"}, [(START, "classify")])
    assert 'class="node run" data-node="small"' in svg
    assert 'class="node done" data-node="classify"' in svg
    assert svg.count('class="went"') == 1
    assert END  # the end is a circle


def test_the_graph_asks_no_web_service(make, monkeypatch):
    router = make()

    def refuse(*args, **kwargs):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert "verify" in safe(router.graph).text
    assert "verify" in safe(router).text
    copy = router.graph.with_config({"tags": ["mine"]})
    assert "text/html" in copy._repr_mimebundle_(include=None, exclude=None)


@pytest.mark.parametrize("complexity", [0.0, 0.3, 0.5, 1.0])
def test_a_decision(complexity):
    decision = Decision("small", complexity, 0.5, None, "mine", "because")
    page = safe(decision)
    assert "asked first: small" in page.text
    assert f"complexity {complexity:.3g}" in page.text
    assert "threshold 0.5" in page.text
    assert "because" in page.text


@pytest.mark.parametrize(
    ("classify", "asked"), [("keyword", "Please debug it."), ("learned", "Name one city.")]
)
def test_a_decision_tells_what_moved_it(make, classify, asked):
    """The words that were found, the features that counted: the same as `explain` draws."""
    router = make(classify=classify)
    page, explanation = safe(router.decide(asked)), router.explain(asked)
    assert explanation.parts
    assert explanation.parts[0].name in page.text
    assert explanation.decision.reason in page.text


def test_a_decision_without_a_classifier(make):
    page = safe(make().decide("hi", {"configurable": {"tier": "frontier"}}))
    assert "asked first: frontier" in page.text
    assert "svg" not in page.tags


def test_light_and_dark(make):
    """The system's wish, JupyterLab's theme and VS Code's each decide."""
    html = make()._repr_html_()
    for rule in (
        "@media (prefers-color-scheme:dark)",
        '[data-jp-theme-light="true"] .lcar',
        '[data-jp-theme-light="false"] .lcar',
        "body.vscode-dark .lcar",
    ):
        assert rule in html
    assert "@media (prefers-color-scheme:dark)" in SVG_STYLE
    used = set(re.findall(r"var\((--\w+)\)", STYLE))
    for theme in re.findall(r"\{(--ink[^}]*)\}", STYLE):
        assert used == set(re.findall(r"(--\w+):", theme))
    assert "http" not in STYLE
    assert "@import" not in STYLE
    assert "url(" not in STYLE


def test_everything_names_itself_to_a_screen_reader(make):
    page = safe(make())
    names = [value for tag, name, value in page.attributes if name == "aria-label"]
    assert names == ["A router"]
    assert "title" in page.tags


async def test_plain_text_holds_no_request_no_answer_and_no_key(make, small, frontier):
    secret = "the launch code is 4711"
    small.script(f"{secret}: 17 * 23 = 411")
    router = make()
    answer = await router.ainvoke(secret)
    things = [
        router,
        router.graph,
        router.decide(secret),
        router.explain(secret),
        Record.of(answer),
        await router.acompare(secret),
    ]
    for thing in things:
        for text in (repr(thing), str(thing), thing._repr_mimebundle_()["text/plain"]):
            assert "4711" not in text
            assert KEY not in text
            assert answer.text not in text
        assert KEY not in thing._repr_mimebundle_()["text/html"]


async def test_show_prints_where_there_is_no_notebook(make, escalated, capsys):
    router = make()
    for thing in (router, router.decide("hi"), escalated, escalated.response_metadata["router"]):
        show(thing)
    printed = capsys.readouterr().out
    assert "AsymRouter(" in printed
    assert "Decision(" in printed
    assert printed.count("attempt 1: small") == 2
    with pytest.raises(ConfigurationError, match="can't be shown"):
        show(3)


def test_prices_and_amounts_are_read_as_they_are():
    assert price(None) == "price unknown"
    assert price(Price(0, 0)) == price(PerCall(0)) == "free"
    assert price(PerCall(0.002)) == "$0.002 a call"
    assert price(PerSecond(0.6 / 3600)) == "$0.60 an hour"
    assert price(Power(150, 0.3)) == "150 W at $0.3 per kWh"
    assert price(ListPrice("openai", "gpt-4o")) == "list price of openai"
    told = {
        None: "unknown",
        0: "$0.00",
        12.345: "$12.35",
        0.25: "$0.25",
        -0.00001234: "-$0.0000123",
    }
    assert {amount: usd(amount) for amount in (*told, 3e-9)} == {**told, 3e-9: "$0.000000003"}
