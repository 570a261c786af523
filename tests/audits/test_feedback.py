"""What users thought of answers: kept by the ledger, beside the audits."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

import pytest

from lc_asym_router import ConfigurationError, Ledger
from lc_asym_router.errors import InvalidRequestError
from lc_asym_router.records.handlers import Feedback, RecordsOnly
from tests.conftest import record


def test_the_ledgers_report_has_users_scores_by_tier(make, small, tmp_path):
    with Ledger(tmp_path / "costs.sqlite3") as ledger:
        router = make(callbacks=[ledger])
        one = record(router.invoke("hi"))
        other = record(router.invoke("Please DEBUG my code"))
        router.feedback(one["run_id"], 0.5, "could be better")
        router.feedback(one["run_id"], 1)
        router.feedback(other["id"], 0.0)
        router.feedback(str(uuid.uuid4()), 0.0)  # of nobody's request
        rows = {row["tier"]: row for row in ledger.rows("tier")}
        (whole,) = ledger.rows()
    assert (rows["small"]["feedback"], rows["small"]["feedback_score"]) == (2, 0.75)
    assert (rows["frontier"]["feedback"], rows["frontier"]["feedback_score"]) == (1, 0.0)
    assert whole["feedback"] == 3
    # No audit takes notice of them, and they are no calls.
    assert (whole["audit_calls"], whole["calls"]) == (0, 2)


@pytest.mark.parametrize("keep_text", [False, True])
def test_comments_are_kept_only_where_texts_are(make, tmp_path, keep_text):
    file = tmp_path / "costs.sqlite3"
    with Ledger(file, keep_text=keep_text) as ledger:
        router = make(callbacks=[ledger])
        router.feedback("a run", 0.5, "could be better")
    with sqlite3.connect(file) as connection:
        kept = connection.execute("SELECT comment FROM asym_feedback").fetchall()
    assert kept == [("could be better" if keep_text else None,)]


def test_any_handler_may_take_it_and_a_failing_one_harms_nobody(make, caplog):
    class Taker(RecordsOnly):
        def __init__(self) -> None:
            self.found: list[Feedback] = []

        def on_router_feedback(self, feedback: Feedback) -> None:
            self.found.append(feedback)

    class Failing(Taker):
        def on_router_feedback(self, feedback: Feedback) -> None:
            raise RuntimeError("no")

    taker = Taker()
    make(callbacks=[Failing(), taker]).feedback("a run", 1, "a secret")
    assert taker.found == [Feedback("a run", 1.0, "a secret")]
    assert "a secret" not in repr(taker.found)
    assert "Failing failed" in caplog.text


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan"), True, "good", None])
def test_a_score_outside_of_its_range(make, tmp_path, score: Any):
    with (
        Ledger(tmp_path / "costs.sqlite3") as ledger,
        pytest.raises(InvalidRequestError, match="0 \\(bad\\) to 1"),
    ):
        make(callbacks=[ledger]).feedback("a run", score)


def test_feedback_without_an_id_or_without_anybody_who_keeps_it(make):
    with pytest.raises(InvalidRequestError, match="run_id"):
        make().feedback("", 1.0)
    with pytest.raises(ConfigurationError, match="Ledger"):
        make().feedback("a run", 1.0)
