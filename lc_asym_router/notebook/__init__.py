"""Displays, plots and the live view of a notebook; loaded when they are asked for.

`show` displays anything of this package; `Record` is an answer's record, made to be looked at. A
router, a decision and what `explain` and `compare` return show themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._lazy import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.notebook.record import Record as Record
    from lc_asym_router.notebook.showing import show as show

_HOMES = {
    "Record": "record",
    "show": "showing",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
