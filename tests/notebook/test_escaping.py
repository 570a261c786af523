"""Nothing that a model, a user or a provider wrote can do anything in a display."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router import AsymRouter, Tier, TiersFailedError, Verdict
from lc_asym_router.notebook import Record, Report
from lc_asym_router.notebook.graph_drawing import graph_svg
from lc_asym_router.notebook.markup import standalone, tag
from lc_asym_router.notebook.timeline import timeline_svg
from tests.conftest import frontier_model, small_model
from tests.notebook.looking import EVIL, SEEN, drawn, harmless, safe
from tests.notebook.looking import Page as Html
from tests.servers import Reply

NAME = "<script>x</script>"


def evil_check(attempt):
    return Verdict(False, reason=EVIL, check=NAME)


@pytest.fixture
def evil(small, frontier):
    """A router whose every name is an attack."""
    return AsymRouter(
        tiers=[
            Tier(small_model(small).model_copy(update={"model": SEEN}), NAME, source=EVIL),
            Tier(frontier_model(frontier).model_copy(update={"model_name": SEEN}), "<b>top</b>"),
        ],
        classify="keyword",
        verify=evil_check,
    )


async def test_a_router_of_evil_names(evil):
    page = safe(evil)
    assert NAME in page.text
    assert SEEN in page.text
    assert NAME in safe(evil.graph).text


async def test_a_request_and_an_answer_of_evil_text(evil, small, frontier):
    frontier.default = Reply(SEEN)
    small.default = Reply(SEEN)
    asked = f"debug {SEEN}"
    page = safe(evil.explain(asked))
    assert SEEN in page.text
    assert "mark" in page.tags
    safe(evil.decide(asked))
    answer = await evil.ainvoke(f"hello {SEEN}")
    page = safe(Record.of(answer))
    assert page.text.count(SEEN) >= 2  # the answer, and the model's name
    assert SEEN in safe(await evil.acompare(asked)).text


async def test_an_error_of_evil_text(evil, small, frontier):
    small.script(Reply(status=500, error=SEEN))
    frontier.script(Reply(status=500, error=SEEN))
    with pytest.raises(TiersFailedError) as raised:
        await evil.ainvoke("hello")
    page = safe(Record.of(raised.value))
    assert "no tier" in page.text
    assert "the server failed" in page.text


def test_a_record_that_somebody_made_up():
    """A record can come from a file or a database: every text in it is foreign."""
    call = {"tier": EVIL, "model": EVIL, "check": EVIL, "reason": EVIL, "error": None}
    side = {"purpose": EVIL, "model": EVIL, "error": EVIL}
    record = Record.of(
        {
            "decision": {"tier": EVIL, "classifier": EVIL, "reason": EVIL, "complexity": 0.5},
            "attempts": [{**call, "passed": False}, {**call, "passed": True}, {"error": EVIL}],
            "side_calls": [side],
            "tier": EVIL,
        }
    )
    safe(record)
    drawn(standalone(timeline_svg(record)))


def test_a_report_of_evil_names():
    day = {"day": EVIL, "requests": 2, "answered": 2, f"share_{EVIL}": 1.0, "cost_usd": 1.0}
    report = Report.of([{**day, "failed_checks": {EVIL: 2}, "cost_by_model": {EVIL: 1.0}}])
    assert SEEN[:20] in safe(report).text


async def test_drawings_that_are_files_are_well_formed(evil, escalated):
    assert NAME in drawn(standalone(graph_svg(evil.policy)))
    assert "2 frontier" in drawn(standalone(timeline_svg(Record.of(escalated))))


@given(st.text(), st.text())
def test_no_text_breaks_out(inside, attribute):
    page = Html(tag("div", tag("p", inside), title=attribute))
    harmless(page)
    assert page.tags == ["div", "p"]
    drawn(tag("svg", tag("text", inside), xmlns="http://www.w3.org/2000/svg", id=attribute))
