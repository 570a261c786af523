"""What shows itself in a notebook; how it looks is in `lc_asym_router.notebook`, loaded then."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any


class Displayed:
    """Base of what has a rich display: HTML in a notebook, its `repr` in a terminal.

    The HTML needs no network and holds no script; every text in it is escaped.
    """

    __slots__ = ()

    @abstractmethod
    def _repr_html_(self) -> str:
        """The display as HTML."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Every form of the display, by MIME type; a front end takes the richest that it knows."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}
