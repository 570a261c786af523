"""HTML and SVG, escaped by construction, with the displays' colours and amounts."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

from lc_asym_router.money.list_prices import ListPrice
from lc_asym_router.money.prices import PerCall, PerSecond, Power, Price, Pricing
from lc_asym_router.records.call import usd


def price(rate: Pricing | None) -> str:
    """Format a price in its own unit."""
    if rate is None:
        return "price unknown"
    if isinstance(rate, Price):
        if not rate.input and not rate.output:
            return "free"
        return f"{usd(rate.input)} / {usd(rate.output)} per M tokens"
    if isinstance(rate, PerCall):
        return f"{usd(rate.usd)} a call" if rate.usd else "free"
    if isinstance(rate, PerSecond):
        return f"{usd(rate.usd * 3600)} an hour"
    if isinstance(rate, Power):
        return f"{rate.watts:g} W at ${rate.usd_per_kwh:g} per kWh"
    if isinstance(rate, ListPrice):
        return f"list price of {rate.provider}"
    return type(rate).__name__


LIGHT = (
    "--ink:#1f2328;--dim:#656d76;--line:#d0d7de;--paper:#ffffff;--box:#f6f8fa;"
    "--good:#1a7f37;--bad:#bc4c00;--fail:#cf222e;--calm:#0969da;--side:#8c959f;--glow:#ddf4ff"
)
DARK = (
    "--ink:#e6edf3;--dim:#9198a1;--line:#3d444d;--paper:#0d1117;--box:#161b22;"
    "--good:#3fb950;--bad:#db8b38;--fail:#f85149;--calm:#4493f8;--side:#767e88;--glow:#12315a"
)


def _themes(root: str) -> str:
    """Return the colours for the system's preferred theme, and for the notebook's own theme.

    JupyterLab and VS Code set theirs on the page's body; it takes precedence over the system's.
    """
    return (
        f"{root}{{{LIGHT};color-scheme:light}}"
        f"@media (prefers-color-scheme:dark){{{root}{{{DARK};color-scheme:dark}}}}"
    )


_HOSTS = (
    f'[data-jp-theme-light="true"] .lcar,body.vscode-light .lcar{{{LIGHT};color-scheme:light}}'
    f'[data-jp-theme-light="false"] .lcar,body.vscode-dark .lcar{{{DARK};color-scheme:dark}}'
)

_DRAWN = """
.lcar-svg{font:12px system-ui,sans-serif;max-width:100%;height:auto}
.lcar-svg text{fill:var(--ink)}
.lcar-svg .b{font-weight:600;font-size:13px}
.lcar-svg .d{fill:var(--dim);font-size:11px}
.lcar-svg .end{text-anchor:end}.lcar-svg .mid{text-anchor:middle}
.lcar-svg .box{fill:var(--box);stroke:var(--line);stroke-width:1.5}
.lcar-svg .top .box{stroke:var(--calm)}
.lcar-svg .run .box{fill:var(--glow);stroke:var(--calm);stroke-width:3}
.lcar-svg .done .box{fill:var(--glow);stroke:var(--calm)}
.lcar-svg .edge{fill:none;stroke:var(--side);stroke-width:1.5}
.lcar-svg .tip{fill:var(--side)}
.lcar-svg .maybe{stroke-dasharray:4 3}
.lcar-svg .went .edge{stroke:var(--calm);stroke-width:2.5}.lcar-svg .went .tip{fill:var(--calm)}
.lcar-svg .paper{fill:var(--paper)}
.lcar-svg .rule{stroke:var(--line)}
.lcar-svg .good{fill:var(--good)}.lcar-svg .bad{fill:var(--bad)}.lcar-svg .fail{fill:var(--fail)}
.lcar-svg .calm{fill:var(--calm)}.lcar-svg .side{fill:var(--side)}
@keyframes lcar-pulse{50%{opacity:.45}}.lcar-svg .run{animation:lcar-pulse 1s infinite}
@media (prefers-reduced-motion:reduce){.lcar-svg .run{animation:none}}
"""

_FLOWED = """
.lcar{color:var(--ink);background:var(--paper);border:1px solid var(--line);border-radius:8px;
padding:12px 14px;margin:2px 0;max-width:820px;font:13px/1.45 system-ui,sans-serif}
.lcar h4{margin:0 0 6px;font-size:14px}.lcar h5{margin:10px 0 4px;font-size:12px;color:var(--dim)}
.lcar p{margin:4px 0}.lcar .dim{color:var(--dim)}
.lcar table{border-collapse:collapse;margin:6px 0;font-size:12px;color:inherit}
.lcar.lcar th,.lcar.lcar td{text-align:left;padding:3px 12px 3px 0;border:0;
border-bottom:1px solid var(--line);vertical-align:top;background:none;color:inherit}
.lcar th{color:var(--dim);font-weight:500}
.lcar pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--box);color:inherit;
border-radius:6px;padding:8px 10px;margin:6px 0;font:12px/1.45 ui-monospace,monospace}
.lcar .chip{display:inline-block;background:var(--box);border:1px solid var(--line);
border-radius:10px;padding:0 8px;margin:0 4px 3px 0;font-size:12px}
.lcar .good{color:var(--good)}.lcar .bad{color:var(--bad)}.lcar .fail{color:var(--fail)}
.lcar .calm{color:var(--calm)}
.lcar mark{background:var(--glow);color:inherit;border-radius:3px;padding:0 2px}
.lcar .tiles{display:flex;flex-wrap:wrap;gap:8px;margin:6px 0}
.lcar .tile{background:var(--box);border-radius:6px;padding:6px 12px}
.lcar .tile b{display:block;font-size:16px}
.lcar .cards{display:flex;flex-wrap:wrap;gap:10px;align-items:stretch}
.lcar .card{flex:1 1 230px;border:1px solid var(--line);border-radius:6px;padding:8px 10px}
"""

STYLE = (_themes(".lcar") + _HOSTS + _FLOWED + _DRAWN).replace("\n", "")
"""The style of a display in a notebook."""

SVG_STYLE = (_themes(".lcar-svg") + _DRAWN).replace("\n", "")
"""The style of a drawing that is a file of its own."""


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
