"""Signed records: what a later call believes of the messages in a caller's history.

A history comes from outside. A record on one of its messages decides nothing unless this process, or
one that shares its key, has written it for that very message.
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import secrets
import threading
from collections.abc import Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from langchain_core.messages import AIMessage

KEY_VARIABLE: Final = "LC_ASYM_ROUTER_SIGNING_KEY"
"""The environment variable with the key; with commas between them several: the first signs, and what
any of them has signed is believed, so that a key can be changed while workers run."""
SIGNATURE: Final = "signature"
"""The record's entry with its signature."""

logger = logging.getLogger(__name__)
_ID = itemgetter("id")


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


def with_record(message: AIMessage, record: Mapping[str, Any], turn: str) -> AIMessage:
    """An answer with its signed record.

    Args:
        message: The answer.
        record: Its record.
        turn: The text of the human turn that it answers.
    """
    key = _keys()[0]
    asked = _digest(key, "turn", turn)
    whole = f"{asked}.{_digest(key, 'record', _claims(message, record, asked))}"
    metadata = {**message.response_metadata, "router": {**record, SIGNATURE: whole}}
    return message.model_copy(update={"response_metadata": metadata})


def believed_record(message: AIMessage) -> Mapping[str, Any]:
    """The record on a message of a history if its signature is that message's; empty otherwise.

    What is signed is what later calls go by: the tier that answered and the one that was checked, the
    model and the endpoint that made the answer, the answer's text, and the ids of its tool calls.
    """
    record = message.response_metadata.get("router")
    if not isinstance(record, Mapping):
        return {}
    given = record.get(SIGNATURE)
    if not isinstance(given, str):
        return {}
    asked, _, seal = given.partition(".")
    claims = _claims(message, record, asked)
    if any(_same(seal, _digest(key, "record", claims)) for key in _keys()):
        return record
    _process.refused()
    return {}


def answers_turn(record: Mapping[str, Any], turn: str) -> bool:
    """Whether a believed record was written for an answer to a human turn, by that one's text."""
    asked = str(record.get(SIGNATURE, "")).partition(".")[0]
    return any(_same(asked, _digest(key, "turn", turn)) for key in _keys())


def maker_of(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """The attempt that made a record's answer; empty where the record does not say."""
    attempts, tier = record.get("attempts"), record.get("tier")
    for each in reversed(attempts if isinstance(attempts, list) else []):
        if isinstance(each, Mapping) and each.get("tier") == tier and not each.get("error"):
            return each
    return {}


def checked_tier(record: Mapping[str, Any]) -> str | None:
    """The tier whose answer a record's last check judged: where a vote handed on another voter's
    answer it is the one that was voted on, else the one that answered."""
    name, attempts = record.get("tier"), record.get("attempts")
    if record.get("vouched") in ("vote", "sample") and isinstance(attempts, list) and attempts:
        calls = [each for each in attempts if isinstance(each, Mapping)]
        if calls and calls[-1].get("asked_by"):
            name = next((each.get("tier") for each in reversed(calls) if each.get("votes")), name)
    return name if isinstance(name, str) else None


def seal(purpose: str, text: str) -> str:
    """A signature of a text, in hex.

    Args:
        purpose: What it is for: a signature for one purpose is none for another.
        text: The text.
    """
    return _digest(_keys()[0], purpose, text)


def is_sealed(purpose: str, text: str, given: str) -> bool:
    """Whether a signature is the beginning of a text's, under any of the keys.

    Args:
        purpose: What it is for.
        text: The text.
        given: The first digits of the signature, at least 24: that many can't be guessed.
    """
    digits = max(24, len(given))
    return any(_same(given, _digest(key, purpose, text)[:digits]) for key in _keys())


def _keys() -> tuple[bytes, ...]:
    given = os.environ.get(KEY_VARIABLE, "")
    return _split(given) or (_process.key(),)


@lru_cache(maxsize=4)
def _split(given: str) -> tuple[bytes, ...]:
    return tuple(os.fsencode(key.strip()) for key in given.split(",") if key.strip())


def _claims(message: AIMessage, record: Mapping[str, Any], asked: str) -> str:
    """What a signature vouches for."""
    maker = maker_of(record)
    claims = (record.get("tier"), checked_tier(record), maker.get("model"), maker.get("endpoint"))
    said = [claim if isinstance(claim, str) else None for claim in claims]
    ids = list(map(_ID, (*message.tool_calls, *message.invalid_tool_calls)))
    return json.dumps([said, asked, message.text.strip(), ids], default=str)


def _digest(key: bytes, purpose: str, text: str) -> str:
    signed = f"{purpose}\n{text}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, signed, "sha256").hex()


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())
