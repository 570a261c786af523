"""`router.watch`: display a request while it runs."""

from __future__ import annotations

from contextlib import aclosing
from time import monotonic
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config
from langgraph.constants import END, START

from lc_asym_router._internal.imports import needed
from lc_asym_router._internal.run_config import with_handlers
from lc_asym_router.notebook.graph_drawing import NodeState, graph_svg
from lc_asym_router.notebook.markup import display, tag
from lc_asym_router.notebook.showing import notebook
from lc_asym_router.records.record import Record, attempt_line, decision_line

if TYPE_CHECKING:
    from lc_asym_router.graph.policy import Policy
    from lc_asym_router.records.trail import Trail
    from lc_asym_router.router.router import AsymRouter

FASTEST = 0.08
"""Seconds between two redrawings while text comes."""


async def watch(
    router: AsymRouter,
    input: LanguageModelInput,
    config: RunnableConfig | None = None,
    **kwargs: Any,
) -> Record:
    """See `AsymRouter.watch`."""
    screen: Screen = NotebookScreen(router.policy) if notebook() else TextScreen()
    follower = NodeFollower({*router.graph.nodes}, screen)
    watched = with_handlers(ensure_config(config), [follower], {})
    whole: AIMessageChunk | None = None
    answered = False
    try:
        async with aclosing(cast("Any", router.astream(input, watched, **kwargs))) as chunks:
            async for chunk in chunks:
                whole = chunk if whole is None else whole + chunk
                screen.text(chunk.text)
        answered = True
    finally:
        screen.over(answered)
    assert whole is not None
    return Record.of(whole)


class Screen:
    """Displays a request's progress; the base class displays nothing."""

    def entered(self, node: str) -> None:
        """A node starts to run."""

    def log(self, line: str) -> None:
        """Display a line about a finished step."""

    def text(self, piece: str) -> None:
        """Display a piece of the answer, which has passed its check or has none."""

    def over(self, answered: bool) -> None:
        """The request has ended, with an answer or without."""


class TextScreen(Screen):
    """Prints lines to a terminal."""

    def __init__(self) -> None:
        self._inside = False

    def entered(self, node: str) -> None:
        self._print_line(f"{node} ...")

    def log(self, line: str) -> None:
        self._print_line(line)

    def text(self, piece: str) -> None:
        if piece:
            print(piece, end="", flush=True)
            self._inside = not piece.endswith("\n")

    def over(self, answered: bool) -> None:
        self._end_line()

    def _print_line(self, line: str) -> None:
        self._end_line()
        print(line)

    def _end_line(self) -> None:
        if self._inside:
            print()
            self._inside = False


class NotebookScreen(Screen):
    """Draws the graph with its active nodes, the steps, and the answer, in one updated output."""

    def __init__(self, policy: Policy) -> None:
        show = needed("IPython.display", "notebook").display

        self._policy = policy
        self._path: list[str] = [START]
        self._lines: list[str] = []
        self._text = ""
        self._running = True
        self._drawn = 0.0
        self._handle = show(self._bundle(), raw=True, display_id=True)

    def entered(self, node: str) -> None:
        self._path.append(node)
        self._draw()

    def log(self, line: str) -> None:
        self._lines.append(line)
        self._draw()

    def text(self, piece: str) -> None:
        self._text += piece
        if monotonic() - self._drawn >= FASTEST:
            self._draw()

    def over(self, answered: bool) -> None:
        self._running = False
        self._path += [END] if answered else []
        self._draw()

    def _draw(self) -> None:
        self._drawn = monotonic()
        self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, str]:
        states: dict[str, NodeState] = dict.fromkeys(self._path, "done")
        if self._running:
            states[self._path[-1]] = "run"
        went = set(zip(self._path, self._path[1:], strict=False))
        html = display(
            graph_svg(self._policy, states, went),
            (tag("p", line, class_="dim") for line in self._lines),
            tag("pre", self._text) if self._text else None,
            title="A request as it happens",
        )
        return {"text/plain": "\n".join([*self._lines, self._text]), "text/html": html}


class NodeFollower(BaseCallbackHandler):
    """Callback handler that reports a router's active nodes and their results to a screen.

    It sees the runs of the nodes, never a model's text: a draft is sealed in their updates.
    """

    run_inline = True

    def __init__(self, nodes: set[str], screen: Screen) -> None:
        self._nodes = nodes
        self._screen = screen
        self._running: dict[UUID, str] = {}
        self._logged = 0

    def on_chain_start(
        self, serialized: Any, inputs: Any, *, run_id: UUID, name: str = "", **kwargs: Any
    ) -> None:
        """Report a run that starts, where it is a node's."""
        metadata = kwargs.get("metadata") or {}
        if name in self._nodes and metadata.get("langgraph_node") == name:
            self._running[run_id] = name
            self._screen.entered(name)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Report the result of a node's run that has ended."""
        node = self._running.pop(run_id, None)
        trail: Trail | None = outputs.get("trail") if isinstance(outputs, dict) else None
        if node is None or trail is None:
            return
        if node == "classify":
            self._screen.log(decision_line(trail["decision"]))
            return
        attempts = trail["attempts"]
        # What waits for its check is logged after it.
        if outputs["route"] != "verify":
            for number in range(self._logged, len(attempts)):
                self._screen.log(attempt_line(number + 1, attempts[number]))
            self._logged = len(attempts)
