"""HTML and SVG, escaped by construction: what is no `Html` is text."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from lc_asym_router.notebook.style import STYLE, SVG_STYLE

_CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n"} | {127: None}


class Html(str):
    """Markup that this package wrote; everything else is escaped on its way in."""

    __slots__ = ()


def markup(child: Any) -> Html:
    """A child as markup: `Html` as it is, `None` as nothing, several one after the other, else text.

    Control characters and lone surrogates, which no XML may hold, are left out.
    """
    if isinstance(child, Html):
        return child
    if child is None:
        return Html()
    if isinstance(child, Iterable) and not isinstance(child, str):
        return Html("".join(map(markup, child)))
    plain = str(child).translate(_CONTROLS).encode("utf-8", "replace").decode("utf-8")
    return Html(html.escape(plain))


def tag(name: str, *children: Any, **attributes: Any) -> Html:
    """An element.

    Args:
        name: Its name.
        *children: What is in it; see `markup`.
        **attributes: Its attributes, `class_` for "class" and `stroke_width` for "stroke-width";
            those that are `None` are left out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{markup(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{markup(children)}</{name}>")


def display(*children: Any, title: str) -> str:
    """A whole display for a notebook's cell: with its style, and a name for screen readers."""
    style = tag("style", Html(STYLE))
    # JupyterLab would typeset what stands between two dollar signs as mathematics.
    kind = "lcar mathjax_ignore"
    return tag("div", style, children, class_=kind, role="group", aria_label=title)


def drawing(width: int, height: int, *children: Any, title: str) -> Html:
    """An SVG of so many units; in a display it takes the display's colours."""
    return tag(
        "svg",
        tag("title", title),
        children,
        class_="lcar-svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role="img",
        xmlns="http://www.w3.org/2000/svg",
    )


def standalone(svg: Html) -> str:
    """An SVG that is a file of its own: it brings its paper and its colours, for light and dark."""
    head, mark, rest = svg.partition(">")
    paper = tag("rect", width="100%", height="100%", class_="paper")
    return f"{head}{mark}<style>{SVG_STYLE}</style>{paper}{rest}\n"


def table(heads: Iterable[Any], rows: Iterable[Iterable[Any]], class_: str | None = None) -> Html:
    """A table; where no row has anything in a column, the column is left out."""
    names = list(heads)
    lines = [[markup(cell) for cell in row] for row in rows]
    kept = [place for place in range(len(names)) if any(line[place] for line in lines)]
    return tag(
        "table",
        tag("thead", tag("tr", (tag("th", names[place], scope="col") for place in kept))),
        tag("tbody", (tag("tr", (tag("td", line[i]) for i in kept)) for line in lines)),
        class_=class_,
    )


def clipped(text: str, most: int) -> str:
    """The text, cut to so many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
