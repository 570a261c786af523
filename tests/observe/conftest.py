"""OpenTelemetry in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.globals import set_llm_cache
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from lc_asym_router import AsymRouter, OpenTelemetry

NS = "lc_asym_router"


class Telemetry:
    """A handler, and what has come out of it."""

    def __init__(self, **settings: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.traces = TracerProvider()
        self.traces.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.handler = OpenTelemetry(self.traces, MeterProvider([self.reader]), **settings)

    @property
    def spans(self) -> list[Any]:
        """The spans that have ended, in the order of their starts."""
        return sorted(self.exporter.get_finished_spans(), key=lambda span: span.start_time)

    @property
    def requests(self) -> list[Any]:
        """Those of requests."""
        return [span for span in self.spans if span.name == "invoke_workflow AsymRouter"]

    @property
    def calls(self) -> list[Any]:
        """Those of model calls."""
        return [span for span in self.spans if span.name.startswith("chat ")]

    def points(self, name: str) -> list[Any]:
        """The data points of a metric."""
        data = self.reader.get_metrics_data()
        return [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]

    def counts(self, name: str, *keys: str) -> dict[Any, Any]:
        """The values of a counter by some of its attributes."""
        counted: dict[Any, Any] = {}
        for point in self.points(name):
            by = tuple(point.attributes.get(f"{NS}.{key}") for key in keys)
            counted[by] = counted.get(by, 0) + point.value
        return counted

    def wait(self, count: int = 1, timeout: float = 5.0) -> None:
        """Wait until so many requests have ended."""
        until = time.monotonic() + timeout
        while len(self.requests) < count and time.monotonic() < until:
            time.sleep(0.02)

    def settled(self) -> bool:
        """Whether nothing is left open in the handler."""
        own = self.handler
        return not (own._open or own._steps or own._graphs or own._calls)


def told(span: Any, *keys: str) -> tuple[Any, ...]:
    """Some of a span's attributes in the router's namespace."""
    return tuple(span.attributes.get(f"{NS}.{key}") for key in keys)


@pytest.fixture
def telemetry() -> Telemetry:
    """A handler in memory."""
    return Telemetry()


@pytest.fixture
def make(make: Callable[..., AsymRouter]) -> Callable[..., AsymRouter]:
    """As everywhere, with the classifier whose word is plain to see: "debug" goes up."""
    return lambda **settings: make(**{"classify": "keyword", **settings})


@pytest.fixture(autouse=True)
def no_global_cache() -> Iterator[None]:
    """No test leaves a cache behind."""
    yield
    set_llm_cache(None)
