"""The gateway's page in Chromium: keys, figures, a prompt, the keyboard, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.gateway_site import REQUESTS, Site, gateway_site

WIDTH, HEIGHT = 1280, 900
HOSTILE = '<img src=x onerror="window.harmed=1">'
"""A name as an attacker would give it, which the page must show as it is."""
CARDS = ["requests", "cost", "checks", "breakers", "audits", "keys", "drawings", "decisions"]


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Iterator[Site]:
    with gateway_site(tmp_path_factory.mktemp("gateway")) as served:
        yield served


@pytest.fixture(scope="module")
def hostile(tmp_path_factory) -> Iterator[Site]:
    with gateway_site(tmp_path_factory.mktemp("hostile"), HOSTILE, HOSTILE, 5) as served:
        yield served


@pytest.fixture
def visit(site: Site, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens the page, and asserts that it was quiet: nothing from elsewhere, no error, no harm."""
    asked: list[str] = []
    faults: list[str] = []
    contexts: list[BrowserContext] = []

    def open_page(scheme: str = "light", name: str | None = "root", at: Site = site) -> Page:
        context = browser.new_context(
            viewport={"width": WIDTH, "height": HEIGHT}, color_scheme=scheme
        )
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.set_default_timeout(60_000)
        page.goto(f"{at.url}/")
        if name is not None:
            page.get_by_label("Key", exact=True).fill(at.keys[name])
            page.keyboard.press("Enter")
            page.locator("main").wait_for()
        return page

    yield open_page
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("window.harmed === undefined")
        context.close()
    outside = [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:", "blob:"))]
    assert not outside
    # A refused key is a 401, which Chromium writes to the console of its own accord.
    assert not [each for each in faults if "401" not in each and "403" not in each]


def test_an_admin_sees_every_figure(visit, picture):
    page = visit()
    for card in CARDS:
        assert page.locator(f"#{card}").inner_text() or page.locator(f"#{card} img").count()
    expect(page.locator(".tile").first).to_contain_text(str(REQUESTS))
    expect(page.locator("#requests svg[role=img]")).to_be_visible()
    drawing = page.locator("#drawings img")
    expect(drawing).to_be_visible()
    assert drawing.evaluate("image => image.naturalWidth") > 300
    expect(page.locator("#breakers")).to_contain_text("closed")
    expect(page.locator("#audits")).to_contain_text("differ at most")
    expect(page.locator("#keys")).to_contain_text("crawler")
    picture(page, "gateway.png")


def test_dark_is_dark(visit):
    page = visit("dark")
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert shade == "rgb(13, 17, 23)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast(visit, scheme):
    page = visit(scheme)
    assert page.evaluate(CONTRAST) == []


def test_the_key_is_asked_for_and_kept_in_memory_alone(visit, site):
    page = visit(name=None)
    expect(page.get_by_role("heading", name="This gateway needs a key")).to_be_visible()
    assert str(REQUESTS) not in page.inner_text("body")
    page.get_by_label("Key", exact=True).fill("sk-asym-000000000000-" + "A" * 43)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not known")
    page.get_by_label("Key", exact=True).fill(site.keys["root"])
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_visible()
    everywhere = page.evaluate(
        "JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])"
    )
    assert site.keys["root"] not in everywhere + page.content()
    page.get_by_role("button", name="Forget the key").click()
    expect(page.locator("main")).to_be_hidden()
    assert "crawler" not in page.content()
    page.reload()
    expect(page.get_by_role("heading", name="This gateway needs a key")).to_be_visible()


def test_a_key_sees_its_own(visit):
    page = visit(name="support")
    expect(page.locator("#keys")).to_contain_text("support")
    expect(page.locator("#keys")).not_to_contain_text("crawler")
    expect(page.locator("#decisions")).not_to_contain_text("key:crawler")
    expect(page.locator("#breakers")).to_be_hidden()


def test_names_are_shown_as_they_are_and_never_run(visit, hostile):
    page = visit(at=hostile)
    expect(page.locator("#breakers")).to_contain_text(HOSTILE)
    expect(page.locator("#decisions")).to_contain_text(HOSTILE)
    assert page.locator("img[src=x]").count() == 0


def test_a_prompt_by_keyboard_alone(visit):
    page = visit()
    page.get_by_role("textbox", name="Prompt").focus()
    page.keyboard.type("What is the capital of France?")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "ask"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert outline == "3px"
    page.keyboard.press("Enter")
    answer = page.get_by_role("region", name="Answer", exact=True)
    expect(answer).to_contain_text("Paris.")
    expect(answer).to_contain_text("Answered by small")
    expect(answer.locator("svg[role=img]")).to_be_visible()


def test_everything_can_be_reached_by_tab(visit):
    page = visit()
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert reached >= {"span", "refresh", "forget", "model", "prompt", "ask"}
    unnamed = page.evaluate(
        "[...document.querySelectorAll('input, select, textarea, img, svg[role=img], section, meter')]"
        ".filter(e => !(e.labels?.length || e.alt || e.ariaLabel ||"
        " e.getAttribute('aria-labelledby'))).map(e => e.outerHTML.slice(0, 80))"
    )
    assert unnamed == []


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_runs_out_of_the_window(visit, width):
    page = visit()
    page.set_viewport_size({"width": width, "height": HEIGHT})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


CONTRAST = """
() => {
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => {
      const s = v / 255;
      return s <= 0.03928 ? s / 12.92 : ((s + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const paper = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const found = parts(getComputedStyle(each).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  const weak = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.disabled) continue;
    const style = getComputedStyle(element);
    const ink = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
    if (!ink.startsWith("rgb")) continue;
    const [a, b] = [light(parts(ink)), light(paper(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) weak.push(element.outerHTML.slice(0, 80));
  }
  return weak;
}
"""
"""The texts with less contrast than 4.5 to 1 (WCAG 2.2, AA)."""
