"""Which part of a request is the question: in fixed prompts and with retrieved texts not the whole."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage

from lc_asym_router._internal.provider_errors import describe_error
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.records.request import Request

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class QuestionPicker:
    """Gives a classifier the question alone.

    Attributes:
        pick: From the messages to the question's text.
        begins: Or the mark that the question stands behind, in the latest human turn; "" for none.
        ends: The mark that ends it; "" where it goes to the end.
    """

    pick: Callable[[list[BaseMessage]], str] | None = None
    begins: str = ""
    ends: str = ""

    def __call__(self, request: Request) -> Request:
        """The request as a classifier sees it: the question as its one message.

        It is the request itself where there is no question to be found, or a user's callable raises or
        gives none, which is logged: a classifier can't take a request down.
        """
        text = self._marked(request.turn_text) if self.pick is None else self._picked(request)
        if not text.strip():
            return request
        return replace(request, messages=(HumanMessage(text.strip()),))

    def _picked(self, request: Request) -> str:
        assert self.pick is not None
        try:
            text: Any = self.pick(list(request.messages))
        except Exception as error:
            logger.warning(
                "question= failed (%s): the whole turn is classified.", describe_error(error)
            )
            return ""
        if not isinstance(text, str):
            logger.warning(
                "question= returned %s, not a text: the whole turn is classified.",
                type(text).__name__,
            )
            return ""
        return text

    def _marked(self, text: str) -> str:
        if not self.ends:
            return text.rpartition(self.begins)[2] if self.begins in text else ""
        _, found, behind = text.partition(self.begins)
        return behind.partition(self.ends)[0] if found else ""


def question_of(given: Any) -> QuestionPicker | None:
    """What finds the question of a request, of what a user gave as `question=`.

    Args:
        given: A plain function from the messages to a text; a mark, behind whose last occurrence in
            the latest human turn the question stands; a pair of marks, between which it stands; or
            `None` for the whole turn.

    Raises:
        ConfigurationError: It is none of these.
    """
    if given is None:
        return None
    if isinstance(given, str) and given.strip():
        return QuestionPicker(begins=given)
    pair = isinstance(given, tuple | list) and len(given) == 2
    if pair and all(isinstance(each, str) and each.strip() for each in given):
        return QuestionPicker(begins=given[0], ends=given[1])
    if callable(given) and not isinstance(given, type) and not _is_async(given):
        return QuestionPicker(pick=given)
    raise ConfigurationError(
        f"question={given!r} is a plain function from the messages to the question's text, the mark "
        "that it stands behind in the prompt ('Question:'), a pair of marks that it stands between "
        "(('Question:', 'Context:')), or None for the whole turn."
    )


def _is_async(given: Callable[..., Any]) -> bool:
    """Whether a callable gives a coroutine, itself or by its class."""
    return any(map(inspect.iscoroutinefunction, (given, type(given).__call__)))
