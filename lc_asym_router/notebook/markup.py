"""HTML and SVG, escaped by construction: anything that is not `Html` is text."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from lc_asym_router.notebook.style import STYLE, SVG_STYLE

_CONTROLS = {code: None for code in range(32) if chr(code) not in "\t\n"} | {127: None}


class Html(str):
    """Markup that this package wrote; all other strings are escaped when they are inserted."""

    __slots__ = ()


def markup(child: Any) -> Html:
    """Return a child as markup: `Html` unchanged, `None` as nothing, several concatenated, else text.

    Control characters and lone surrogates, which XML forbids, are removed.
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
    """Return an element.

    Args:
        name: The element's name.
        *children: Its content; see `markup`.
        **attributes: Its attributes, `class_` for "class" and `stroke_width` for "stroke-width";
            those that are `None` are omitted.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{markup(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{markup(children)}</{name}>")


def display(*children: Any, title: str) -> str:
    """Return a whole display for a notebook cell, with its style and a name for screen readers."""
    style = tag("style", Html(STYLE))
    # JupyterLab would typeset what stands between two dollar signs as mathematics.
    kind = "lcar mathjax_ignore"
    return tag("div", style, children, class_=kind, role="group", aria_label=title)


def drawing(width: int, height: int, *children: Any, title: str) -> Html:
    """Return an SVG of this size in user units; in a display it uses the display's colours."""
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
    """Return an SVG for a file of its own, with background and colours for light and dark themes."""
    head, mark, rest = svg.partition(">")
    paper = tag("rect", width="100%", height="100%", class_="paper")
    return f"{head}{mark}<style>{SVG_STYLE}</style>{paper}{rest}\n"


def table(heads: Iterable[Any], rows: Iterable[Iterable[Any]], class_: str | None = None) -> Html:
    """Return a table; columns that are empty in every row are omitted."""
    names = list(heads)
    lines = [[markup(cell) for cell in row] for row in rows]
    shown = [place for place in range(len(names)) if any(line[place] for line in lines)]
    return tag(
        "table",
        tag("thead", tag("tr", (tag("th", names[place], scope="col") for place in shown))),
        tag("tbody", (tag("tr", (tag("td", line[i]) for i in shown)) for line in lines)),
        class_=class_,
    )


def clipped(text: str, most: int) -> str:
    """Shorten a text to this many characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
