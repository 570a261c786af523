"""The house's floors: imports only go down, and an import that goes up makes the contract fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UPWARD = "from lc_asym_router.graph.policy import Policy as Policy\n"


def linted(root: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=root,
        env={"PYTHONPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def house(tmp_path):
    shutil.copytree(
        ROOT / "lc_asym_router",
        tmp_path / "lc_asym_router",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_only_go_down(house):
    done = linted(house)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "line", [UPWARD, f"from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    {UPWARD}"]
)
def test_an_import_that_goes_up_fails_even_for_a_type(house, line):
    room = house / "lc_asym_router" / "records" / "trail.py"
    room.write_text(room.read_text() + line)
    done = linted(house)
    assert done.returncode != 0
    assert "lc_asym_router.records is not allowed to import lc_asym_router.graph" in done.stdout


def test_nothing_lies_loose_beside_the_packages():
    loose = {path.name for path in (ROOT / "lc_asym_router").iterdir() if path.is_file()}
    assert loose == {"__init__.py", "__main__.py", "errors.py", "py.typed"}


def test_no_file_is_two_concerns_long():
    package = ROOT / "lc_asym_router"
    files = package.rglob("*.py")
    long = {str(file): n for file in files if (n := len(file.read_text().splitlines())) > 400}
    assert not long
