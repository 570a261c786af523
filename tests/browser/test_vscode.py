"""The slider in VS Code's own widget renderer, in headless Chromium, against a real kernel.

VS Code itself is not run. This is the part of its Jupyter extension that draws ipywidgets, as it is
published by itself; what stands around it there, `vscode.js` stands in for.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.test_lab import luminance
from tests.notebook.test_slider import VIEW
from tests.notebook.test_slider_messages import STANDARD
from tests.notebooks.kernel import SLIDER, Kernel, of_kind

PACKAGES = {
    "@vscode/jupyter-ipywidgets8@1.0.9": "package/dist/ipywidgets.js",
    "requirejs@2.3.7": "package/require.js",
}
"""The renderer, and the loader that it registers its modules with; and the file that is used."""
HOST = "http://vscode.test"
PAGE = """<!doctype html><body class="vscode-dark"><div id="output"></div>
<script src="require.js"></script><script type="module" src="vscode.js"></script></body>"""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What the page is made of, by name."""
    npm = shutil.which("npm")
    assert npm, "npm fetches VS Code's widget renderer: install it, as .ci/browser does"
    folder = tmp_path_factory.mktemp("npm")
    packing = [npm, "pack", "--silent", "--pack-destination", str(folder), *PACKAGES]
    packed = subprocess.run(packing, check=True, capture_output=True, text=True, cwd=folder)
    found = {"vscode.js": (Path(__file__).parent / "vscode.js").read_bytes()}
    for archive, inside in zip(packed.stdout.split(), PACKAGES.values(), strict=True):
        with tarfile.open(folder / archive) as package:
            member = package.extractfile(inside)
            assert member
            found[Path(inside).name] = member.read()
    return found


@pytest.fixture
def page(browser: Browser, files: dict[str, bytes]) -> Iterator[Page]:
    """The webview; nothing comes from anywhere else."""
    context = browser.new_context()
    outside: list[str] = []
    errors: list[str] = []

    def serve(route: Route) -> None:
        name = route.request.url.removeprefix(f"{HOST}/")
        if name == "index.html":
            route.fulfill(body=PAGE, content_type="text/html")
        elif name in files:
            route.fulfill(body=files[name], content_type="text/javascript")
        else:
            outside.append(route.request.url)
            route.abort()

    context.route("**/*", serve)
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.goto(f"{HOST}/index.html")
    opened.wait_for_function("() => window.vscode")
    yield opened
    context.close()
    assert not errors
    assert not [url for url in outside if not url.endswith("favicon.ico")]


def deliver(page: Page, messages: list[dict[str, Any]], asked: str = "") -> None:
    """Hand the kernel's messages to the page."""
    plain = [
        {
            "header": {"msg_type": message["msg_type"]},
            "content": message["content"],
            "metadata": message["metadata"],
            "buffers": [base64.b64encode(buffer).decode() for buffer in message["buffers"]],
        }
        for message in of_kind(messages, "comm_open", "comm_msg", "status")
    ]
    page.evaluate("([id, messages]) => window.vscode.deliver(id, messages)", [asked, plain])


def hand_on(page: Page, kernel: Kernel) -> None:
    """Hand what the page has sent to the kernel, until both are quiet."""
    page.wait_for_function("() => window.vscode.sent.length")
    while sent := page.evaluate("() => window.vscode.take()"):
        for message in sent:
            deliver(page, kernel.send("comm_msg", message["content"]), message["id"])


def test_the_slider_is_drawn_and_moves(page):
    with Kernel() as kernel:
        messages = kernel.run(SLIDER)
        (result,) = of_kind(messages, "execute_result")
        deliver(page, messages)
        page.evaluate("id => window.vscode.show(id)", result["content"]["data"][VIEW]["model_id"])
        figures, curve = page.locator(".lcar .tiles"), page.locator("#output img")
        expect(figures).to_be_visible()
        expect(curve).to_be_visible()
        assert luminance(page.locator(".lcar"), "background-color") < 0.5  # VS Code's dark theme
        before = figures.inner_text(), curve.get_attribute("src")
        handle = page.locator(".noUi-handle")
        handle.focus()
        for _ in range(3):
            handle.press("ArrowRight")
            hand_on(page, kernel)
        chosen = page.locator(".widget-readout").inner_text()
        assert float(chosen) > float(before[0].split()[0])
        expect(figures).to_contain_text(chosen)
        expect(curve).not_to_have_attribute("src", before[1])
    assert set(page.evaluate("() => window.vscode.loaded")) <= STANDARD
