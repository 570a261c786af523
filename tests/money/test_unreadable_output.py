"""A structured request whose output can't be read is a failed one in the report."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from lc_asym_router import Ledger
from lc_asym_router.errors import UnreadableOutputError
from lc_asym_router.records.handlers import RecordsOnly
from tests.servers import Reply


class City(BaseModel):
    name: str


GOOD, BAD = '{"name": "Paris"}', "I would say Paris."


@pytest.fixture(params=["caller", "router", "both"])
def asking(request, make, url):
    """A router and a config, of which either or both have the ledger."""
    ledger = Ledger(url)
    routed = make(verify=None, **({} if request.param == "caller" else {"callbacks": [ledger]}))
    config = {} if request.param == "router" else {"callbacks": [ledger]}
    yield routed, config, ledger
    ledger.close()


async def run(extract, how, config):
    if how == "ainvoke":
        return await extract.ainvoke("Which city?", config)
    if how == "stream":
        return list(extract.stream("Which city?", config))[-1]
    return extract.invoke("Which city?", config)


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream"])
async def test_the_report_counts_it_as_failed(asking, small, frontier, how):
    routed, config, ledger = asking
    extract = routed.with_structured_output(City)
    small.script(*[Reply(GOOD)] * 3)
    for _ in range(3):
        assert await run(extract, how, config) == City(name="Paris")
    small.script(Reply(BAD))
    frontier.script(Reply(BAD))
    with pytest.raises(UnreadableOutputError):
        await run(extract, how, config)
    row = ledger.rows()[0]
    assert (row["requests"], row["answered"], row["failed"], row["left"]) == (4, 3, 1, 0)
    assert row["share_small"] == 1
    assert row["unknown_cost"] == 0  # it was paid for
    assert row["unknown_saving"] == 1


def test_with_include_raw_too(make, small, frontier, tmp_path):
    ledger = Ledger(tmp_path / "l.sqlite3")
    extract = make(callbacks=[ledger]).with_structured_output(City, include_raw=True)
    small.script(Reply(BAD))
    frontier.script(Reply(BAD))
    found = extract.invoke("Which city?")
    assert isinstance(found["parsing_error"], UnreadableOutputError)
    assert found["parsing_error"].record["id"]
    assert ledger.rows()[0]["failed"] == 1
    ledger.close()


class Broken(RecordsOnly):
    """A handler that raises."""

    def on_router_record(self, finished):
        """Nothing."""

    def on_router_output_error(self, request_id, error):
        raise RuntimeError("no")


class Plain(RecordsOnly):
    """A handler that does not know of such errors."""

    def on_router_record(self, finished):
        """Nothing."""


def test_handlers_that_raise_or_do_not_know_it_take_nothing_down(make, small, frontier, caplog):
    extract = make(callbacks=[Broken(), Plain()]).with_structured_output(City)
    small.script(Reply(BAD))
    frontier.script(Reply(BAD))
    with pytest.raises(UnreadableOutputError):
        extract.invoke("Which city?")
    assert "Broken failed: RuntimeError" in caplog.text
