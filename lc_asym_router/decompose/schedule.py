"""Which step may begin when: what it needs has its answer, and there is room."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from langgraph.errors import GraphBubbleUp, GraphInterrupt

from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.decompose.state import StepResult


@dataclass
class Turn:
    """A step's turn.

    Attributes:
        known: Instruction and answer of each step that it needs.
        result: What came of it, for its taker to set.
    """

    known: list[tuple[str, str]]
    result: StepResult | None = None


class Schedule:
    """How far one request's plan has come. A step waits for its own needs, and for nothing else.

    Args:
        plan: The plan.
        most: How many steps run at once.
        results: Those of an earlier run of the same request, by step.

    Attributes:
        error: What a step has raised, if one has.
        noted: The results so far, by step.
    """

    def __init__(self, plan: Plan, most: int, results: Mapping[str, StepResult]) -> None:
        self.plan = plan
        self.most = most
        self._texts: dict[str, str] = {}
        self._left: set[str] = set()  # waits for an answer of a person's, in a run to come
        self._begun: set[str] = set()
        self._running = 0
        self._useless = False  # a step has no answer: the whole request goes to the frontier
        self._stopped = False
        self.error: Exception | None = None
        self.noted = dict(results)
        self._changed = threading.Condition()
        self._stirred = asyncio.Event()
        for name, result in results.items():
            self._note(name, result)

    @contextmanager
    def ended(self) -> Iterator[None]:
        """Around a run of the steps: raises what a step has raised, when all that ran have ended."""
        try:
            yield
        except GraphInterrupt:
            if self.error is not None:
                raise self.error from None
            raise

    @contextmanager
    def turn(self, step: Step) -> Iterator[Turn | None]:
        """Wait for a step's turn, and take it; `None` where the plan has become useless.

        Raises:
            GraphInterrupt: Its turn does not come in this run; LangGraph takes it up in the next one.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._settled(step))
            turn = self._begin(step)
        with self._taken(step, turn):
            yield turn

    @asynccontextmanager
    async def aturn(self, step: Step) -> AsyncIterator[Turn | None]:
        """The async twin of `turn`."""
        while not self._settled(step):
            await self._stirred.wait()
        turn = self._begin(step)
        with self._taken(step, turn):
            yield turn

    def stop(self) -> None:
        """No further step begins: the run is being left."""
        with self._changed:
            self._stopped = True
            self._stir()

    @contextmanager
    def _taken(self, step: Step, turn: Turn | None) -> Iterator[None]:
        error: BaseException | None = None
        try:
            yield
        except BaseException as raised:
            error = raised
            if isinstance(raised, GraphBubbleUp) or not isinstance(raised, Exception):
                raise
            # LangGraph would cancel the others, whose answers are nearly paid for: so the step is left
            # as an interrupted one, and whoever runs the graph raises this when they have ended.
            raise GraphInterrupt from None
        finally:
            with self._changed:
                self._end(step, turn, error)

    def _settled(self, step: Step) -> bool:
        """Whether there is nothing more to wait for."""
        if self._useless or self._stopped or self._left.intersection(step.needs):
            return True
        room = self.most - self._running
        ready = [each.id for each in self.plan.ready(self._texts) if each.id not in self._begun]
        return step.id in ready[:room]  # in the plan's order, not in that of threads

    def _begin(self, step: Step) -> Turn | None:
        if self._useless:
            return None
        if self._stopped or self._left.intersection(step.needs):
            self._left.add(step.id)
            self._stir()
            raise GraphInterrupt
        self._running += 1
        self._begun.add(step.id)
        return Turn([(self.plan.named(need).instruction, self._texts[need]) for need in step.needs])

    def _end(self, step: Step, turn: Turn | None, error: BaseException | None) -> None:
        if turn is None:
            return
        self._running -= 1
        if isinstance(error, GraphBubbleUp):
            self._left.add(step.id)
        elif error is not None:
            self._stopped = True
            if self.error is None and isinstance(error, Exception):
                self.error = error
            if turn.result is not None:  # what it has cost; in a next run it is taken anew
                self.noted[step.id] = turn.result
        elif turn.result is not None:
            self._note(step.id, turn.result)
        self._stir()

    def _note(self, name: str, result: StepResult) -> None:
        self.noted[name] = result
        if result["text"] is None:
            self._useless = True
        else:
            self._texts[name] = result["text"]

    def _stir(self) -> None:
        """Let all that wait look again."""
        with self._changed:
            self._changed.notify_all()
        self._stirred.set()
        self._stirred = asyncio.Event()
