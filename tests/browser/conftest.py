"""JupyterLab, Chromium, and where screenshots go."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from tests.browser.lab import Lab

DOCS = Path(__file__).parent.parent.parent / "docs"
WIDTH, HEIGHT = 1280, 900


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--screenshots", action="store_true", help="write the docs' screenshots into docs/"
    )


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with Lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium")
    assert path, "there is no chromium here; .ci/browser installs it"
    with sync_playwright() as playwright:
        # Root may not use Chromium's own sandbox.
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(lab: Lab, browser: Browser) -> Iterator[Callable[[str], Page]]:
    """Opens a notebook in JupyterLab, and asserts that nothing was fetched from anywhere else."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url))

    def open_notebook(name: str) -> Page:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(lab.address(name))
        page.locator(".jp-Notebook .jp-Cell").first.wait_for()
        page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()
        return page

    yield open_notebook
    context.close()
    outside = [url for url in asked if not url.startswith((lab.url, "data:", "blob:"))]
    assert not outside


@pytest.fixture(scope="session")
def picture(request: pytest.FixtureRequest) -> Callable[[Locator | Page, str], None]:
    """Takes a screenshot for the docs, where that is asked for."""
    wanted = request.config.getoption("--screenshots")

    def take(what: Locator | Page, name: str) -> None:
        if wanted:
            what.screenshot(path=DOCS / name)

    return take
