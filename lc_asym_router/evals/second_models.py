"""A second small model whose answers are recorded in the rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import SimpleChatModel
from langchain_core.messages import BaseMessage
from pydantic import PrivateAttr

from lc_asym_router.errors import DataError
from lc_asym_router.evals.data import Row


class RecordedModel(SimpleChatModel):
    """A chat model that returns another model's recorded answer to the current row.

    Not thread-safe: the current row is part of its state.

    Args:
        second: The other model's name in the rows' `other`.
    """

    second: str

    _row: Row | None = PrivateAttr(default=None)
    _asked: bool = PrivateAttr(default=False)

    @property
    def _llm_type(self) -> str:
        return "recorded"

    def turn_to(self, row: Row) -> None:
        """Make this the current row."""
        self._row, self._asked = row, False

    @property
    def asked(self) -> bool:
        """Whether the model was called for the current row."""
        return self._asked

    def _call(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> str:
        self._asked = True
        if self._row is None or not answered(self._row, self.second):
            raise DataError(f"No answer of {self.second!r} is recorded for this row.")
        return self._row.other[self.second].response or ""


def answered(row: Row, second: str) -> bool:
    """Whether a row has an answer's text of this model."""
    return second in row.other and row.other[second].response is not None


def none_of(rows: Sequence[Row], second: str) -> DataError:
    """Return the error for rows without any answer of this model."""
    known = sorted({n for row in rows for n, a in row.other.items() if a.response is not None})
    return DataError(
        f"No row holds an answer of {second!r} under 'other'. "
        f"Models with answers: {', '.join(known) or 'none'}."
    )
