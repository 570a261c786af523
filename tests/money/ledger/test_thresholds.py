"""What another threshold would have cost, from the ledger alone."""

from __future__ import annotations

import json

import pytest

from lc_asym_router import ConfigurationError, Ledger
from lc_asym_router.shell import main
from tests.conftest import record


def score(messages):
    return float(messages[-1].text.split()[0])


def test_other_thresholds_from_what_ran(make, tmp_path, capsys):
    file = tmp_path / "costs.sqlite3"
    with Ledger(file) as ledger:
        router = make(callbacks=[ledger], classify=score, threshold=0.5)
        easy = record(router.invoke("0.2 easy"))
        middle = record(router.invoke("0.4 in the middle"))
        hard = record(router.invoke("0.8 hard"))
        rows = {row["threshold"]: row for row in ledger.thresholds([0.3, 0.5, 0.9, 0.0])}
        assert list(rows) == [0.0, 0.3, 0.5, 0.9]
    assert (easy["tier"], hard["tier"]) == ("small", "frontier")
    own = rows[0.5]
    assert own["requests"] == 3
    assert own["cost_usd"] == pytest.approx(
        easy["cost_usd"] + middle["cost_usd"] + hard["cost_usd"]
    )
    lower = rows[0.3]
    assert lower["cost_usd"] == pytest.approx(
        easy["cost_usd"] + middle["frontier_cost_usd"] + hard["cost_usd"]
    )
    assert lower["share_frontier_first"] == pytest.approx(2 / 3)
    assert rows[0.0]["share_saved"] == pytest.approx(0.0)
    # Nobody knows what the small tier would have made of the hard one.
    assert (rows[0.9]["requests"], rows[0.9]["not_seen"]) == (2, 1)
    assert rows[0.9]["share_saved"] > own["share_saved"]
    assert main(["report", "--url", str(file), "--thresholds"]) == 0
    assert "share saved" in capsys.readouterr().out
    assert main(["report", "--url", str(file), "--thresholds", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 11


def test_what_has_no_score_tells_nothing(make, tmp_path):
    with Ledger(tmp_path / "costs.sqlite3") as ledger:
        make(callbacks=[ledger], classify=None).invoke("hi")
        (row,) = ledger.thresholds([0.5])
        assert (row["requests"], row["cost_usd"], row["share_saved"]) == (0, None, None)


@pytest.mark.parametrize("given", [[], [1.5], [True], ["0.5"]])
def test_thresholds_that_are_none(tmp_path, given):
    with (
        Ledger(tmp_path / "costs.sqlite3") as ledger,
        pytest.raises(ConfigurationError, match="0, 1"),
    ):
        ledger.thresholds(given)
