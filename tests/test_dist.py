"""`make dist`'s check of contents sees what is missing and what is too much; one version everywhere."""

from __future__ import annotations

import runpy
import sys
import tomllib
from types import SimpleNamespace
from typing import Any

import pytest

from lc_asym_router import __version__
from tests.dist import ROOT, differences, expected, page_faults

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


@pytest.fixture
def build_hook(monkeypatch) -> dict[str, Any]:
    """What hatch_build.py defines; the build backend is not installed here."""
    interface = SimpleNamespace(MetadataHookInterface=object)
    monkeypatch.setitem(sys.modules, "hatchling.metadata.plugin.interface", interface)
    return runpy.run_path(str(ROOT / "hatch_build.py"))


def page(hook: dict[str, Any], urls: dict[str, str]) -> str:
    """The METADATA of a package with these addresses."""
    metadata: dict[str, Any] = {"version": "1.2.3", "urls": urls}
    made = hook["Readme"]()
    made.root = str(ROOT)
    made.update(metadata)
    heads = [f"Project-URL: {name}, {url}" for name, url in urls.items()]
    return "\n".join(["Name: lc-asym-router", *heads, "", metadata["readme"]["text"]])


def test_with_an_address_every_link_of_the_page_leads_to_the_versions_tag(build_hook):
    shown = page(build_hook, {"Source": "https://example.org/team/router/"})
    assert page_faults(shown) == []
    address = "https://example.org/team/router"
    assert f"]({address}/blob/v1.2.3/docs/start/install.md)" in shown
    assert f"]({address}/raw/v1.2.3/docs/cost_quality.png)" in shown
    assert page_faults(shown + "[lost](docs/lost.md)")


def test_without_an_address_the_readme_is_as_it_is(build_hook):
    shown = page(build_hook, {})
    assert shown.endswith((ROOT / "README.md").read_text("utf-8"))
    assert page_faults(shown) == []


def test_links_that_are_absolute_stay(build_hook):
    text = "[a](https://a.org/b) [c](#d) ![e [f]](g.png)"
    assert build_hook["with_absolute_links"](text, "https://h.org", "1") == (
        "[a](https://a.org/b) [c](#d) ![e [f]](https://h.org/raw/v1/g.png)"
    )
