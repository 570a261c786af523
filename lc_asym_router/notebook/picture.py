"""A matplotlib figure that shows itself in any front end, with no global state."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from lc_asym_router._internal.imports import needed
from lc_asym_router.notebook.markup import Html, tag

DPI = 110


@dataclass(frozen=True, repr=False)
class Picture:
    """A static figure; a front end gets it as a PNG, which all of them show.

    Attributes:
        figure: The `matplotlib.figure.Figure`, to draw more on or to save in another way.
        title: What it shows, in a line.
    """

    figure: Any = field(compare=False)
    title: str

    @property
    def png(self) -> bytes:
        """The figure as a PNG."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=DPI)
        return buffer.getvalue()

    def save(self, path: str | PathLike[str]) -> None:
        """Write it to a file; its ending says the format (".png", ".svg", ".pdf")."""
        self.figure.savefig(path, dpi=DPI)

    def __repr__(self) -> str:
        return f"Picture({self.title!r})"

    @property
    def html(self) -> Html:
        """The figure as an element of a page."""
        source = f"data:image/png;base64,{self._base64}"
        return Html(tag("img", src=source, alt=self.title).removesuffix("</img>"))

    @property
    def _base64(self) -> str:
        return base64.b64encode(self.png).decode()

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Every form of the figure, by MIME type."""
        return {"text/plain": repr(self), "image/png": self._base64}


def blank(width: float, height: float, columns: int = 1) -> tuple[Any, list[Any]]:
    """A figure of so many inches and its axes, side by side.

    Raises:
        ConfigurationError: matplotlib is not installed.
    """
    figure = needed("matplotlib.figure", "plots").Figure(figsize=(width, height), layout="tight")
    return figure, list(figure.subplots(1, columns, squeeze=False)[0])
