"""Showing and saving displays."""

from __future__ import annotations

import base64
import io
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router._internal.display import Displayed
from lc_asym_router._internal.imports import needed
from lc_asym_router.errors import ConfigurationError, TiersFailedError
from lc_asym_router.notebook.graph_drawing import graph_svg
from lc_asym_router.notebook.markup import Html, standalone, tag
from lc_asym_router.notebook.timeline import request_svg
from lc_asym_router.records.record import Record
from lc_asym_router.router.router import AsymRouter

DPI = 110


@dataclass(frozen=True, repr=False)
class Picture:
    """A static figure; front ends receive it as a PNG, which all of them can show.

    Attributes:
        figure: The `matplotlib.figure.Figure`, to draw on or to save in another way.
        title: A description in one line.
    """

    figure: Any = field(compare=False)
    title: str

    @property
    def png(self) -> bytes:
        """Return the figure as a PNG."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()

    def save(self, path: str | PathLike[str]) -> None:
        """Write the figure to a file; the suffix gives the format (".png", ".svg", ".pdf")."""
        self.figure.savefig(path, dpi=DPI)

    def __repr__(self) -> str:
        return f"Picture({self.title!r})"

    @property
    def html(self) -> Html:
        """Return the figure as an HTML element."""
        source = f"data:image/png;base64,{self._base64}"
        return Html(tag("img", src=source, alt=self.title).removesuffix("</img>"))

    @property
    def _base64(self) -> str:
        return base64.b64encode(self.png).decode()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Return every form of the figure, by MIME type."""
        return {"text/plain": repr(self), "image/png": self._base64}


def blank(width: float, height: float, columns: int = 1) -> tuple[Any, list[Any]]:
    """Return a figure of this size in inches, and its axes side by side.

    Raises:
        ConfigurationError: matplotlib is not installed.
    """
    figure = needed("matplotlib.figure", "plots").Figure(figsize=(width, height), layout="tight")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])


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


def show(thing: Any) -> None:
    """Display a router, a decision, an answer, a record, an error, a figure or a ledger's report.

    A notebook shows the rich display, any other front end lines of text.

    Args:
        thing: Any object with a display; a router's answer or its record, or a `TiersFailedError`,
            displayed as a timeline; a `Ledger`, displayed as its report.

    Raises:
        ConfigurationError: The object can't be displayed.
    """
    shown = displayed(thing)
    if notebook():
        needed("IPython.display", "notebook").display(shown)
    else:
        print(shown)


def displayed(thing: Any) -> Displayed | Picture:
    """Return the object that has the display of a thing.

    Raises:
        ConfigurationError: It can't be displayed.
    """
    if isinstance(thing, Displayed | Picture):
        return thing
    if isinstance(thing, AIMessage | Mapping | TiersFailedError):
        return Record.of(thing)
    if hasattr(thing, "rows"):
        from lc_asym_router.notebook.report_figures import Report

        return Report.of(thing)
    raise ConfigurationError(
        f"A {type(thing).__name__} can't be shown. Give a router, a decision, an answer of a router, "
        "its record, a TiersFailedError, or a Ledger."
    )


def notebook() -> bool:
    """Whether this runs in a Jupyter kernel, whose front end can show HTML."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None
