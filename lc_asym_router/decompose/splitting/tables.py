"""Split tables whose rows each get the same task."""

from __future__ import annotations

import re

from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.decompose.splitting.lead_in import is_style, lead_in_of
from lc_asym_router.decompose.splitting.listing import MOST
from lc_asym_router.decompose.splitting.masking import shown_lines

_RULE = re.compile(r"\s*:?-{2,}:?\s*")


def table_plan(text: str) -> Plan | None:
    """Return the plan of a table whose rows each get the same task, or `None`.

    Args:
        text: The request's text.
    """
    pairs = shown_lines(text)
    lines, shown = [line.rstrip("\n") for line, _ in pairs], [line for _, line in pairs]
    rule = next((at for at, line in enumerate(shown) if at and _is_rule(line)), 0)
    if not rule or "|" not in shown[rule - 1]:
        return None
    end = next((at for at in range(rule, len(shown)) if "|" not in shown[at]), len(shown))
    before = "\n".join(lines[: rule - 1]).strip()
    behind = "\n".join(lines[end:]).strip()
    rows = lines[rule + 1 : end]
    if not 2 <= len(rows) <= MOST or not _for_each(before, behind):
        return None
    head = lines[rule - 1 : rule + 1]
    return Plan(
        Step(
            id=str(number),
            instruction="\n\n".join(p for p in (before, "\n".join([*head, row]), behind) if p),
            title=" | ".join(cell.strip() for cell in row.strip().strip("|").split("|")),
        )
        for number, row in enumerate(rows, 1)
    )


def _is_rule(line: str) -> bool:
    """Whether a line separates a table's head from its rows."""
    cells = line.strip().strip("|").split("|")
    return "|" in line and all(_RULE.fullmatch(cell) for cell in cells)


def _for_each(before: str, behind: str) -> bool:
    """Whether the text before or after a table gives a task for each row."""
    lead_in = lead_in_of(before)
    if lead_in and lead_in.kind == "each":
        return is_style(behind)
    stated = lead_in_of(behind)
    return not before and bool(stated and stated.kind == "each")
