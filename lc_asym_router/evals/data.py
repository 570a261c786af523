"""Rows of real requests: the query, and the answers and scores of the small and frontier model."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lc_asym_router._internal.imports import AnyPath
from lc_asym_router.errors import DataError
from lc_asym_router.evals.row_files import files_of, name_of, objects_in, prefixes_of, write_text

CHARACTERS_PER_TOKEN = 4
"""Rule of thumb for English, where a row has no token counts."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One model's recorded answer to a row's query.

    Attributes:
        score: How right it is, in [0, 1]; `None` where it was not graded.
        response: Its text, or `None` where that was not recorded.
        input_tokens: Tokens of the query, or `None`.
        output_tokens: Tokens of the response, or `None`.
        model: The model's name.
        logprob: Mean logprob of its tokens, in nats, at most 0; `None` where it was not recorded.
        calls: Its tool calls, `{"name", "args"}` each; `None` where they were not recorded.
        invalid_calls: Calls that it made and that could not be read, as it wrote them.
        end: Why it ended, in its provider's word, such as "stop" or "length"; "" where that was not
            recorded.
    """

    score: float | None
    response: str | None = field(default=None, repr=False)
    input_tokens: int | None = None
    output_tokens: int | None = None
    model: str = ""
    logprob: float | None = None
    calls: tuple[Mapping[str, Any], ...] | None = field(default=None, repr=False)
    invalid_calls: tuple[str, ...] = field(default=(), repr=False)
    end: str = ""

    @property
    def recorded(self) -> bool:
        """Whether the answer itself is recorded: its text, or its calls."""
        return self.response is not None or self.calls is not None


@dataclass(frozen=True, slots=True)
class Row:
    """One request with the answers of two models, and optionally of others.

    Attributes:
        id: The row's id, unique within the data.
        query: The request's text.
        weak: The small model's answer; its score is always set.
        strong: The frontier model's answer, likewise.
        dataset: The row's source; the file's name where the row does not have one.
        category: A subset of the source, or "".
        other: Further models' answers by name.
        prompt_suffix: Text that was appended to the query, or "".
        gold: The right answer, or `None`; for tool calls a list of `{"name", "args": {argument:
            [possible values]}}`.
        tools: The tools that were bound, in OpenAI's format.
    """

    id: str
    query: str = field(repr=False)
    weak: Answer
    strong: Answer
    dataset: str
    category: str = ""
    other: Mapping[str, Answer] = field(default_factory=dict, repr=False)
    prompt_suffix: str = ""
    gold: Any = field(default=None, repr=False)
    tools: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def asked(self) -> str:
        """The models' full prompt: the query with its suffix."""
        return "\n\n".join(part for part in (self.query, self.prompt_suffix) if part)

    @property
    def weak_score(self) -> float:
        """The small model's score, in [0, 1]."""
        return self.weak.score or 0.0

    @property
    def strong_score(self) -> float:
        """The frontier model's score, in [0, 1]."""
        return self.strong.score or 0.0

    @property
    def gain(self) -> float:
        """The frontier's score minus the small model's, in [-1, 1]."""
        return self.strong_score - self.weak_score


