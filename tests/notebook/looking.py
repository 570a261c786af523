"""Reading a display as a browser would, and distrusting it."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

VOID = {"img", "br"}
SEEN = "<script>alert('x')</script>&\"'><img src=x onerror=alert(1)>"
"""A text that breaks out of every context that forgets to escape."""
EVIL = f"{SEEN}\x00\ud800"
"""The same with what no XML may hold: `SEEN` is what is to be read of it."""


class Page(HTMLParser):
    """The elements, attributes and texts of a display.

    Raises:
        AssertionError: Its elements are not well nested.
    """

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open, self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All that can be read."""
        return " ".join(" ".join(self.texts).split())

    def classes(self, tag: str) -> list[str]:
        """The class of each element of a kind."""
        return [value for name, key, value in self.attributes if (name, key) == (tag, "class")]


def safe(thing: Any) -> Page:
    """The display of a thing; it holds no script, asks no network, and can be sent as UTF-8."""
    bundle = thing._repr_mimebundle_()
    assert bundle["text/plain"] == repr(thing)
    page = Page(bundle["text/html"])
    harmless(page)
    bundle["text/html"].encode()
    return page


def harmless(page: Page) -> None:
    """Assert that a page can do nothing."""
    assert not {"script", "iframe", "object", "embed", "link", "base", "form"} & set(page.tags)
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("href", "xlink:href", "srcdoc", "action"), (tag, name)
        assert name != "src" or value.startswith("data:image/png;base64,"), (tag, value)
        assert "javascript:" not in value or name in ("title", "aria-label"), (tag, name, value)


def drawn(svg: str) -> list[str]:
    """The texts of an SVG that stands for itself; it must be well-formed XML."""
    root = ElementTree.fromstring(svg)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


def damaged(record: Any, way: tuple[Any, ...] = ()) -> Iterator[Any]:
    """The record with each of its parts missing, or something else, one at a time.

    Args:
        record: A record as it stands on an answer.
        way: The keys to the part of it that is damaged; by default all of it.
    """
    found = record
    for key in way:
        found = found[key]
    for path in _paths(found, way):
        for put in ("nothing", None, "a text", -1, math.nan, [], {}, object()):
            part = copy.deepcopy(record)
            *before, last = path
            place = part
            for key in before:
                place = place[key]
            if put == "nothing" and isinstance(place, dict):
                del place[last]
            else:
                place[last] = put
            yield part


def _paths(value: Any, way: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """The way to each part of a record."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in items:
        yield (*way, key)
        if isinstance(part, dict | list):
            yield from _paths(part, (*way, key))
