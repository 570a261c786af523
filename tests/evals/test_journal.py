"""A journal has one run at a time, outlives crashes, and gives what can still be read."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.batch.journal import Journal
from lc_asym_router.batch.row_journal import RowJournal
from lc_asym_router.errors import DataError

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from lc_asym_router.batch.journal import Journal
journal = Journal(sys.argv[1], "maker")
journal.add({"key": "a", "n": 1})
print("open", flush=True)
time.sleep(60)
"""


def test_a_second_run_in_this_process_is_refused(tmp_path):
    path = tmp_path / "run.jsonl"
    with Journal(path, "maker") as first:
        first.add({"key": "a"})
        before = path.read_bytes()
        with pytest.raises(DataError, match="Another run is writing"):
            Journal(path, "maker")
        with pytest.raises(DataError, match="Another run is writing"):
            Journal(tmp_path / "." / "run.jsonl", "other")
        assert path.read_bytes() == before
        first.add({"key": "b"})
    with Journal(path, "maker") as later:
        assert set(later.entries) == {"a", "b"}


def test_a_second_process_is_refused_until_the_first_has_died(tmp_path):
    path = tmp_path / "run.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        with pytest.raises(DataError, match="Another run is writing"):
            Journal(path, "maker")
        os.kill(process.pid, signal.SIGKILL)  # no lock is left behind
        process.wait(10)
        with Journal(path, "maker") as journal:
            assert journal.entries == {"a": {"key": "a", "n": 1}}
    finally:
        process.kill()
        process.wait()


def test_a_forked_child_does_not_keep_the_lock(tmp_path):
    path = tmp_path / "run.jsonl"
    journal = Journal(path, "maker")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(read, 1)  # until the parent has looked
        os._exit(0)
    try:
        journal.__exit__(None, None, None)
        Journal(path, "maker").__exit__(None, None, None)
    finally:
        os.write(write, b"x")
        os.waitpid(child, 0)


@pytest.mark.parametrize("kind", [Journal, RowJournal])
def test_a_forked_child_has_no_copy_of_the_file(tmp_path, kind):
    """It would keep the lock where the parent is killed, and write what the parent had begun to."""
    with kind(tmp_path / "run.jsonl", "maker") as journal:
        child = os.fork()
        if child == 0:
            closed = journal._file.closed
            journal.__exit__(None, None, None)  # as an exception that leaves the block would
            os._exit(0 if closed else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with pytest.raises(DataError, match="Another run"):
            kind(tmp_path / "run.jsonl", "maker")


def test_a_refused_journal_is_not_locked(tmp_path):
    path = tmp_path / "run.jsonl"
    with Journal(path, "maker") as journal:
        journal.add({"key": "a"})
    with pytest.raises(DataError, match=r"another setting \(maker\), and this is other"):
        Journal(path, "other")
    Journal(path, "maker").__exit__(None, None, None)


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    "damage",
    [
        b"\0" * 20 + b"\n",
        b"\xff\xfe\n",
        b"{\n",
        b"[]\n",
        b"7\n",
        b'{"no": "key"}\n',
        b'{"key": 7}\n',
        b"[" * 100_000 + b"\n",
    ],
)
def test_damage_in_the_middle_costs_its_lines_alone(tmp_path, damage, caplog):
    path = tmp_path / "run.jsonl"
    with Journal(path, "maker") as journal:
        for key in "abcd":
            journal.add({"key": key})
    header, a, _, c, d = lines_of(path)
    path.write_bytes(header + a + damage + c + d)
    with caplog.at_level(logging.WARNING, "lc_asym_router"), Journal(path, "maker") as journal:
        assert set(journal.entries) == {"a", "c", "d"}
        assert journal.damaged == 1
        journal.add({"key": "b"})
    assert "1 of 4 lines are damaged" in caplog.text
    with Journal(path, "maker") as journal:
        assert set(journal.entries) == {"a", "b", "c", "d"}


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 400), st.integers(0, 60))
def test_bytes_anywhere_behind_the_first_line_lose_no_other_line(
    tmp_path_factory, junk, at, length
):
    path = tmp_path_factory.mktemp("journal") / "run.jsonl"
    entries = [{"key": f"k{number}", "n": number} for number in range(10)]
    with Journal(path, "maker") as journal:
        for entry in entries:
            journal.add(entry)
    header, *rest = lines_of(path)
    body = b"".join(rest)
    at = min(at, len(body))
    damaged = body[:at] + junk + body[at + length :]
    path.write_bytes(header + damaged)
    whole = [json.loads(line)["key"] for line in rest if b"\n" + line in b"\n" + damaged]
    with Journal(path, "maker") as journal:
        assert set(whole) <= set(journal.entries)
        journal.add({"key": "new"})
    with Journal(path, "maker") as journal:
        assert "new" in journal.entries


@pytest.mark.parametrize("kind", [Journal, RowJournal])
@pytest.mark.parametrize(
    "content",
    [b"no journal\n", b"{}\n", b"[1]\n", b"\n", b"\xff\n", b"without an end", b'{"a": 1}'],
)
def test_a_file_that_is_no_journal_stays_as_it_is(tmp_path, kind, content):
    path = tmp_path / "precious.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no journal"):
        kind(path, "maker")
    assert path.read_bytes() == content


@pytest.mark.parametrize("kind", [Journal, RowJournal])
def test_where_nothing_can_be_written_it_says_so(tmp_path, kind):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(DataError, match="can't be written"):
        kind(tmp_path / "file" / "run.jsonl", "maker")


@pytest.mark.parametrize("kind", [Journal, RowJournal])
@pytest.mark.parametrize("length", range(20))
def test_a_first_line_that_was_cut_off_is_begun_anew(tmp_path, kind, length):
    path = tmp_path / "run.jsonl"
    kind(path, "maker").__exit__(None, None, None)
    whole = path.read_bytes()
    path.write_bytes(whole[:length])
    kind(path, "another").__exit__(None, None, None)
    assert path.read_bytes() == whole.replace(b'maker"}', b'another"}')


def test_a_journal_of_version_0_2_is_taken_up(tmp_path):
    path = tmp_path / "run.jsonl"
    old = [
        {"journal": 1, "maker": "m"},
        {"key": "a", "n": 1},
        {"key": "ü", "n": 2},
        {"key": "a", "n": 3},
    ]
    path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in old))
    with Journal(path, "m") as journal:
        assert journal.entries == {"a": {"key": "a", "n": 3}, "ü": {"key": "ü", "n": 2}}
