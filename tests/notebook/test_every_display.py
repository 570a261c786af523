"""What holds for every display: no network, both themes, plain text in a terminal."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from lc_asym_router import Ledger, TiersFailedError
from lc_asym_router.notebook import Record, Report, plot_frontier, plot_ledger, threshold_slider
from lc_asym_router.notebook.markup import STYLE
from lc_asym_router.notebook.showing import Picture
from tests.decompose.world import WHOLE, World, plan_of
from tests.notebook.conftest import WRONG
from tests.notebook.looking import safe


@pytest.fixture
async def everything(make, small, frontier, evaluation, tmp_path) -> dict[str, Any]:
    """Each thing that shows itself, by name."""
    small.script(WRONG)
    with Ledger(tmp_path / "ledger.sqlite3") as ledger:
        router = make(callbacks=[ledger])
        answer = router.invoke("What is 17 times 23?")
        found = {
            "a router": router,
            "its graph": router.graph,
            "a decision": router.decide("debug it"),
            "an explanation": router.explain("debug it"),
            "a comparison": router.compare("hi"),
            "a record": Record.of(answer),
            "a report": Report.of(ledger),
            "a slider": threshold_slider(evaluation),
            "a curve": plot_frontier(evaluation),
            "a bill": plot_ledger(ledger),
        }
        with pytest.raises(TiersFailedError) as raised:
            router.invoke("hi", {"configurable": {"deadline": 1e-6}})
        found["an error"] = Record.of(raised.value)
    world = World()
    found["a split record"] = Record.of(world.decomposer(plan_of([[], [0]])).invoke(WHOLE))
    world.close()
    return found


async def test_none_asks_the_network(everything, monkeypatch):
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("the network was asked")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for thing in everything.values():
        assert thing._repr_mimebundle_()["text/plain"]
        if not isinstance(thing, Picture):  # a PNG, in the bundle itself
            safe(thing)  # nor would the reader's browser ask it


async def test_each_has_its_colours_for_light_and_dark(everything):
    for name, thing in everything.items():
        if not isinstance(thing, Picture):
            assert STYLE in thing._repr_html_(), name


async def test_in_a_terminal_each_is_text(everything):
    for name, thing in everything.items():
        text = thing._repr_mimebundle_()["text/plain"]
        assert text == repr(thing) == str(thing), name
        assert text.isprintable() or "\n" in text, name
        assert "</" not in text, name
