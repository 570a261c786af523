"""The planner that needs no model: it splits by the form of the text, and only where that is sure."""

from __future__ import annotations

from dataclasses import dataclass

from lc_asym_router.decompose.plan import Plan
from lc_asym_router.decompose.splitting.listing import list_plan, listed
from lc_asym_router.decompose.splitting.prose import questions_plan, sequence_plan
from lc_asym_router.decompose.splitting.tables import table_plan

LONGEST = 20_000
"""Characters of the longest request that is split: a longer one is a text that is given."""


@dataclass(frozen=True)
class StructuralPlanner:
    """Splits lists of tasks, several questions, "do this, then that", and lists and tables of items
    with each of which the same is to be done.

    What it is not sure of stays whole: code, quotes and text that is given; data; a list that something
    is to be done with as a whole; one sentence, but for plain orders joined by "then"; in running text
    a question that does not name what it is about. An item of a list that may mean earlier ones needs
    them all. The words that tell all this are English; what is in other languages stays whole.
    """

    def __call__(self, text: str) -> Plan | None:
        """The plan of a request, or `None` where it is one task.

        Args:
            text: The request.
        """
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > LONGEST:
            return None
        if (plan := list_plan(text) or table_plan(text)) or listed(text):
            return plan  # a list that is no list of tasks is data
        return sequence_plan(text) or questions_plan(text)

    def __repr__(self) -> str:
        return "structure"
