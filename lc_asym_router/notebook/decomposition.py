"""`Decomposition`: how a request was split, read from a record in which anything may be missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lc_asym_router.notebook.amounts import UNKNOWN
from lc_asym_router.notebook.call import mapping_of, sequence_of, text_of

if TYPE_CHECKING:
    from lc_asym_router.notebook.record import Record

Read = Callable[[Mapping[str, Any]], "Record"]


@dataclass(frozen=True)
class Part:
    """One step of a plan, and what came of it.

    Attributes:
        id: Its name within the plan.
        title: What it asks, in a line, or "" where the record does not say.
        needs: Ids of the steps whose answers it saw.
        record: The router's own record of it; `None` where it was never asked.
        error: Why it has no answer, or "".
    """

    id: str
    title: str
    needs: tuple[str, ...]
    record: Record | None
    error: str


@dataclass(frozen=True)
class Join:
    """How the parts' answers were put together.

    Attributes:
        by: "template", or the name of the tier that was asked first.
        record: The router's own record of it; `None` where no model was asked.
        unused: Ids of the parts that are not in it: then the frontier answers the whole request.
    """

    by: str
    record: Record | None
    unused: tuple[str, ...]


@dataclass(frozen=True)
class Decomposition:
    """What a `Decomposer` did with a request.

    Attributes:
        planner: The planner's name, or "" where none was asked.
        reason: Why it was split, or was not, in a line.
        parts: The plan's steps, in the order in which their answers are read; none where the request
            went whole.
        join: How the answers were put together, or `None`.
    """

    planner: str
    reason: str
    parts: tuple[Part, ...]
    join: Join | None

    @classmethod
    def of(cls, given: Any, read: Read) -> Decomposition | None:
        """The decomposition in a record, whatever is missing there; `None` where there is none.

        Args:
            given: What stands in the record under "decomposition".
            read: Reads a part's own record.
        """
        known = mapping_of(given)
        if not known:
            return None
        join = mapping_of(known.get("join"))
        return cls(
            planner=text_of(known.get("planner")),
            reason=text_of(known.get("reason")) or "the record does not say why",
            parts=tuple(_parts(known, read)),
            join=_join(join, read) if join else None,
        )


def _parts(known: Mapping[str, Any], read: Read) -> Iterator[Part]:
    """The planned steps, with what came of those that were asked."""
    asked = [mapping_of(step) for step in sequence_of(known.get("steps"))]
    for planned in map(mapping_of, sequence_of(mapping_of(known.get("plan")).get("steps"))):
        name = text_of(planned.get("id"))
        same = [step for step in asked if name and text_of(step.get("id")) == name]
        if same:
            asked.remove(same[0])
            yield _part({**planned, **same[0]}, read(mapping_of(same[0].get("record"))))
        else:
            yield _part(planned, None)
    for step in asked:  # the record has lost its plan
        yield _part(step, read(mapping_of(step.get("record"))))


def _part(step: Mapping[str, Any], record: Record | None) -> Part:
    return Part(
        id=text_of(step.get("id")) or UNKNOWN,
        title=text_of(step.get("title")),
        needs=_texts(step.get("needs")),
        record=record,
        error=text_of(step.get("error")),
    )


def _join(join: Mapping[str, Any], read: Read) -> Join:
    record = join.get("record")
    return Join(
        by=text_of(join.get("by")) or UNKNOWN,
        record=read(record) if isinstance(record, Mapping) else None,
        unused=_texts(join.get("unused")),
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(filter(None, map(text_of, sequence_of(value))))
