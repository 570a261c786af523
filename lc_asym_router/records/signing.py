"""Signed records: what a later call believes of the messages in a caller's history.

A history comes from outside. A record on one of its messages decides nothing unless this process, or
one that shares its key, has written it for that very message.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from typing import Any, Final

from langchain_core.messages import AIMessage, BaseMessage

from lc_asym_router.records.request import Request

KEY_VARIABLE: Final = "LC_ASYM_ROUTER_SIGNING_KEY"
"""The environment variable with the key; with commas between them several: the first signs, and what
any of them has signed is believed, so that a key can be changed while workers run."""
SIGNATURE: Final = "signature"
"""The record's entry with its signature."""

logger = logging.getLogger(__name__)


class _ProcessKey:
    """A key of this process alone (and of those that it forks), made when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = b""
        self._refused = False

    def key(self) -> bytes:
        """The key; that there is only this one is logged when it is made."""
        with self._lock:
            if not self._key:
                self._key = secrets.token_bytes(32)
                logger.info(
                    "Records are signed with a key of this process. Where several processes serve a "
                    "conversation, or one is to outlive a restart, give all of them the same %s.",
                    KEY_VARIABLE,
                )
            return self._key

    def refused(self) -> None:
        """A signed record does not verify: logged once."""
        with self._lock:
            first, self._refused = not self._refused, True
        if first:
            logger.warning(
                "A record in a conversation's history was signed with another key or for another "
                "message, and is taken for absent (said once). Workers that serve the same "
                "conversations need the same %s.",
                KEY_VARIABLE,
            )


_process = _ProcessKey()


def with_record(
    message: AIMessage, record: Mapping[str, Any], asked: Sequence[BaseMessage]
) -> AIMessage:
    """An answer with its signed record.

    Args:
        message: The answer.
        record: Its record.
        asked: The conversation that it answers.
    """
    turn = _digest(_keys()[0], "turn", _turn_of(asked))[:32]
    whole = f"{turn}.{_signature(_keys()[0], message, record, turn)}"
    metadata = {**message.response_metadata, "router": {**record, SIGNATURE: whole}}
    return message.model_copy(update={"response_metadata": metadata})


def believed_record(message: AIMessage) -> Mapping[str, Any]:
    """The record on a message of a history if its signature is that message's; empty otherwise.

    What is signed is what later calls go by: the tier that answered, and the model and the endpoint
    that made the answer, with the answer's text and the ids of its tool calls.
    """
    record = message.response_metadata.get("router")
    if not isinstance(record, Mapping):
        return {}
    given = record.get(SIGNATURE)
    if not isinstance(given, str):
        return {}
    turn, _, seal = given.partition(".")
    if any(_same(seal, _signature(key, message, record, turn)) for key in _keys()):
        return record
    _process.refused()
    return {}


def answers_turn(record: Mapping[str, Any], asked: Sequence[BaseMessage]) -> bool:
    """Whether a believed record was written for an answer to the conversation's latest human turn."""
    turn, text = str(record.get(SIGNATURE, "")).partition(".")[0], _turn_of(asked)
    return any(_same(turn, _digest(key, "turn", text)[:32]) for key in _keys())


def maker_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attempt that made a record's answer; empty where the record does not say."""
    attempts = record.get("attempts")
    if not isinstance(attempts, list):
        return {}
    made = [
        each
        for each in attempts
        if isinstance(each, Mapping) and each.get("tier") == record.get("tier")
    ]
    return next((each for each in reversed(made) if not each.get("error")), {})


def _keys() -> tuple[bytes, ...]:
    given = [key.strip() for key in os.environ.get(KEY_VARIABLE, "").split(",")]
    named = tuple(os.fsencode(key) for key in given if key)
    return named or (_process.key(),)


def _signature(key: bytes, message: AIMessage, record: Mapping[str, Any], turn: str) -> str:
    maker = maker_of(record)
    claims = [record.get("tier"), maker.get("model"), maker.get("endpoint")]
    calls = [*message.tool_calls, *message.invalid_tool_calls]
    parts = [
        *(None if claim is None else str(claim) for claim in claims),
        turn,
        message.text.strip(),
        [str(call.get("id")) for call in calls],
    ]
    return _digest(key, "record", json.dumps(parts))


def _turn_of(asked: Sequence[BaseMessage]) -> str:
    return Request(messages=tuple(asked)).turn_text.strip()


def _digest(key: bytes, purpose: str, text: str) -> str:
    signed = f"{purpose}\n{text}".encode("utf-8", "surrogatepass")
    return hmac.new(key, signed, hashlib.sha256).hexdigest()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
