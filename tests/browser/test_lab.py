"""The notebooks open in JupyterLab; 01 runs there, and what it shows responds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.notebooks.pairs import SCRIPTS, notebook_of

RUN_MS = 300_000
ERRORS = '[data-mime-type="application/vnd.jupyter.error"]'
NOT_RENDERED = (
    '.jp-OutputArea-output:has-text("model not found"), .jp-RenderedText[data-mime-type*="widget"]'
)

SAVED = {
    "01_chains": ("svg.lcar-svg", ".lcar .tiles", ".widget-slider"),
    "02_agents": ("svg.lcar-svg", ".lcar .tiles"),
    "03_calibrate": ("img", ".lcar", ".widget-slider"),
    "04_audits": ("img", ".lcar", "table.dataframe"),
}
"""What is there to be seen in each notebook as it was saved."""

# Notes each state in which a node of a graph is shown: the live view draws them anew.
FOLLOW = """() => {
  window.seen = [];
  new MutationObserver(() => {
    for (const node of document.querySelectorAll('.lcar .node.run')) {
      const name = node.dataset.node;
      if (window.seen.at(-1) !== name) window.seen.push(name);
    }
  }).observe(document.body, {childList: true, subtree: true, attributes: true});
}"""


def drawings(page: Page, title: str) -> Locator:
    """The drawings of that title among the notebook's outputs."""
    return page.locator(f'.jp-OutputArea svg.lcar-svg:has(> title:text-is("{title}"))')


def choose(page: Page, menu: str, entry: str) -> None:
    """Choose a menu's entry, as a hand does."""
    page.locator(".lm-MenuBar-itemLabel", has_text=menu).click()
    page.locator(".lm-Menu-itemLabel").get_by_text(entry, exact=True).click()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_it_opens_with_its_outputs(script: Path, opened):
    page = opened(notebook_of(script).name)
    for output in SAVED[script.stem]:
        expect(page.locator(f".jp-OutputArea {output}").first).to_be_visible()
    expect(page.locator(ERRORS)).to_have_count(0)
    expect(page.locator(NOT_RENDERED)).to_have_count(0)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])  # light from here on
def test_its_text_can_be_read_in_either_theme(theme: str, lab, opened):
    lab.set("apputils-extension/themes", {"theme": theme})
    page = opened("01_chains.ipynb")
    expect(page.locator(f'body[data-jp-theme-name="{theme}"]')).to_have_count(1)
    shown = page.locator(".jp-OutputArea .lcar").first
    paper = luminance(shown, "background-color")
    assert (paper > 0.5) == (theme == "JupyterLab Light")
    for text in (".dim, th", "td", "svg .b", "svg .d"):
        kind = "fill" if text.startswith("svg") else "color"
        ink = luminance(shown.locator(text).first, kind)
        lighter, darker = max(ink, paper), min(ink, paper)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, text  # WCAG's level AA


def luminance(what: Locator, attribute: str) -> float:
    """The relative luminance of a colour on the screen, in [0, 1], as WCAG defines it."""
    shown = what.evaluate(f"it => getComputedStyle(it).getPropertyValue('{attribute}')")
    parts = [int(part) / 255 for part in re.findall(r"\d+", shown)[:3]]
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.fixture
def ran(opened) -> Page:
    """01, run from top to bottom in JupyterLab, its saved outputs cleared before."""
    page = opened("01_chains.ipynb")
    choose(page, "Edit", "Clear Outputs of All Cells")
    expect(page.locator(".jp-OutputArea-output")).to_have_count(0)
    page.evaluate(FOLLOW)
    choose(page, "Run", "Run All Cells")
    slider = page.locator(".jp-OutputArea .widget-slider")
    slider.or_(page.locator(ERRORS)).first.wait_for(timeout=RUN_MS)
    expect(page.locator(ERRORS)).to_have_count(0)
    return page


def test_01_runs_and_its_displays_respond(ran, picture):
    the_graph_is_there_and_lights_up(ran)
    the_timeline_opens(ran)
    the_slider_moves(ran, picture)
    ran.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for()
    drawings(ran, "The graph of the router").first.scroll_into_view_if_needed()
    picture(ran, "lab.png")


def the_graph_is_there_and_lights_up(page: Page) -> None:
    graph = drawings(page, "The graph of the router").first
    expect(graph).to_be_visible()
    expect(graph).to_contain_text("$2.50 / $10.00 per M tokens")  # not typeset as mathematics
    names = [node.get_attribute("data-node") for node in graph.locator(".node").all()]
    assert sorted(names) == ["classify", "frontier", "small", "verify"]
    # In the live view they came up one after the other, and stay lit where the request went.
    assert page.evaluate("window.seen")[:3] == ["classify", "small", "verify"]
    assert page.locator('.lcar .node.done[data-node="small"]').count() == 1
    assert page.locator(".lcar .node.run").count() == 0


def the_timeline_opens(page: Page) -> None:
    timeline = drawings(page, "The timeline of a request").first
    expect(timeline.locator("rect.bad")).to_have_count(1)  # what was discarded
    expect(timeline).to_contain_text("frontier")
    details = page.locator(".lcar details").first
    calls = details.locator("table")
    expect(calls).not_to_be_visible()
    details.locator("summary").click()
    expect(calls).to_be_visible()
    expect(calls).to_contain_text("Agreement")


def the_slider_moves(page: Page, picture) -> None:
    widget = page.locator(".jp-OutputArea .widget-vbox:has(.widget-slider)")
    figures, curve = widget.locator(".lcar .tiles"), widget.locator("img")
    before = figures.inner_text(), curve.get_attribute("src")
    handle = widget.locator(".noUi-handle")
    handle.scroll_into_view_if_needed()
    handle.focus()
    for _ in range(7):
        handle.press("ArrowLeft")
    chosen = widget.locator(".widget-readout").inner_text()
    assert float(chosen) < float(before[0].split()[0])
    expect(figures).to_contain_text(chosen)  # each step redraws; this is the last one's
    expect(curve).not_to_have_attribute("src", before[1])
    assert figures.inner_text() != before[0]
    picture(widget, "lab_slider.png")
