"""A batch in Ray's actors: on a real Ray of this machine."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import pyarrow
import pytest

from lc_asym_router import ConfigurationError, Ledger, RouterSpec, TierSpec
from lc_asym_router.batch import ray as batch_ray
from lc_asym_router.batch.on_ray import Actor, Asker, IdJournal
from lc_asym_router.errors import DataError
from lc_asym_router.shell import main
from tests.servers import Reply

BUDGET = ({"calls": 1, "per": "day"},)


@pytest.fixture
def spec(small, frontier, tmp_path):
    def reply(body):
        text = str(body["messages"][-1]["content"])
        return Reply(status=400, error="no") if "fails" in text else f"echo {text}"

    small.default = frontier.default = reply
    return RouterSpec(
        tiers=(
            TierSpec("ollama:small-model", settings={"base_url": small.url}),
            TierSpec("ollama:frontier-model", settings={"base_url": small.url}),
        ),
        verify="form",
        budgets=({"calls": 40, "per": "day"},),
        database=f"sqlite:///{tmp_path / 'shared.sqlite3'}",
    )


@pytest.mark.full
def test_rows_in_actors(spec, small, tmp_path, capsys, monkeypatch):
    """Rows, failures, the ledger, the shared budget, and going on by row ids: one start of Ray."""
    import ray

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        data = ray.data.from_items(
            [{"id": n, "text": "fails" if n == 3 else f"row {n}"} for n in range(12)]
        )
        asked = {"journal": tmp_path / "journal", "row_id": "id", "batch_size": 3}
        found = batch_ray(spec, data, **asked).take_all()
        by_id = {row["id"]: row for row in found}
        assert sorted(by_id) == list(range(12))
        assert by_id[0]["answer"] == "echo row 0"
        assert by_id[3]["error"].startswith("No tier could answer this request")
        with Ledger(spec.database) as ledger:
            assert ledger.rows()[0]["requests"] == 12
        count = len(small.requests)
        assert count == 13
        small.default = "now"
        again = {row["id"]: row["answer"] for row in batch_ray(spec, data, **asked).take_all()}
        assert (again[0], again[3], len(small.requests)) == ("echo row 0", "now", count + 1)
        rows, router = tmp_path / "rows.jsonl", tmp_path / "router.toml"
        rows.write_text("".join(json.dumps({"n": n, "text": f"t {n}"}) + "\n" for n in range(30)))
        router.write_text(spec.to_toml())
        command = ["batch", str(rows), "--out", str(tmp_path / "out.jsonl"), "--engine", "ray"]
        assert main([*command, "--router", str(router), "--json"]) == 3
        result = json.loads(capsys.readouterr().out)
        assert (result["answered"], result["failed"]) == (26, 4)  # of 40 calls, 14 are used
        lines = (tmp_path / "out.jsonl").read_text().splitlines()
        assert [json.loads(line)["n"] for line in lines] == list(range(30))
        errors = {json.loads(line)["error"] for line in lines} - {None}
        assert all("The budget 'day'" in error for error in errors)
    finally:
        ray.shutdown()


def test_what_an_actor_makes_of_a_batch_of_rows(spec, small, tmp_path):
    """As Ray calls it: a table in, the table with answers out, and the ledger written."""
    table = pyarrow.Table.from_pylist(
        [{"id": n, "text": "fails" if n == 1 else f"row {n}"} for n in range(3)]
    )
    asker = Asker(spec, "{text}", None, None, "", 2, tmp_path / "journal", "id")
    found = Actor(asker)(table).to_pylist()
    assert [row["answer"] for row in found] == ["echo row 0", None, "echo row 2"]
    assert found[1]["error"].startswith("No tier could answer this request")
    assert [row["tier"] for row in found] == ["small", None, "small"]
    with Ledger(spec.database) as ledger:
        assert ledger.rows()[0]["requests"] == 3
    small.reset()
    small.default = "now"
    again = Actor(asker)(table).to_pylist()
    assert [row["answer"] for row in again] == ["echo row 0", "now", "echo row 2"]
    assert len(small.requests) == 1
    used_up = Actor(replace(asker, journal=None, spec=replace(spec, budgets=BUDGET)))(table)
    assert all("The budget 'day'" in row["error"] for row in used_up.to_pylist())
    assert pickle.loads(pickle.dumps(asker)) == asker


def test_the_journal_of_actors(tmp_path):
    first, second = (IdJournal(tmp_path, "a") for _ in range(2))
    first.add("1", {"answer": "one"})
    second.add("2", {"answer": "two"})
    (path, _) = sorted(tmp_path.glob("*.jsonl"))
    path.write_bytes(path.read_bytes() + b'{"id": "3", "resu')
    found = IdJournal(tmp_path, "a")
    assert [found.get(id_) for id_ in "123"] == [{"answer": "one"}, {"answer": "two"}, None]
    with pytest.raises(DataError, match="another router"):
        IdJournal(tmp_path, "b")


def test_ray_needs_a_description(spec, tmp_path, capsys):
    assert main(["batch", "a.jsonl", "--out", "b.jsonl", "--engine", "ray"]) == 2
    assert "--router FILE" in capsys.readouterr().err
    router = tmp_path / "router.toml"
    router.write_text(spec.to_toml())
    command = ["batch", "a.jsonl", "--out", "b.jsonl", "--engine", "ray", "--router", str(router)]
    assert main([*command, "--max-usd", "1"]) == 2
    assert "for one process" in capsys.readouterr().err


def test_without_ray_it_says_what_to_install(spec, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(ConfigurationError, match=r"lc-asym-router\[ray\]"):
        batch_ray(spec, None)
