"""Draw the router's graph: nodes, edges, and the position of a request."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from langgraph.constants import END, START

from lc_asym_router.graph.policy import Policy
from lc_asym_router.notebook.markup import Html, clipped, drawing, price, standalone, tag
from lc_asym_router.records.call import figure_text

NodeState = Literal["run", "done"]
"""A node that is at work, or has been."""

WIDTH = 780
HIGH, GAP, TOP = 60, 46, 40
COLUMNS = {"classify": (64, 140), "tier": (266, 178), "verify": (530, 130)}
"""Where the columns begin, and how wide they are."""
_ENDS = (24, 748)


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge from one node to another.

    Attributes:
        source: The node where it starts.
        target: The node where it ends.
        label: The condition under which it is taken; "" for always.
        maybe: Whether it is taken only after a failure.
    """

    source: str
    target: str
    label: str = ""
    maybe: bool = False


def edges_of(policy: Policy) -> Iterator[Edge]:
    """Return the edges under a policy, without those that only one call's overrides allow."""
    *lower, top = [tier.name for tier in policy.ladder]
    beside = [tier.name for tier in policy.ladder.fallbacks]
    yield Edge(START, "classify")
    for name in (*lower, top):
        yield Edge("classify", name)
    rejected = "rejected: escalate"
    for name, above in zip(lower, [*lower[1:], top], strict=True):
        yield Edge(name, above, "it fails", maybe=True)
        if not _checked(policy, name):
            yield Edge(name, END)
            continue
        yield Edge(name, "verify")
        if policy.small_attempts > 1:
            yield Edge("verify", name, "try again", maybe=True)
        yield Edge("verify", above, rejected)
        rejected = ""  # said once
    if policy.check is not None:
        yield Edge("verify", END, "passed")
    for name, after in zip([top, *beside], [*beside, None], strict=True):
        yield Edge(name, END)
        if after is not None:
            yield Edge(name, after, "it fails", maybe=True)
    if policy.degrade:
        yield Edge([top, *beside][-1], lower[-1], "degrade", maybe=True)


def graph_svg(
    policy: Policy,
    states: Mapping[str, NodeState] | None = None,
    went: Collection[tuple[str, str]] = (),
) -> Html:
    """Draw the graph.

    Args:
        policy: The router's resolved settings.
        states: The highlighted nodes, with their states.
        went: The highlighted edges, as (source, target).
    """
    plan = _Plan(policy)
    lit = states or {}
    edges = [plan.edge(edge, (edge.source, edge.target) in went) for edge in edges_of(policy)]
    nodes = [plan.node(name, lit.get(name)) for name in plan.places]
    return drawing(
        WIDTH, plan.height, edges, nodes, plan.ends(lit), title="The graph of the router"
    )


def router_svg(policy: Policy) -> str:
    """Return the graph as a file of its own, for light and dark."""
    return standalone(graph_svg(policy))


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float
    width: float

    @property
    def middle(self) -> float:
        return self.y + HIGH / 2

    @property
    def centre(self) -> float:
        return self.x + self.width / 2

    @property
    def right(self) -> float:
        return self.x + self.width


