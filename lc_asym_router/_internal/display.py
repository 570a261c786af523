"""What shows itself in a notebook. Data do not know their display: it is looked up by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

_RENDERERS: dict[str, str] = {}


def register_renderers(renderers: Mapping[str, str]) -> None:
    """Say what draws the objects of a class; it is loaded when it first draws one.

    Args:
        renderers: By the class's name, "module:function". The function takes the object and returns
            HTML that needs no network and holds no script, with every text escaped.
    """
    _RENDERERS.update(renderers)


def renderer(name: str) -> Any:
    """The function that draws the objects of a class, or a view of another name.

    Args:
        name: The name under which it was registered.
    """
    module, _, function = _RENDERERS[name].partition(":")
    return getattr(import_module(module), function)


class Displayed:
    """Base of what has a rich display: HTML in a notebook, its `repr` in a terminal."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        """The display as HTML, by the renderer of its class or of the nearest base that has one."""
        name = next(c.__name__ for c in type(self).__mro__ if c.__name__ in _RENDERERS)
        return str(renderer(name)(self))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Every form of the display, by MIME type; a front end takes the richest that it knows."""
        return {"text/plain": repr(self), "text/html": self._repr_html_()}
