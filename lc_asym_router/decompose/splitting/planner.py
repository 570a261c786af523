"""A planner without a model: it splits by the form of the text, and only where that is certain."""

from __future__ import annotations

from dataclasses import dataclass

from lc_asym_router.decompose.plan import Plan
from lc_asym_router.decompose.splitting.listing import list_plan, listed, table_plan
from lc_asym_router.decompose.splitting.prose import questions_plan, sequence_plan

LONGEST = 20_000
"""Characters of the longest request that is split: a longer one is a text that is given."""


@dataclass(frozen=True)
class StructuralPlanner:
    """Splits a request by the form of its text, without a model.

    It splits lists of tasks, several questions, "do this, then that", and lists and tables of items
    that the same task applies to. Everything uncertain stays whole: code, quotations and given
    texts; data; a list with a task for all of it; a single sentence, except plain instructions
    joined by "then"; in running text a question that does not name what it is about. An item of a
    list that may refer to earlier ones needs all of them. The words that show this are English;
    requests in other languages stay whole.
    """

    def __call__(self, text: str) -> Plan | None:
        """Return the plan of a request, or `None` where it is one task.

        Args:
            text: The request's text.
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > LONGEST:
            return None
        if (plan := list_plan(text) or table_plan(text)) or listed(text):
            return plan  # a list that is no list of tasks is data
        return sequence_plan(text) or questions_plan(text)

    def __repr__(self) -> str:
        return "structure"
