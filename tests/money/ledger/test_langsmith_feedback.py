"""LangSmith's feedback, read by its own client from a server that speaks its endpoints."""

from __future__ import annotations

import sqlite3
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from langsmith import Client
from langsmith.utils import LangSmithNotFoundError

from lc_asym_router import Audit, ConfigurationError, Ledger
from lc_asym_router.money.ledger import FeedbackCounts
from tests.conftest import record
from tests.servers.langsmith import LangSmithServer


@pytest.fixture(scope="module")
def langsmith():
    server = LangSmithServer()
    yield server
    server.close()


@pytest.fixture
def client(langsmith):
    langsmith.feedback.clear()
    made = Client(api_url=langsmith.url, api_key="x", auto_batch_tracing=False)
    yield made
    made.close()


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "costs.sqlite3") as made:
        yield made


def rated(client, run_id, score, key="user_score", **more):
    """Give feedback as an application does; returns its id."""
    project = client.read_project(project_name="production").id
    more |= {"session_id": project, "trace_id": uuid.UUID(run_id)}
    return client.create_feedback(uuid.UUID(run_id), key=key, score=score, **more).id


def test_scores_stand_beside_the_routers_own_once_each(make, client, ledger):
    router = make(callbacks=[ledger], audit=Audit(share=1.0))
    good, bad = (record(router.invoke(text)) for text in ("hi", "Please DEBUG my code"))
    rated(client, good["run_id"], True)
    changed = rated(client, bad["run_id"], 0.0)
    rated(client, good["run_id"], 0.1, key="conciseness")
    router.feedback(good["run_id"], 0.5)
    read = {"project": "production", "key": "user_score"}
    assert ledger.read_feedback(client, **read) == FeedbackCounts(stored=2)
    # Again, and by another process: nothing twice; a score that was changed is the new one.
    client.update_feedback(changed, score=0.4)
    assert ledger.read_feedback(client, **read) == FeedbackCounts(stored=2)
    rows = {row["tier"]: row for row in ledger.rows("tier")}
    assert (rows["small"]["feedback"], rows["small"]["feedback_score"]) == (2, 0.75)
    assert (rows["frontier"]["feedback"], rows["frontier"]["feedback_score"]) == (1, 0.4)
    # Apart from the audits: no rate, no bound, no call.
    assert router.flush_audits()
    assert router.audits.all.audited == 1
    assert rows["small"]["requests"] == 1


def test_what_is_no_score_of_a_request_is_counted_and_left_out(make, client, ledger):
    run_id = record(make(callbacks=[ledger]).invoke("hi"))["run_id"]
    rated(client, run_id, 4, comment="a secret")
    rated(client, run_id, 7)
    rated(client, run_id, None, value="fine")
    rated(client, str(uuid.uuid4()), 5)
    found = ledger.read_feedback(client, project="production", key="user_score", scale=(1, 5))
    assert found == FeedbackCounts(stored=1, other_runs=1, unscored=1, off_scale=1)
    (row,) = ledger.rows()
    assert (row["feedback"], row["feedback_score"]) == (1, 0.75)
    with sqlite3.connect(ledger.file) as connection:
        assert connection.execute("SELECT comment FROM asym_feedback").fetchall() == [(None,)]


def test_many_pages_and_a_day_to_begin_with(make, client, ledger, langsmith):
    run_id = record(make(callbacks=[ledger]).invoke("hi"))["run_id"]
    for number in range(250):
        old = datetime.now(UTC) - timedelta(days=1 + number % 2 * 9)
        made = {"id": str(uuid.uuid4()), "run_id": run_id, "trace_id": run_id, "key": "user_score"}
        more = dict.fromkeys(("created_at", "modified_at"), old.isoformat()) | {"score": 1.0}
        langsmith.feedback[made["id"]] = {**made, **more, "session_id": langsmith.project_id}
    found = ledger.read_feedback(client, project="production", key="user_score", since="7d")
    assert found.stored == 125
    assert ledger.read_feedback(client, project="production", key="user_score").stored == 250
    assert ledger.rows()[0]["feedback"] == 250


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"client": object()}, r"langsmith\.Client"),
        ({"project": ""}, "project's name"),
        ({"key": None}, "key's name"),
        ({"scale": (1, 1)}, "worst and the best"),
        ({"scale": "01"}, "worst and the best"),
        ({"scale": (0, float("inf"))}, "worst and the best"),
        ({"since": "soon"}, "no date"),
    ],
)
def test_what_makes_no_sense(client, ledger, more: dict[str, Any], says):
    given = {"client": client, "project": "production", "key": "user_score"} | more
    with pytest.raises(ConfigurationError, match=says):
        ledger.read_feedback(given.pop("client"), **given)


def test_a_project_that_langsmith_does_not_have(client, ledger):
    with pytest.raises(LangSmithNotFoundError, match="elsewhere"):
        ledger.read_feedback(client, project="elsewhere", key="user_score")
