"""Draw a plan, with the tier that answered each step, as Mermaid or as plain text."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import Any

RecordMapping = Mapping[str, Any]
WIDTH = 60
"""Longest title in a drawing, in characters."""


def mermaid(record: RecordMapping) -> str:
    """Draw the plan of an answered request as a Mermaid flowchart.

    Args:
        record: The answer's `response_metadata["router"]`.
    """
    steps, join = _steps(record), _join(record)
    if not steps:
        return (
            f'flowchart TD\n  request(["request"]) --> whole["{_path(record)}: the whole request"]'
        )
    places = {step["id"]: f"s{number}" for number, step in enumerate(steps, 1)}
    lines = ["flowchart TD", '  request(["request"])']
    for step in steps:
        label = f"{_escaped(_id(step))}: {_escaped(_cut(step['title']))}"
        lines.append(f'  {places[step["id"]]}["{label}<br/><b>{_path(step["record"])}</b>"]')
        sources = [places[need] for need in step["needs"]] or ["request"]
        lines += [f"  {source} --> {places[step['id']]}" for source in sources]
    ends = _ends(steps)
    lines.append(f'  join(["{_escaped(join)}"])')
    return "\n".join([*lines, *(f"  {places[end]} --> join" for end in ends)])


def ascii_drawing(record: RecordMapping) -> str:
    """Draw the plan of an answered request as plain text, one line per step.

    Args:
        record: The answer's `response_metadata["router"]`.
    """
    steps, found = _steps(record), record.get("decomposition") or {}
    head = f"plan ({found.get('planner') or 'none'}): {found.get('reason', 'not asked for')}"
    if not steps:
        return f"{head}\n  '-- [{_path(record)}] the whole request"
    tiers = [f"[{_path(step['record'])}]" for step in steps]
    width, wide = max(map(len, tiers)), max(len(_id(step)) for step in steps)
    lines = [
        f"  |-- {_id(step):<{wide}} {tier:<{width}} {_cut(step['title'])}{_needs(step)}"
        for step, tier in zip(steps, tiers, strict=True)
    ]
    return "\n".join([head, *lines, f"  '-- {_join(record)}"])


def _steps(record: RecordMapping) -> Sequence[RecordMapping]:
    return (record.get("decomposition") or {}).get("steps") or ()


def _join(record: RecordMapping) -> str:
    """Describe how the answers were joined."""
    join = record["decomposition"]["join"]
    if join is None or join["unused"]:
        return f"[{_last(record)}] the whole request after all"
    return "template" if join["by"] == "template" else f"join [{_path(join['record'])}]"


def _path(record: RecordMapping) -> str:
    """Return the tiers that were asked, ending with the one that answered."""
    tiers = [
        str(attempt["tier"]) for attempt in record.get("attempts", ()) if "step" not in attempt
    ]
    return " > ".join(dict.fromkeys(tiers)) or "no answer"


def _last(record: RecordMapping) -> str:
    attempts = record["attempts"]
    return str(attempts[-1]["tier"]) if attempts else "no answer"


def _ends(steps: Sequence[RecordMapping]) -> list[str]:
    """Return the steps that no other step needs."""
    needed = {need for step in steps for need in step["needs"]}
    return [step["id"] for step in steps if step["id"] not in needed]


def _needs(step: RecordMapping) -> str:
    return f"  <- {', '.join(step['needs'])}" if step["needs"] else ""


def _id(step: RecordMapping) -> str:
    return str(step["id"])


def _cut(title: str) -> str:
    line = " ".join(title.split())
    return line if len(line) <= WIDTH else line[: WIDTH - 1].rstrip() + "…"


def _escaped(text: str) -> str:
    """Escape a text for a Mermaid label."""
    return html.escape(text).replace("`", "'")
