"""The names that OpenTelemetry's Prometheus exporter makes of the metrics: those of the docs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

from lc_asym_router import (
    AsymRouter,
    Audit,
    Breaker,
    Budget,
    OpenTelemetry,
    PerCall,
    Tier,
    TiersFailedError,
)
from tests.conftest import frontier_model, small_model
from tests.servers import Reply

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "observability.md"


def documented() -> dict[str, tuple[str, set[str]]]:
    """For each metric in the docs' table, its kind and its labels."""
    rows = re.findall(
        r"^\| `(\w+)` \| (counter|gauge|histogram) \|([^|]*)\|", PAGE.read_text(), re.MULTILINE
    )
    return {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def exposed(registry) -> dict[str, tuple[str, set[str]]]:
    """The same of what Prometheus would scrape."""
    text = generate_latest(registry).decode()
    kinds = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    found = {}
    for name, kind in kinds.items():
        if name == "target_info":
            continue
        lines = re.findall(rf"^{name}(?:_bucket|_count)?\{{([^}}]*)\}}", text, re.MULTILINE)
        labels = {key for line in lines for key in re.findall(r"(\w+)=", line)}
        own = {key for key in labels if key != "le" and not key.startswith("otel_scope_")}
        found[name] = (kind, own)
    return found


async def test_the_documented_names_come_out_exactly(make, small, frontier):
    registry = CollectorRegistry()
    reader = PrometheusMetricReader(registry=registry)
    otel = OpenTelemetry(meter_provider=MeterProvider([reader]))
    router = make(callbacks=[otel])
    router.invoke("hi")
    otel.watch_breakers(router)
    small.script(Reply(""), Reply(""), Reply(status=500))
    make(callbacks=[otel], small_attempts=2).invoke("hi")
    frontier.script(Reply(status=500))
    with pytest.raises(TiersFailedError):
        make(callbacks=[otel]).invoke("hi")
    broken = Tier(small_model(small), retry=1, breaker=Breaker(failures=1))
    small.script(Reply(status=500))
    for _ in range(2):
        AsymRouter(
            small=broken, frontier=Tier(frontier_model(frontier)), callbacks=[otel], verify="form"
        ).invoke("hi")
    capped = AsymRouter(
        small=Tier(small_model(small), price=PerCall(0)),
        frontier=Tier(frontier_model(frontier, max_tokens=9), price=PerCall(1)),
        classify="keyword",
        budgets=[Budget(usd=0.5, per="request", on_exhausted="small")],
        callbacks=[otel],
        verify="form",
    )
    capped.invoke("debug")
    AsymRouter(
        small=small_model(small), frontier=frontier_model(frontier), callbacks=[otel], verify="form"
    ).invoke("hi")
    sturdy = make(callbacks=[otel], fallbacks=[frontier_model(frontier)], hedge=0.05)
    frontier.script(Reply(status=500))
    sturdy.invoke("hi", {"configurable": {"tier": "frontier"}})
    small.script(Reply("late", delay=0.5))
    sturdy.invoke("hi")
    audited = make(callbacks=[otel], audit=Audit(share=1.0, first=0, target=0.5, start=0))
    otel.watch_audits(audited)
    for _ in range(12):
        audited.invoke("hi")
        assert audited.flush_audits()
    assert len(documented()) >= 12
    assert exposed(registry) == documented()
    audited.close_audits(30.0)


@pytest.mark.full
def test_installed_it_hears_every_router_of_the_process():
    """In a process of its own, for it can't be taken back."""
    script = """
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from lc_asym_router import AsymRouter, OpenTelemetry
from tests.conftest import frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer

reader = InMemoryMetricReader()
OpenTelemetry(meter_provider=MeterProvider([reader])).install()
with OllamaServer(default="yes") as small, OpenAIServer() as frontier:
    AsymRouter(small=small_model(small), frontier=frontier_model(frontier)).invoke("hi")
data = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
print({metric.name: metric.data.data_points[0].value for metric in data
       if metric.name == "lc_asym_router.requests"})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "{'lc_asym_router.requests': 1}" in done.stdout, done.stderr
