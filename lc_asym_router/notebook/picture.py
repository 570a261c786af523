"""A matplotlib figure that any front end can display, without matplotlib's global state."""

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
