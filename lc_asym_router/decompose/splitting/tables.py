"""Tables whose rows are each to be worked on."""

from __future__ import annotations

import re

from lc_asym_router.decompose.plan import Plan, Step
from lc_asym_router.decompose.splitting.lead_in import is_style, said_before
from lc_asym_router.decompose.splitting.listing import MOST
from lc_asym_router.decompose.splitting.masking import shown_lines

_RULE = re.compile(r"\s*:?-{2,}:?\s*")


def table_plan(text: str) -> Plan | None:
    """The plan of a table whose rows are each to be worked on, or `None`.

    Args:
        text: The request.
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
    """Whether a line stands between a table's head and its rows."""
    cells = line.strip().strip("|").split("|")
    return "|" in line and all(_RULE.fullmatch(cell) for cell in cells)


def _for_each(before: str, behind: str) -> bool:
    """Whether the same is to be done with each row, said on either side of the table."""
    said = said_before(before)
    if said and said.kind == "each":
        return is_style(behind)
    stated = said_before(behind)
    return not before and bool(stated and stated.kind == "each")
