"""A path of a user's that is no regular file, or too large, is refused before it is read."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest

from lc_asym_router import LearnedClassifier, LearnedVerifier
from lc_asym_router._internal.imports import read_text
from lc_asym_router.batch.journal import Journal
from lc_asym_router.classify.calibration import LARGEST, Calibration
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.evals import load, row_files
from lc_asym_router.money import BudgetStore, Ledger
from lc_asym_router.shell import main

READERS: dict[str, Any] = {
    "a calibration": Calibration.load,
    "rows": load,
    "a classifier": lambda path: LearnedClassifier(path=path),
    "a verifier": lambda path: LearnedVerifier(model=path),
    "a journal": lambda path: Journal(path, "me"),
}


def special(kind: str, folder: Path) -> Path:
    if kind == "pipe":
        os.mkfifo(folder / "rows.jsonl")
        return folder / "rows.jsonl"
    if kind == "link":
        (folder / "rows.jsonl").symlink_to("/dev/zero")
        return folder / "rows.jsonl"
    return {"device": Path("/dev/zero"), "folder": folder, "missing": folder / "no"}[kind]


@pytest.mark.parametrize("kind", ["pipe", "link", "device", "folder"])
@pytest.mark.parametrize("reader", READERS)
def test_it_is_refused(reader: str, kind: str, tmp_path: Path) -> None:
    with pytest.raises((ConfigurationError, OSError)):
        READERS[reader](special(kind, tmp_path))


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_in_a_folder_of_rows_too(kind: str, tmp_path: Path) -> None:
    special(kind, tmp_path)
    with pytest.raises(ConfigurationError, match="no regular file"):
        load(tmp_path)


def test_the_shell_says_so(tmp_path: Path, capsys: Any) -> None:
    assert main(["evaluate", "--data", str(special("pipe", tmp_path))]) != 0
    assert "rows.jsonl" in capsys.readouterr().err


def test_a_large_calibration_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with open(path, "wb") as file:
        file.truncate(LARGEST + 1)  # sparse
    with pytest.raises(ConfigurationError, match="over 1000000"):
        Calibration.load(path)
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    with pytest.raises(ConfigurationError, match=r"RecursionError|JSONDecodeError"):
        Calibration.load(deep)


@pytest.mark.parametrize("packed", [True, False])
def test_a_row_without_an_end_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    monkeypatch.setattr(row_files, "LONGEST_LINE", 1_000)
    path = tmp_path / ("rows.jsonl.gz" if packed else "rows.jsonl")
    row = json.dumps({"query": "q", "weak_score": 1, "strong_score": 1})
    opener: Any = gzip.open if packed else open
    with opener(path, "wt") as file:
        file.write(f"{row}\n{' ' * 100_000}\n")
    with pytest.raises(ConfigurationError, match="line 2: over 1000 characters"):
        load(path)


def test_a_file_that_grows_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "grows"
    path.write_text("x" * 20)
    monkeypatch.setattr("lc_asym_router._internal.imports.refuse_irregular", lambda *_: None)
    with pytest.raises(OSError, match="over 10"):
        read_text(path, 10)


@pytest.mark.parametrize("kind", ["pipe", "device"])
@pytest.mark.parametrize("made", [Ledger, BudgetStore])
def test_a_database_is_a_regular_file(made: Any, kind: str, tmp_path: Path) -> None:
    path = special(kind, tmp_path)
    given = path if made is Ledger else f"sqlite:///{path}"
    with pytest.raises(ConfigurationError, match="no regular file"):
        made(given)
