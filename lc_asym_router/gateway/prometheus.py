"""What the gateway counts, in Prometheus' text format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from lc_asym_router.gateway.protocols import GatewayAnswer
from lc_asym_router.money.ledger.handler import Ledger
from lc_asym_router.router.router import AsymRouter

PREFIX = "lc_asym_router_gateway"
BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the histogram of durations, in seconds."""
STATES = ("closed", "half_open", "open")
"""A breaker's states, each by its place as a number."""

_Labels = tuple[tuple[str, str], ...]


class Metrics:
    """The counts of one process. Used from its event loop only."""

    def __init__(self) -> None:
        self.in_flight = 0
        self._requests: Counter[_Labels] = Counter()
        self._answers: Counter[_Labels] = Counter()
        self._tokens: Counter[_Labels] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = self._cost = self._frontier_cost = 0.0
        self._ended = 0

    def ended(
        self, protocol: str, model: str, status: int, seconds: float, answered: GatewayAnswer | None
    ) -> None:
        """Count a request that has ended.

        Args:
            protocol: The protocol's name.
            model: The model that was asked for, by a name that is known here.
            status: The HTTP status, or that of an error within a stream; 499 where the client left.
            seconds: How long it took.
            answered: What it came to, or `None`.
        """
        self._requests[_labels(protocol=protocol, model=model, status=str(status))] += 1
        self._ended += 1
        self._seconds += seconds
        self._buckets.update(bound for bound in BUCKETS if seconds <= bound)
        if answered is None:
            return
        router = answered.router
        escalated = "true" if router["escalated"] else "false"
        self._answers[_labels(tier=str(router["tier"]), escalated=escalated)] += 1
        for kind in ("input", "output"):
            self._tokens[_labels(kind=kind)] += router["usage"][f"{kind}_tokens"]
        self._cost += router["cost_usd"] or 0.0
        self._frontier_cost += router["frontier_cost_usd"] or 0.0

    def text(self, routers: Mapping[str, AsymRouter], ledger: Ledger | None) -> str:
        """The metrics as a scrape gets them.

        Args:
            routers: The routers by their names, for their breakers.
            ledger: The ledger, or `None`.
        """
        return "".join(f"{line}\n" for line in self._lines(routers, ledger))

    def _lines(self, routers: Mapping[str, AsymRouter], ledger: Ledger | None) -> Iterator[str]:
        yield from _metric("requests_total", "counter", "Requests that have ended.", self._requests)
        yield from _metric("answers_total", "counter", "Answers by tier.", self._answers)
        yield from _metric("tokens_total", "counter", "Tokens of all calls.", self._tokens)
        yield from _single("cost_usd_total", "counter", "Cost of all calls in USD.", self._cost)
        yield from _single(
            "frontier_cost_usd_total",
            "counter",
            "Estimated cost of the last tier alone in USD.",
            self._frontier_cost,
        )
        yield from _single("in_flight", "gauge", "Requests under way.", self.in_flight)
        name = f"{PREFIX}_request_seconds"
        yield f"# HELP {name} Time from a request's arrival to its answer's end."
        yield f"# TYPE {name} histogram"
        for bound in BUCKETS:
            yield f'{name}_bucket{{le="{bound:g}"}} {self._buckets[bound]}'
        yield f'{name}_bucket{{le="+Inf"}} {self._ended}'
        yield f"{name}_sum {self._seconds:.6f}"
        yield f"{name}_count {self._ended}"
        states = {
            _labels(router=name, tier=tier): STATES.index(breaker.state)
            for name, router in routers.items()
            for tier, breaker in router.breakers.items()
        }
        yield from _metric("breaker_state", "gauge", "0 closed, 1 half open, 2 open.", states)
        if ledger is not None:
            yield from _single(
                "ledger_pending", "gauge", "Records that wait to be written.", ledger.pending
            )
            yield from _single(
                "ledger_dropped_total", "counter", "Records that were not stored.", ledger.dropped
            )


def _metric(
    name: str, kind: str, description: str, values: Mapping[_Labels, float]
) -> Iterator[str]:
    yield f"# HELP {PREFIX}_{name} {description}"
    yield f"# TYPE {PREFIX}_{name} {kind}"
    for labels, value in sorted(values.items()):
        written = ",".join(f'{key}="{_escaped(each)}"' for key, each in labels)
        yield f"{PREFIX}_{name}{{{written}}} {value}"


def _single(name: str, kind: str, description: str, value: float) -> Iterable[str]:
    yield f"# HELP {PREFIX}_{name} {description}"
    yield f"# TYPE {PREFIX}_{name} {kind}"
    yield f"{PREFIX}_{name} {value!r}"


def _labels(**labels: str) -> _Labels:
    return tuple(labels.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
