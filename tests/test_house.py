"""The house's floors: imports only go down, and an import that goes up makes the contract fail."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BESIDE = {"behaviour", "benchmarks", "browser", "docs", "notebooks", "servers", "typing"}
"""Folders of tests that are no package's."""
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


def test_the_tests_mirror_the_packages():
    """Folder for folder; beside them what is no package's own: scenarios, benchmarks, servers, ..."""
    folders = {each.name for each in (ROOT / "tests").iterdir() if (each / "__init__.py").exists()}
    packages = {each.parent.name for each in (ROOT / "lc_asym_router").glob("*/__init__.py")}
    assert folders - packages == BESIDE
    assert packages <= folders


def test_no_file_is_two_concerns_long():
    package = ROOT / "lc_asym_router"
    files = package.rglob("*.py")
    long = {str(file): n for file in files if (n := len(file.read_text().splitlines())) > 400}
    assert not long


def names_of(node: ast.stmt) -> list[str]:
    """The classes, functions and types that a statement of a module defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        made = [target.id for target in node.targets if isinstance(target, ast.Name)]
        return [name for name in made if re.match("[A-Z][a-z]", name)]
    return []


def test_no_two_modules_or_public_names_are_alike():
    """A command's file has its command's name, a function of a protocol its part's."""
    modules: dict[str, list[str]] = {}
    names: dict[str, list[str]] = {}
    for path in sorted((ROOT / "lc_asym_router").rglob("*.py")):
        place = path.relative_to(ROOT).with_suffix("").as_posix()
        if any(part in place for part in ("/shell/", "/versions/", "__init__", "__main__")):
            continue
        modules.setdefault(path.stem, []).append(place)
        if "/protocols/" in place:
            continue
        for node in ast.parse(path.read_text()).body:
            for name in names_of(node):
                names.setdefault(name, []).append(place)
    alike = {
        name: places
        for found in (modules, names)
        for name, places in found.items()
        if len(places) > 1 and not name.startswith("_")
    }
    del alike["save"]  # of rows, and of a picture: users import both
    assert alike == {}
