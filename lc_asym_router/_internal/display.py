"""Rich displays for notebooks. Data classes don't import their display: it is looked up by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

_RENDERERS: dict[str, str] = {}


def register_renderers(renderers: Mapping[str, str]) -> None:
    """Register the functions that draw objects; each is imported when it is first used.

    Args:
        renderers: "module:function" by class name. The function takes the object and returns HTML
            that needs no network and has no script, with every text escaped.
    """
    _RENDERERS.update(renderers)


def renderer(name: str) -> Any:
    """Return the function that draws the objects of a class, or another view.

    Args:
        name: The name under which it is registered.
    """
    module, _, function = _RENDERERS[name].partition(":")
    return getattr(import_module(module), function)


class Displayed:
    """Base class of objects with a rich display: HTML in a notebook, `repr` in a terminal."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """Return the display as HTML, by the renderer of the class or of its nearest base."""
        name = next(c.__name__ for c in type(self).__mro__ if c.__name__ in _RENDERERS)
        return str(renderer(name)(self))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return every form of the display by MIME type; a front end takes the richest."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}