def load(*paths: AnyPath, scored: bool = True) -> list[Row]:
    """Load the rows of files (`.jsonl`, `.jsonl.gz`, `.csv`, `.parquet`) and of the files in folders.

    A row has `query`, `weak_score` and `strong_score` (in [0, 1]); and where they are known `id`,
    `dataset`, `category`, `gold`, `prompt_suffix`, `weak_response`, `strong_response`, `weak_usage` and
    `strong_usage` (`{"input_tokens", "output_tokens"}`), `weak_logprob` and `strong_logprob` (the
    tokens' mean, in nats), `weak_end` and `strong_end` (why the answer ended: "length" where it was cut
    off), `weak_model`, `strong_model`, and `other` (`{model: {"score", "response"?, "usage"?,
    "logprob"?, "end"?, "calls"?, "invalid_calls"?}}`). Rows of tool calls have `tools` in OpenAI's
    format, `weak_calls` and `strong_calls` (lists of `{"name", "args"}`), and `weak_invalid_calls` and
    `strong_invalid_calls` where some could not be read. A row without an `id` is known by its file and
    line.

    A row is a JSON object, or a line of a table (CSV; Parquet with the extra `parquet`) whose columns
    are these fields: what is no text and no number, such as `other`, stands in its cell as JSON, and an
    empty cell is a field that is not there.

    Args:
        *paths: Files and folders.
        scored: Whether both scores are required; live evaluation needs none.

    Raises:
        DataError: A path does not exist, a file is empty, or a row lacks a field, has a score
            outside [0, 1], invalid token counts, or an id that another row has.
    """
    rows: list[Row] = []
    places: dict[str, str] = {}
    files = files_of(paths)
    prefixes = prefixes_of(files)
    for path in files:
        before = len(rows)
        for place, row in _rows(path, prefixes[path.resolve()], scored):
            if other := places.get(row.id):
                raise DataError(
                    f"{place}: the id {row.id!r} is already that of {other}; ids must be unique."
                )
            places[row.id] = place
            rows.append(row)
        if len(rows) == before:
            raise DataError(
                f"{path} holds no row. Give a file with one JSON object a line, or a table."
            )
    return rows


def save(rows: Iterable[Row], path: AnyPath) -> None:
    """Write rows as JSON lines that `load` reads back.

    Args:
        rows: The rows.
        path: The file, such as "rows.jsonl"; what was in it is replaced.

    Raises:
        ConfigurationError: The file can't be written.
    """
    lines = (json.dumps(_fields(row), ensure_ascii=False) + "\n" for row in rows)
    write_text(path, "".join(lines))


