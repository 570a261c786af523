"""The functions that read files, HTTP bodies, histories and records from outside. As `readers`, each
as a function of one text."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_ollama import ChatOllama
from pydantic import ValidationError

from lc_asym_router._internal import frames, model_file
from lc_asym_router.batch.journal import Journal
from lc_asym_router.classify.calibration import Calibration
from lc_asym_router.decompose.plan import Plan
from lc_asym_router.embedded import ollama_api, request_limits
from lc_asym_router.embedded.api_errors import BadRequest
from lc_asym_router.errors import RouterError
from lc_asym_router.evals import data, row_files
from lc_asym_router.money import usage
from lc_asym_router.records import call, signing
from lc_asym_router.records.record import Record
from lc_asym_router.shell import options
from lc_asym_router.tiers import conversation, provider
from lc_asym_router.tiers.faults import bodies, error_kinds
from lc_asym_router.tiers.faults.bodies import ResponseBody

MODULES = (ollama_api, request_limits, signing, bodies)

MODEL = ChatOllama(model="m")


def file(read: Callable[[Path], Any], name: str = "file.json") -> Callable[[str], Any]:
    """A reader of a file that holds the text; its own errors name the file."""

    def run(text: str) -> Any:
        with TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(text.encode("utf-8", "surrogatepass"))
            with suppress(RouterError):
                return read(path)

    return run


def refusing(read: Callable[[str], Any], *errors: type[Exception]) -> Callable[[str], Any]:
    """A reader with errors of its own."""

    def run(text: str) -> Any:
        with suppress(*errors):
            return read(text)

    return run


def model_text(text: str) -> str:
    """A model file of the right kind whose parts are the text."""
    return json.dumps({"format": text, "kind": "kinds", "shape": [text], "checksum": text})


def journal(path: Path) -> Any:
    with Journal(path, "maker") as opened:
        return len(opened.entries)


def misread_call(text: str) -> None:
    """The error of a call whose arguments are a text, as a client would raise it."""
    try:
        AIMessage("", tool_calls=[{"name": "f", "args": text, "id": "1"}])  # type: ignore[list-item]
    except ValidationError as error:
        bodies.misread_call(error)


def body_of(text: str) -> Any:
    body = ResponseBody()
    body.begin()
    raw = text.encode("utf-8", "replace")
    for at in range(0, len(raw), 5_000):
        body.add(raw[at : at + 5_000])
    return body.received(), body.cause(ValueError(text[:9]))


def forged(text: str) -> AIMessage:
    """A client's answer with a record of the text."""
    made = {
        "tier": text, "decision": {"tier": text}, "signature": text, "id": text,
        "attempts": [{"tier": text, "error": text, "usage": {text: text}}], "turn": text,
    }  # fmt: skip
    return AIMessage(text, id=text[:99], response_metadata={"router": made})


def history(text: str) -> Any:
    """A history whose every part is the text, for a model of another provider."""
    made = AIMessage(
        [{"type": "text", "text": text}, {"type": "thinking", "thinking": text, "signature": text}],
        tool_calls=[{"name": text[:60], "args": {"a": text}, "id": text[:40]}],
        additional_kwargs={"reasoning_content": text},
        response_metadata={"router": {"attempts": text}, "model_provider": text},
    )
    asked = [SystemMessage(text), HumanMessage(text), made, ToolMessage(text, tool_call_id="1")]
    return conversation.fit([*asked, SystemMessage(text)], MODEL)


def ends(text: str) -> Any:
    said = {"finish_reason": text, "done_reason": text, "stop_reason": text, "logprobs": text}
    message = AIMessage(text, response_metadata=said)
    return [
        provider.ends_unmarked(message, "openai"),
        provider.failed_end(message, "openai"),
        provider.tokens_of({"logprobs": {"content": [{"token": text, "logprob": text}, text]}}),
    ]


def ollama_body(text: str) -> Any:
    message = {"role": "user", "content": text, "tool_calls": [{"function": text}], "images": text}
    with suppress(BadRequest):
        ollama_api.to_openai({"messages": [message], "options": {text[:9]: text}, "format": text})
    with suppress(BadRequest):
        ollama_api.messages_to_openai([message, text, {"role": text, "content": [text]}])
    with suppress(BadRequest):
        ollama_api.format_to_openai(text)


STORED: dict[str, Callable[[str], Any]] = {
    "Calibration.load": file(Calibration.load),
    "model_file.read_model": file(lambda path: model_file.read_model(path, "kinds")),
    "model_file.read_model(parts)": lambda text: STORED["model_file.read_model"](model_text(text)),
    "evals.load": file(data.load, "rows.jsonl"),
    "evals.objects_of": file(lambda path: list(row_files.objects_of([path])), "rows.jsonl"),
    "Journal": file(journal, "out.jsonl"),
    "request_limits.read_object": refusing(
        lambda text: request_limits.read_object(text.encode("utf-8", "replace"), 100), BadRequest
    ),
    "request_limits.deeper_than": lambda text: request_limits.deeper_than(text, 100),
    "request_limits.process_limits": lambda text: request_limits.process_limits(),
    "ollama_api.to_openai": ollama_body,
    "ollama_api.messages_to_openai": ollama_body,
    "ollama_api.format_to_openai": ollama_body,
    "ollama_api.call_to_ollama": refusing(
        lambda text: ollama_api.call_to_ollama(text, text), BadRequest
    ),
    "ollama_api.timestamp": lambda text: ollama_api.timestamp(),
    "bodies.error_in": bodies.error_in,
    "bodies.ResponseBody": body_of,
    "bodies.misread_call": misread_call,
    "error_kinds.retry_after": lambda text: error_kinds.retry_after(Waiting(text)),
    "signing.believed_record": lambda text: signing.believed_record(forged(text)),
    "signing.with_record": lambda text: signing.with_record(AIMessage(text), {"a": text}, text),
    "signing.seal": lambda text: signing.seal(text, text),
    "signing.is_sealed": lambda text: signing.is_sealed(text, text, text),
    "signing.answers_turn": lambda text: signing.answers_turn({"turn": text}, text),
    "signing.maker_of": lambda text: signing.maker_of({"maker": text, "attempts": text}),
    "signing.checked_tier": lambda text: signing.checked_tier({"tier": text, "attempts": [text]}),
    "Record.of": lambda text: repr(Record.of(forged(text))),
    "call.number_of": call.number_of,
    "call.text_of": call.text_of,
    "usage.believed": lambda text: usage.believed({"input_tokens": text, text: text}),
    "usage.estimated_usage": lambda text: usage.estimated_usage(AIMessage(text), 1),
    "provider.ends": ends,
    "conversation.fit": history,
    "frames.framed": lambda text: frames.framed("answer", text, frames.mark_of(text)),
    "options.printable": options.printable,
    "Plan": refusing(
        lambda text: Plan([text, {"id": text[:9], "instruction": text, "needs": [text[:9], text]}]),
        RouterError,
    ),
}


class Waiting(Exception):
    """An error whose response asks to wait as long as the text says."""

    def __init__(self, text: str) -> None:
        headers = {"retry-after": text, "retry-after-ms": text[1:]}
        self.response = type("Response", (), {"headers": headers})()
