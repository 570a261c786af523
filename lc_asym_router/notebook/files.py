"""Save displays as files: a drawing as SVG, a whole display as HTML."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from lc_asym_router._internal.display import Displayed
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.notebook.graph_drawing import graph_svg
from lc_asym_router.notebook.markup import Html, standalone, tag
from lc_asym_router.notebook.picture import Picture
from lc_asym_router.notebook.plan_drawing import request_svg
from lc_asym_router.notebook.showing import displayed
from lc_asym_router.records.record import Record
from lc_asym_router.router.router import AsymRouter


def save(thing: Any, path: str | PathLike[str]) -> None:
    """Write a display to a self-contained file, for light and dark themes.

    Args:
        thing: Any object that `show` accepts.
        path: The file; ".svg" saves the drawing alone (a router's graph, a record's timeline),
            ".html" the whole display. A figure is saved in any format that matplotlib supports.

    Raises:
        ConfigurationError: The object can't be displayed, or not in that format.
    """
    shown, place = displayed(thing), Path(path)
    if isinstance(shown, Picture):
        shown.save(place)
        return
    if place.suffix == ".html":
        text = _page(shown)
    elif place.suffix == ".svg":
        text = standalone(_drawing(shown))
    else:
        raise ConfigurationError(
            f"{place.name!r} is no .svg and no .html; a display is saved as those."
        )
    place.write_text(text, encoding="utf-8")


def _page(shown: Displayed) -> str:
    head = tag("meta", charset="utf-8").removesuffix("</meta>")
    return f"<!doctype html>{head}<title>lc-asym-router</title>{shown._repr_html_()}\n"


def _drawing(shown: Displayed) -> Html:
    """Return the drawing of an object.

    Raises:
        ConfigurationError: It has none.
    """
    if isinstance(shown, AsymRouter):
        return graph_svg(shown.policy)
    if isinstance(shown, Record):
        return request_svg(shown)
    raise ConfigurationError(
        f"A {type(shown).__name__} is no single drawing: save it as .html, or save a router's graph "
        "or an answer's timeline."
    )
