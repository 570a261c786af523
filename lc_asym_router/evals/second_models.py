"""A second small model whose answers are recorded beside the others'."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import SimpleChatModel
from langchain_core.messages import BaseMessage
from pydantic import PrivateAttr

from lc_asym_router.errors import DataError
from lc_asym_router.evals.data import Row


class RecordedModel(SimpleChatModel):
    """A chat model that says what another one was recorded to say of the row at hand.

    Not for threads: it is turned from row to row.

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
        """Answer for this row from now on."""
        self._row, self._asked = row, False

    @property
    def asked(self) -> bool:
        """Whether it was asked for the row at hand."""
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
    """Whether a row holds an answer's text of that model."""
    return second in row.other and row.other[second].response is not None


def none_of(rows: Sequence[Row], second: str) -> DataError:
    """The error where no row holds an answer of that model."""
    known = sorted({n for row in rows for n, a in row.other.items() if a.response is not None})
    return DataError(
        f"No row holds an answer of {second!r} under 'other'. "
        f"Models with answers: {', '.join(known) or 'none'}."
    )
