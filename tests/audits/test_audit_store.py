"""Counts of audits: what they come to, and several writers of one database."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router import ConfigurationError
from lc_asym_router.audits.audit_store import AuditStore
from lc_asym_router.audits.bound import Stratum, upper_bound
from lc_asym_router.audits.counts import FIELDS, Cell, add_counts, report_of

DAY = "2026-01-31"


def cell(phase: str = "share", probability: float = 0.1, by: str = "all", value: str = "") -> Cell:
    return Cell(by, value, DAY, phase, probability)


def test_eight_writers_share_one_database(tmp_path):
    file, failed = tmp_path / "audits.sqlite3", []
    more = dict.fromkeys(FIELDS, 1)

    def write(number: int) -> None:
        store = AuditStore(file)
        for _ in range(5):
            store.add([cell(), cell(by="tag", value=f"team-{number % 2}")], more)
            if not store.flush():
                failed.append(number)
        store.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    store = AuditStore(file)
    assert store.flush()
    found = store.counts()
    store.close()
    assert not failed
    assert found[cell()] == dict.fromkeys(FIELDS, 40)
    assert found[cell(by="tag", value="team-1")]["requests"] == 20


def test_counts_outlive_a_database_that_is_away(tmp_path):
    folder = tmp_path / "taken"
    folder.write_text("a file where a folder should be")
    store = AuditStore(folder / "audits.sqlite3")
    store.add([cell()], {"requests": 3})
    assert not store.flush()
    folder.unlink()
    assert store.flush()
    assert store.counts()[cell()]["requests"] == 3
    other = AuditStore(folder / "audits.sqlite3")
    assert other.flush()
    assert other.counts() == store.counts()
    store.close()
    other.close()


@pytest.mark.parametrize("away", ["deleted", "moved", "emptied"])
def test_a_file_that_was_deleted_or_replaced_is_noticed(tmp_path, away):
    file = tmp_path / "audits.sqlite3"
    store = AuditStore(file)
    store.add([cell()], {"requests": 3})
    assert store.flush()
    if away == "moved":
        file.rename(tmp_path / "away.sqlite3")
    for each in tmp_path.glob("audits.sqlite3*"):
        each.unlink()
    if away == "emptied":
        file.touch()
    store.add([cell()], {"requests": 2})
    assert store.flush()
    store.close()
    other = AuditStore(file)
    assert other.flush()
    assert other.counts()[cell()]["requests"] >= 2  # and not to a file that nobody can open
    other.close()


def test_an_address_that_is_none():
    with pytest.raises(ConfigurationError):
        AuditStore("mysql://host/database")


def test_the_estimate_is_weighted_and_the_rest_is_counted_apart():
    counts: dict[Cell, dict[str, int]] = {}
    add_counts(
        counts,
        [cell("first", 1.0)],
        {"requests": 100, "drawn": 100, "compared": 100, "judged": 100, "differs": 10, "worse": 5},
    )
    add_counts(
        counts,
        [cell("share", 0.1)],
        {"requests": 900, "drawn": 90, "compared": 80, "judged": 78, "differs": 4, "worse": 1},
    )
    add_counts(counts, [cell("uncovered", 0.0)], {"requests": 7})
    whole = report_of(counts).all
    assert whole is not None
    assert (whole.answers, whole.audited, whole.incomparable, whole.uncovered) == (1000, 190, 10, 7)
    assert whole.differs.estimate == pytest.approx((10 + 4 / 0.1) / (100 + 80 / 0.1))
    # Those that nobody has judged count as worse.
    assert (whole.worse.seen, whole.unjudged) == (8, 2)
    alone = upper_bound([Stratum(100, {1.0: 10}), Stratum(900, {1.0: 4}, 0.1)], 0.955)
    # What can't be compared makes the bound wider, never narrower.
    assert whole.differs.estimate < alone < whole.differs.at_most < 1
    assert "7 could not be audited" in str(whole)


@given(
    st.integers(1, 300).flatmap(
        lambda drawn: st.tuples(st.just(drawn), st.integers(0, drawn), st.integers(0, drawn))
    )
)
def test_a_bound_is_over_its_rate_and_worse_is_never_over_differs(given):
    drawn, compared, differs = given[0], max(given[1:]), min(given[1:])
    counts: dict[Cell, dict[str, int]] = {}
    row = {"requests": drawn, "drawn": drawn, "compared": compared, "differs": differs}
    add_counts(counts, [cell("first", 1.0)], {**row, "judged": compared - differs})
    whole = report_of(counts).all
    assert whole is not None
    assert whole.worse == whole.differs
    if compared:
        assert whole.differs.estimate is not None
        assert whole.differs.at_most >= whole.differs.estimate
    else:
        assert whole.differs.at_most == 1.0


def test_how_many_audits_it_would_take():
    counts: dict[Cell, dict[str, int]] = {}
    row = {"requests": 200, "drawn": 200, "compared": 200, "judged": 200, "differs": 2}
    add_counts(counts, [cell("first", 1.0)], row)
    report = report_of(counts)
    needed = report.audits_needed(0.03)
    assert needed is not None
    assert 300 < needed < 700
    assert report.audits_needed(0.01) is None
    assert report_of({}).audits_needed(0.03) is None


# reading what is new ----------------------------------------------------------------------------

cells = st.builds(
    lambda by, value, phase: cell(phase, 0.5, by, str(value)),
    st.sampled_from(["all", "tier", "rung"]),
    st.integers(0, 3),
    st.sampled_from(["first", "share"]),
)


@settings(max_examples=15)
@given(events=st.lists(st.tuples(st.integers(0, 2), cells, st.booleans()), max_size=25))
def test_what_is_read_bit_by_bit_is_what_is_there(tmp_path_factory, events):
    """Three processes, one of which reads after each write and one only at the end."""
    file = tmp_path_factory.mktemp("bits") / "audits.sqlite3"
    stores = [AuditStore(file) for _ in range(3)]
    expected: dict[Cell, dict[str, int]] = {}
    for who, where, reads in events:
        stores[who].add([where], {"requests": 1, "drawn": 1})
        add_counts(expected, [where], {"requests": 1, "drawn": 1})
        assert stores[who].flush()
        if reads:
            assert stores[0].flush()
            assert stores[0].counts() == expected
    for store in stores:
        assert store.flush()
        assert store.counts() == expected
        tiers = {c.value for c in expected if c.by == "tier"}
        for tier in tiers:
            drawn = sum(
                r["drawn"] for c, r in expected.items() if (c.by, c.value) == ("tier", tier)
            )
            assert store.drawn(tier) == drawn
        store.close()


def test_a_flush_reads_what_was_changed_and_not_the_table(url):
    rows = [cell(by="tag", value=f"team-{number}") for number in range(500)]
    one, other = AuditStore(url), AuditStore(url)
    for store in (one, other):
        store.add(rows, {"requests": 1})
        assert store.flush()
    read = []
    for store in (one, other):
        inner = store._exchanged
        store._exchanged = lambda *given, inner=inner: read.append(inner(*given)) or read[-1]
    assert one.flush()
    assert len(read[-1][2]) == 500  # what the other has written since
    other.add(rows[:2], {"requests": 1})
    assert other.flush()
    assert len(read[-1][2]) == 2
    assert one.flush()
    assert len(read[-1][2]) == 2
    assert one.flush()
    assert not read[-1][2]
    assert one.counts() == other.counts()
    assert one.counts()[rows[0]]["requests"] == 3
    for store in (one, other):
        store.close()


def test_eight_writers_at_once_miss_nothing_of_each_other(url):
    """A number that is seen is never followed by a lower one: each has read all when it ends."""
    more, stores = {"requests": 1}, [AuditStore(url) for _ in range(8)]
    assert stores[0].flush()  # the tables are made

    def write(number: int) -> None:
        for turn in range(4):
            stores[number].add([cell(by="tag", value=f"{number}-{turn}"), cell()], more)
            assert stores[number].flush()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for store in stores:
        assert store.flush()
        assert store.counts()[cell()]["requests"] == 32
        assert len(store.counts(("tag",))) == 32
        store.close()
