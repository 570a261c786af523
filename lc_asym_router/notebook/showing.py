"""`show`: display any object of this package, anywhere in a cell."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router._internal.display import Displayed
from lc_asym_router._internal.imports import needed
from lc_asym_router.errors import ConfigurationError, TiersFailedError
from lc_asym_router.notebook.picture import Picture
from lc_asym_router.records.record import Record


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
        from lc_asym_router.notebook.report import Report

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