def _fields(row: Row) -> dict[str, Any]:
    """A row's fields, as in a file; those that are not known are left out."""
    other = {model: _answer_fields(answer, "") for model, answer in row.other.items()}
    fields = {
        "id": row.id,
        "dataset": row.dataset,
        "category": row.category or None,
        "query": row.query,
        "prompt_suffix": row.prompt_suffix or None,
        "gold": row.gold,
        "tools": list(row.tools) or None,
        "weak_model": row.weak.model or None,
        **_answer_fields(row.weak, "weak_"),
        "strong_model": row.strong.model or None,
        **_answer_fields(row.strong, "strong_"),
        "other": other or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _answer_fields(answer: Answer, prefix: str) -> dict[str, Any]:
    usage = {"input_tokens": answer.input_tokens, "output_tokens": answer.output_tokens}
    fields = {
        "score": answer.score,
        "response": answer.response,
        "usage": {name: count for name, count in usage.items() if count is not None} or None,
        "logprob": answer.logprob,
        "end": answer.end or None,
        "calls": None if answer.calls is None else list(answer.calls),
        "invalid_calls": list(answer.invalid_calls) or None,
    }
    return {f"{prefix}{name}": value for name, value in fields.items() if value is not None}


def need_scores(rows: Sequence[Row]) -> None:
    """Reject rows without scores: a missing score would count as 0.

    Raises:
        DataError: There is no row, or one lacks a model's score.
    """
    if not rows:
        raise DataError("There is no row to measure on.")
    for row in rows:
        if row.weak.score is None or row.strong.score is None:
            raise DataError(
                f"The row {row.id!r} lacks a score; every row needs both models'. record_tiers(router, "
                "rows, grader) makes such rows."
            )


def by_source(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows of each source, in the order in which the sources first occur."""
    sources: dict[str, list[Row]] = {}
    for row in rows:
        sources.setdefault(row.dataset, []).append(row)
    return sources


def text_tokens(text: str) -> int:
    """Estimate the tokens of a text from its length, at least 1."""
    return max(1, math.ceil(len(text) / CHARACTERS_PER_TOKEN))


def _rows(path: Path, prefix: str, scored: bool) -> Iterator[tuple[str, Row]]:
    for number, data in objects_in(path):
        place = f"{path}, line {number}"
        yield place, _row(data, place, name_of(path), f"{prefix}/{number}", scored)


def _row(data: dict[str, Any], place: str, name: str, own_id: str, scored: bool) -> Row:
    query = data.get("query")
    if not isinstance(query, str) or not query.strip():
        raise DataError(f"{place}: 'query' must be a text that is not empty.")
    other = data.get("other") or {}
    if not isinstance(other, dict) or not all(isinstance(o, dict) for o in other.values()):
        raise DataError(f"{place}: 'other' must map a model's name to its score and response.")
    return Row(
        id=own_id if data.get("id") in (None, "") else str(data["id"]),
        query=query,
        weak=_answer(data, "weak_", str(data.get("weak_model") or ""), place, scored),
        strong=_answer(data, "strong_", str(data.get("strong_model") or ""), place, scored),
        dataset=str(data.get("dataset") or name),
        category=str(data.get("category") or ""),
        other={
            model: _answer(answer, "", model, f"{place}, other {model!r}")
            for model, answer in other.items()
        },
        prompt_suffix=str(data.get("prompt_suffix") or ""),
        gold=data.get("gold"),
        tools=_object_list(data.get("tools"), "tools", place),
    )


def _answer(
    data: dict[str, Any], prefix: str, model: str, place: str, needed: bool = False
) -> Answer:
    response = data.get(f"{prefix}response")
    if response is not None and not isinstance(response, str):
        raise DataError(f"{place}: '{prefix}response' must be a text.")
    usage = data.get(f"{prefix}usage") or {}
    if not isinstance(usage, dict):
        raise DataError(f"{place}: '{prefix}usage' must hold input_tokens and output_tokens.")
    return Answer(
        score=_score(data.get(f"{prefix}score"), f"{prefix}score", place, needed),
        response=response,
        input_tokens=_count(usage, "input_tokens", f"{prefix}usage", place),
        output_tokens=_count(usage, "output_tokens", f"{prefix}usage", place),
        model=model,
        logprob=_logprob(data.get(f"{prefix}logprob"), f"{prefix}logprob", place),
        calls=_calls(data, f"{prefix}calls", place),
        invalid_calls=tuple(map(str, data.get(f"{prefix}invalid_calls") or ())),
        end=str(data.get(f"{prefix}end") or ""),
    )


def _calls(data: Mapping[str, Any], name: str, place: str) -> tuple[Mapping[str, Any], ...] | None:
    if data.get(name) is None:
        return None
    calls = _object_list(data[name], name, place)
    for call in calls:
        if not isinstance(call.get("name"), str) or not isinstance(call.get("args"), dict):
            raise DataError(
                f"{place}: each of '{name}' must hold a 'name' and an object of 'args'."
            )
    return calls


def _object_list(value: Any, name: str, place: str) -> tuple[Mapping[str, Any], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise DataError(f"{place}: '{name}' must be a list of objects.")
    return tuple(value)


def _count(usage: Mapping[str, Any], name: str, where: str, place: str) -> int | None:
    value = usage.get(name)
    if value is None:
        return None
    # 12.0 is a count too: tables with gaps hold all their numbers as floats.
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole or value < 0:
        raise DataError(f"{place}: '{name}' in '{where}' is {value!r}; a count is 0 or more.")
    return int(value)


def _logprob(value: Any, name: str, place: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value <= 0:
        raise DataError(f"{place}: '{name}' is {value!r}; a mean logprob is a number, at most 0.")
    return float(value)


def _score(value: Any, name: str, place: str, needed: bool) -> float | None:
    if value is None:
        if needed:
            raise DataError(
                f"{place}: '{name}' is missing; every row needs both models' scores. "
                "`lc-asym-router record` asks both and makes such rows."
            )
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise DataError(f"{place}: '{name}' is {value!r}; a score is a number in [0, 1].")
    return float(value)
