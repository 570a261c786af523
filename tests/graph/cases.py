"""Requests that are made on both ways: their settings and scripts, as Hypothesis draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from pydantic import BaseModel

from tests.graph.both_ways import SEEN
from tests.servers import Reply, ToolCall

TIERS = ("small", "middle", "frontier")
REPLIES = {
    "good": Reply("Paris is the capital of France."),
    "empty": Reply(""),
    "refusal": Reply("I'm sorry, but I can't help with that."),
    "call": Reply(tool_calls=[ToolCall("lookup", {"city": "Paris"}, "call-1")]),
    "thinks": Reply("<think>hm</think>Paris."),
    "facts": Reply('{"city": "Paris", "count": 3}'),
    "down": Reply(status=503, error="down"),
    "asked wrongly": Reply(status=400, error="no such thing"),
    "cut": Reply("one two three four", truncate_after=2),
}
SILENT = Reply(hang="before")
"""What a server says whose tier is late: nothing, till the tier above is asked and answers."""
PIECES = Reply("one two three four five")
"""The live answer that a reader leaves."""


class Facts(BaseModel):
    """Facts about a city."""

    city: str
    count: int


def lookup(city: str) -> str:
    """Look a city up."""
    return city


def complexity(messages: list[Any]) -> float:
    """A user's classifier."""
    SEEN.set("by a classifier")
    return 0.9 if "debug" in messages[0].text else 0.1


def answer_instead(exhausted: Any) -> str:
    """A user's answer where a budget is used up."""
    SEEN.set("by a budget")
    return f"Used up: {exhausted.tier}."


@dataclass(frozen=True)
class Call:
    """One request of a case.

    Attributes:
        face: How it is asked: "invoke", "ainvoke", "stream" or "astream".
        direct: Whether the classifier finds it hard.
        configurable: The settings of this call.
        ending: How its caller ends it: "cancel" when the servers have got its request of that number,
            "close" after so many pieces of an answer that comes live; `None` where it runs to its end.
    """

    face: str
    direct: bool = False
    configurable: dict[str, Any] | None = None
    ending: tuple[str, int] | None = None


@dataclass(frozen=True)
class Case:
    """Requests one after the other on one router: its settings, and its servers' replies.

    Attributes:
        calls: The requests.
        replies: What each tier's server says, in order; then "good".
        settings: Settings of the router.
        middle: Whether there is a tier between the small one and the frontier.
        verify: What checks answers: "nothing", "form", "check" (a user's), "some" (it checks the first
            tier only), "opinion" (the tier above is asked).
        does: What the user's check does.
        bound: "plain", "tools", or an output "parsed", or "raw" too.
        failures: After how many failures in a row a breaker opens.
        grace: Seconds that an answer which fails already may take to end by itself: none, or no limit,
            for the tests go by no clock.
        budget: What the budget is, if there is one.
    """

    calls: list[Call]
    replies: dict[str, list[str]]
    settings: dict[str, Any]
    middle: bool = False
    verify: str = "form"
    does: str = "passes"
    bound: str = "plain"
    failures: int = 50
    grace: float = 600.0
    budget: dict[str, Any] | None = None

    @property
    def tiers(self) -> tuple[str, ...]:
        return TIERS if self.middle else ("small", "frontier")

    def is_live(self, tier: str, call: Call) -> bool:
        """Whether a tier's answer is passed on as it comes."""
        unchecked = self.verify == "nothing" or (self.verify == "some" and tier == "middle")
        return tier == "frontier" or unchecked or (call.configurable or {}).get("verify") is False


@st.composite
def calls(draw: Any, middle: bool, bound: str, only_live: bool) -> Call:
    face = draw(st.sampled_from(["invoke", "ainvoke", "stream", "astream"]))
    known = [None, None, {"tier": "frontier"}, {"verify": False}, {"escalate": False}]
    known += [{"thread_id": "t"}, {"tier": "middle"}] if middle else [{"thread_id": "t"}]
    endings: list[Any] = [None, None]
    if face[0] == "a":
        endings.append(st.tuples(st.just("cancel"), st.integers(0, 2)))
    if "stream" in face and only_live and bound in ("plain", "tools"):
        endings.append(st.tuples(st.just("close"), st.integers(1, 3)))
    ending = draw(st.sampled_from(endings))
    return Call(
        face,
        draw(st.booleans()),
        draw(st.sampled_from(known)),
        draw(ending) if ending is not None else None,
    )


budgets = st.fixed_dictionaries(
    {
        "limit": st.sampled_from(
            [{"calls": 1}, {"tokens": 400}, {"usd": 0.00021}, {"usd": 0.00085}, {"usd": 1.0}]
        ),
        "per": st.sampled_from(["request", "thread", "tag"]),
        "then": st.sampled_from(["small", "error", answer_instead]),
        "in_file": st.booleans(),
    }
)


@st.composite
def cases(draw: Any) -> Case:
    middle, bound = draw(st.booleans()), draw(st.sampled_from(["plain", "tools", "raw", "parsed"]))
    replies = st.lists(st.sampled_from(sorted(REPLIES)), min_size=1, max_size=4)
    budget = draw(st.none() | budgets)
    settings = {
        "small_attempts": draw(st.integers(1, 2)),
        "escalate_with": draw(st.sampled_from(["request", "draft"])),
        "degrade": draw(st.booleans()),
        "deadline": draw(st.sampled_from([None, 600.0])),
        "classify_deadline": None,
        "classify": draw(st.sampled_from(["default", "keyword", "judge", complexity, None])),
        "threshold": draw(st.sampled_from([None, [0.05, 0.5]])) if middle else None,
        "hedge": draw(st.sampled_from([False, 600.0])) if budget is None else False,
    }
    verify = draw(
        st.sampled_from(["nothing", "form", "check", "check", "check", "some", "opinion"])
    )
    # Else a live tier is asked by a judge or for an opinion too, which no reader can leave.
    only_live = settings["classify"] != "judge" and verify != "opinion"
    return Case(
        calls=draw(st.lists(calls(middle, bound, only_live), min_size=1, max_size=3)),
        replies={name: draw(replies) for name in (TIERS if middle else ("small", "frontier"))},
        settings=settings,
        middle=middle,
        verify=verify,
        does=draw(st.sampled_from(["passes", "fails", "raises", "interrupts", "cancels", "nests"])),
        bound=bound,
        failures=draw(st.sampled_from([1, 2, 50])),
        grace=draw(st.sampled_from([0.0, 600.0])),
        budget=budget,
    )