class _Plan:
    """The layout: one column each for classify, the tiers, and verify."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        tiers = [tier.name for tier in policy.ladder.every]
        step = HIGH + GAP
        self.height = TOP + len(tiers) * step - GAP + 24
        rungs = len(policy.ladder)
        whole = (rungs - 1) * step / 2
        self.places: dict[str, _Box] = {"classify": _Box(*_at("classify", TOP + whole))}
        for place, name in enumerate(tiers):
            self.places[name] = _Box(*_at("tier", TOP + place * step))
        if policy.check is not None:
            self.places["verify"] = _Box(*_at("verify", TOP + (rungs - 2) * step / 2))
        self.level = self.places["classify"].middle

    def node(self, name: str, state: NodeState | None) -> Html:
        """Draw a node as a box with its text lines."""
        box = self.places[name]
        top = name == self.policy.ladder[-1].name
        first, *more = self._lines(name)
        return tag(
            "g",
            tag("title", "\n".join([first, *more])),
            tag("rect", x=box.x, y=box.y, width=box.width, height=HIGH, rx=8, class_="box"),
            tag("text", clipped(first, 20), x=box.x + 10, y=box.y + 20, class_="b"),
            (
                tag("text", clipped(line, 28), x=box.x + 10, y=box.y + 37 + 15 * row, class_="d")
                for row, line in enumerate(more)
            ),
            class_=" ".join(filter(None, ("node", "top" if top else None, state))),
            data_node=name,
        )

    def _lines(self, name: str) -> Sequence[str]:
        policy = self.policy
        if name == "classify":
            thresholds = ", ".join(map(figure_text, policy.decider.thresholds))
            return name, policy.decider.scorer.name, f"threshold {thresholds}"
        if name == "verify":
            names = {part.name for part in policy.check.parts} if policy.check else set()
            checks = names.pop() if len(names) == 1 else f"{len(names)} checks"
            return name, checks, f"{policy.small_attempts} tries a tier" if _again(policy) else ""
        tier = policy.ladder.named(name)
        assert tier is not None
        return name, tier.model_name, price(tier.rate)

    def ends(self, lit: Mapping[str, NodeState]) -> Iterator[Html]:
        """Draw the circles at both ends."""
        for name, x, word in ((START, _ENDS[0], "start"), (END, _ENDS[1], "end")):
            yield tag(
                "g",
                tag("circle", cx=x, cy=self.level, r=9, class_="box"),
                tag("text", word, x=x, y=self.level + 24, class_="d mid"),
                class_=lit.get(name),
            )

    def edge(self, edge: Edge, went: bool) -> Html:
        """Draw an edge as a line with an arrowhead and a label."""
        path, tip, (x, y, anchor) = self._course(edge)
        return tag(
            "g",
            tag("path", d=path, class_="edge maybe" if edge.maybe else "edge"),
            tag("path", d=tip, class_="tip"),
            tag("text", edge.label, x=x, y=y, class_=f"d {anchor}".strip()),
            class_="went" if went else None,
        )

    def _course(self, edge: Edge) -> tuple[str, str, tuple[float, float, str]]:
        """Return an edge's path, its arrowhead, and the position of its label."""
        source, target = self.places.get(edge.source), self.places.get(edge.target)
        if source is None:
            assert target is not None
            x, y = target.x, target.middle
            return _curve(_ENDS[0] + 9, self.level, x, y), _tip(x, y, 1), (x, y, "end")
        if target is None:
            x, y = _ENDS[1] - 9.0, self.level
            label = (source.right + 6, source.middle - 8, "")
            return _curve(source.right, source.middle, x, y), _tip(x, y, 1), label
        if edge.source == "verify" and not edge.maybe:
            x, y = target.right, target.middle - 14
            start, low = source.centre, source.y + HIGH
            path = f"M{start} {low} C{start} {y},{start - 40} {y},{x} {y}"
            return path, _tip(x, y, -1), (start + 8, low + 20, "")
        if edge.source == "verify":  # back to the tier, over the line that came from it
            x, y = target.right, target.middle - 18
            start = source.centre
            path = f"M{start} {source.y} C{start} {source.y - 30},{x + 30} {y - 30},{x} {y}"
            return path, _tip(x, y, -1), ((start + x) / 2, min(source.y, y) - 26, "mid")
        if edge.label == "degrade":  # up again, on the left
            x, y, low = target.x, target.middle + 16, source.middle + 16
            path = f"M{x} {low} C{x - 46} {low},{x - 46} {y},{x} {y}"
            return path, _tip(x, y, 1), (x - 40, (y + low) / 2 + 4, "end")
        if edge.maybe:
            x, low = source.centre, source.y + HIGH
            return f"M{x} {low} L{x} {target.y}", _down(x, target.y), (x + 8, low + 27, "")
        x, y = target.x, target.middle
        return _curve(source.right, source.middle, x, y), _tip(x, y, 1), (x, y, "end")


def _checked(policy: Policy, name: str) -> bool:
    tier = policy.ladder.named(name)
    return tier is not None and policy.check_on(tier) is not None


def _again(policy: Policy) -> bool:
    return policy.check is not None and policy.small_attempts > 1


def _at(column: str, y: float) -> tuple[float, float, float]:
    x, width = COLUMNS[column]
    return x, y, width


def _curve(x: float, y: float, to_x: float, to_y: float) -> str:
    bend = (to_x - x) / 2
    return f"M{x} {y} C{x + bend} {y},{to_x - bend} {to_y},{to_x} {to_y}"


def _tip(x: float, y: float, direction: int) -> str:
    """Return an arrowhead at a point, pointing right (1) or left (-1)."""
    return f"M{x} {y} l{-8 * direction} -4.5 v9 z"


def _down(x: float, y: float) -> str:
    return f"M{x} {y} l-4.5 -8 h9 z"
