"""The metrics: the conventions' two for each model call, and the router's own for each request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from lc_asym_router.observe import conventions as names
from lc_asym_router.observe.fields import call_fields, fields_of
from lc_asym_router.records.handlers import FinishedAudit, FinishedRequest
from lc_asym_router.records.trail import PREFIX

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation


BREAKER_STATES = ("closed", "half_open", "open")
"""A breaker's states, each by its place as a number."""


class Instruments:
    """The instruments of one meter. Their names are an interface: the docs list them.

    Args:
        meter: The OpenTelemetry meter that creates them.
    """

    def __init__(self, meter: Meter) -> None:
        self._tokens = meter.create_histogram(
            names.TOKEN_USAGE,
            unit="{token}",
            description="Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=names.TOKEN_USAGE_BUCKETS,
        )
        self._durations = meter.create_histogram(
            names.OPERATION_DURATION,
            unit="s",
            description="GenAI operation duration.",
            explicit_bucket_boundaries_advisory=names.OPERATION_DURATION_BUCKETS,
        )
        self._requests = meter.create_counter(
            f"{PREFIX}.requests", unit="{request}", description="Requests that have ended."
        )
        self._seconds = meter.create_histogram(
            f"{PREFIX}.request.duration",
            unit="s",
            description="Time from the decision to the answer.",
            explicit_bucket_boundaries_advisory=names.OPERATION_DURATION_BUCKETS,
        )
        self._calls = meter.create_counter(
            f"{PREFIX}.calls", unit="{call}", description="Model calls, side calls too."
        )
        self._not_asked = meter.create_counter(
            f"{PREFIX}.not_asked",
            unit="{call}",
            description="Calls that a breaker, a queue or a deadline has kept from being made.",
        )
        self._moves = {
            "escalated": meter.create_counter(
                f"{PREFIX}.escalations", unit="{call}", description="Calls of a higher tier."
            ),
            "retried": meter.create_counter(
                f"{PREFIX}.retries", unit="{call}", description="Further calls of the same tier."
            ),
            "hedged": meter.create_counter(
                f"{PREFIX}.hedges", unit="{call}", description="Calls beside one that is late."
            ),
            "fell_back": meter.create_counter(
                f"{PREFIX}.fallbacks", unit="{call}", description="Calls of a fall-back."
            ),
            "degraded": meter.create_counter(
                f"{PREFIX}.degradations", unit="{call}", description="Calls of a lower tier."
            ),
        }
        self._audits = meter.create_counter(
            f"{PREFIX}.audits", unit="{audit}", description="Audits that have ended."
        )
        self._meter = meter
        self._breakers: list[Callable[[], Mapping[str, str]]] = []
        self._bounds: list[Callable[[], Mapping[str, float]]] = []
        self._cost = meter.create_counter(
            f"{PREFIX}.cost_usd", description="Cost of the calls whose cost is known, in USD."
        )
        self._unknown = meter.create_counter(
            f"{PREFIX}.unknown_cost", unit="{call}", description="Calls whose cost is not known."
        )
        self._alone = meter.create_counter(
            f"{PREFIX}.frontier_cost_usd",
            description="What the frontier alone would have cost, in USD; an estimate.",
        )
        self._saved = meter.create_up_down_counter(
            f"{PREFIX}.saved_usd", description="Frontier alone less cost, in USD; may be negative."
        )

    def call(
        self, seconds: float, attributes: Mapping[str, Any], tokens: tuple[int, int] | None
    ) -> None:
        """Record a model call.

        Args:
            seconds: Its duration, in seconds.
            attributes: The call's attributes by the conventions, of low cardinality.
            tokens: Its input and output tokens, or `None` where they are unknown.
        """
        self._durations.record(seconds, dict(attributes))
        if tokens is None:
            return
        shared = {key: value for key, value in attributes.items() if key != names.ERROR_TYPE}
        for kind, count in zip(("input", "output"), tokens, strict=True):
            self._tokens.record(count, {**shared, names.TOKEN_TYPE: kind})

    def breakers(self, states: Callable[[], Mapping[str, str]]) -> None:
        """Observe breakers: `states` returns the current state of each tier's, by the tier's name."""
        self._breakers.append(states)
        if len(self._breakers) == 1:
            self._meter.create_observable_gauge(
                f"{PREFIX}.breaker.state",
                [self._states],
                description="State of a tier's breaker: 0 closed, 1 half-open, 2 open.",
            )

    def _states(self, _: CallbackOptions) -> list[Observation]:
        from opentelemetry.metrics import Observation

        return [
            Observation(BREAKER_STATES.index(state), {f"{PREFIX}.tier": tier})
            for states in self._breakers
            for tier, state in states().items()
        ]

    def bounds(self, found: Callable[[], Mapping[str, float]]) -> None:
        """Observe audits: `found` returns the bounds of now, and the rung in force, by name."""
        self._bounds.append(found)
        if len(self._bounds) > 1:
            return
        for name, description in (
            ("differs", "Share of lower tiers' answers that differ from the last one's, at most."),
            ("worse", "Share of lower tiers' answers that are worse than the last one's, at most."),
            ("target.at_most", "Share of losses that a target is on, at most."),
            ("target.rung", "The rung in force, from 0 for the cheapest."),
        ):
            place = name if name.startswith("target") else f"audits.{name}.at_most"
            self._meter.create_observable_gauge(
                f"{PREFIX}.{place}", [partial(self._bound, name)], description=description
            )

    def _bound(self, name: str, _: CallbackOptions) -> list[Observation]:
        from opentelemetry.metrics import Observation

        known = [found() for found in self._bounds]
        return [Observation(each[name]) for each in known if name in each]

    def request(self, finished: FinishedRequest) -> None:
        """Record a finished request."""
        fields = fields_of(finished)
        by = _labels(fields, "outcome", "tier")
        self._requests.add(1, {**by, **_labels(fields, "escalated", "decided_tier")})
        self._seconds.record(fields["seconds"], by)
        attempts = [call_fields(attempt) for attempt in finished.record["attempts"]]
        for call in (*attempts, *map(call_fields, finished.record["side_calls"])):
            self._called(call)
        sources = [fields["decided_tier"], *(attempt["tier"] for attempt in attempts)]
        for before, attempt in zip(sources, attempts, strict=False):
            if moved := self._moves.get(attempt["why"]):
                moved.add(1, {f"{PREFIX}.from": before, **_labels(attempt, "tier", "because")})
        if fields["frontier_cost_usd"] is not None:
            self._alone.add(fields["frontier_cost_usd"])
        if fields["saved_usd"] is not None:
            self._saved.add(fields["saved_usd"])

    def audit(self, audit: FinishedAudit) -> None:
        """Record an audit that has ended, with its calls."""
        outcome = "worse" if audit.worse else audit.outcome
        found = {"tier": audit.tier, "check": audit.check, "outcome": outcome, "kind": audit.kind}
        self._audits.add(1, _labels(found, *found))
        for call in map(call_fields, audit.calls):
            self._called(call)

    def _called(self, fields: Mapping[str, Any]) -> None:
        if fields["result"] == "not_asked":
            self._not_asked.add(1, _labels(fields, "tier", "error"))
            return
        labels = _labels(fields, "purpose", "tier", "model")
        self._calls.add(1, {**labels, **_labels(fields, "result", "cached")})
        if fields["cost_usd"] is None:
            self._unknown.add(1, labels)
        else:
            self._cost.add(fields["cost_usd"], labels)


def _labels(fields: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {f"{PREFIX}.{key}": fields[key] for key in keys if fields[key] is not None}
