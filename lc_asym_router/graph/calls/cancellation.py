"""A cancellation that was swallowed on its way, found again."""

from __future__ import annotations

import asyncio
from typing import Any

from langchain_core.callbacks import AsyncCallbackHandler


class LostCancellation(AsyncCallbackHandler):
    """Raises a cancellation again that the layers below a model's call have swallowed.

    Before Python 3.12 `asyncio.wait_for` drops a cancellation that comes in the same turn of the
    loop as its result (python/cpython#86296), and langchain-openai waits for every chunk with it:
    now and then a cancelled caller would pay for the whole answer. It listens to one call, in
    whichever task that call's chunks come.
    """

    run_inline = True

    def __init__(self) -> None:
        self._task = asyncio.current_task()
        self._before = self._task.cancelling() if self._task else 0

    def find(self) -> None:
        """Look for a cancellation of the running task since this call began.

        Raises:
            asyncio.CancelledError: There was one.
        """
        task = asyncio.current_task()
        before = self._before if task is self._task else 0
        if task and task.cancelling() > before:
            raise asyncio.CancelledError

    async def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """A chunk of the v1 protocol."""
        self.find()

    async def on_stream_event(self, event: Any, **kwargs: Any) -> None:
        """An event of the v2 protocol."""
        self.find()
