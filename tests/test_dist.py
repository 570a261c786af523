"""`make dist`'s check of contents sees what is missing and what is too much; one version everywhere."""

from __future__ import annotations

import tomllib

import pytest

from lc_asym_router import __version__
from tests.dist import ROOT, differences, expected

PACKAGE = {"lc_asym_router/__init__.py", "lc_asym_router/py.typed", "lc_asym_router/a/w.json"}
WHEEL = PACKAGE | {"lc_asym_router-1.dist-info/METADATA"}
ARCHIVE = PACKAGE | {"README.md", "PKG-INFO"}


def test_what_is_as_it_should_be():
    assert differences(WHEEL, ARCHIVE, PACKAGE) == []


@pytest.mark.parametrize(
    ("wheel", "archive", "says"),
    [
        (WHEEL - {"lc_asym_router/a/w.json"}, ARCHIVE, "the wheel lacks lc_asym_router/a/w.json"),
        (WHEEL, ARCHIVE - {"lc_asym_router/py.typed"}, "the archive lacks lc_asym_router/py.typed"),
        (WHEEL | {"tests/a.py"}, ARCHIVE, "the wheel has tests/a.py"),
        (WHEEL | {"lc_asym_router/a/__pycache__/a.pyc"}, ARCHIVE, "the wheel has lc_asym_router/a"),
        (WHEEL, ARCHIVE | {"notes.txt"}, "the archive has notes.txt"),
    ],
)
def test_a_difference_is_named(wheel, archive, says):
    (fault,) = differences(wheel, archive, PACKAGE)
    assert fault.startswith(says)


def test_the_packages_own_files_are_python_and_data():
    package = expected()
    assert differences(package, package, package) == []
    assert {"lc_asym_router/py.typed", "lc_asym_router/classify/learned.json"} <= package


def test_one_version():
    written = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert written == __version__
    assert f"## {written}" in (ROOT / "CHANGELOG.md").read_text()
