"""No prompt, no answer and no key in logs, spans, metrics, errors or caches' keys, whatever happens."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_openai import ChatOpenAI
from langchain_openai.chat_models import _client_utils

from lc_asym_router import AsymRouter, OpenTelemetry, RequestLog, Tier, TiersFailedError, Verdict
from tests.conftest import small_model
from tests.observe.conftest import Telemetry
from tests.servers import OllamaServer, OpenAIServer, Reply, ToolCall

CANARY = st.text("ᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫ", min_size=6, max_size=12)  # Cherokee: nothing else here is
FAULTS = st.sampled_from(["", "500", "401", "empty", "drop", "garbage", "tool", "length"])
WAYS = st.sampled_from(["invoke", "ainvoke", "stream", "astream"])


class Heard(logging.Handler):
    """Every log record of the process, with all that it carries."""

    def __init__(self):
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record):
        # What the HTTP clients and LangChain's own clients log at debug level is theirs.
        if record.name.startswith(("lc_asym_router", "langchain", "opentelemetry", "langgraph")):
            self.text += repr({**record.__dict__, "message": record.getMessage()})


def reply(fault, answer, error):
    return {
        "": Reply(answer),
        "500": Reply(status=500, error=error),
        "401": Reply(status=401, error=error),
        "empty": Reply(""),
        "drop": Reply(f"{answer} {answer} {answer}", drop_after=1, chunk_delay=0.002),
        "garbage": Reply(f"{answer} {answer}", garbage=f"{{{error}\n".encode()),
        "tool": Reply(answer, tool_calls=[ToolCall(answer, {answer: answer})]),
        "length": Reply(answer, finish="length"),
    }[fault]


def ask(router, way, prompt):
    config = {"configurable": {"thread_id": "t-1"}, "tags": ["team-a"]}

    async def parts():
        return [part async for part in router.astream(prompt, config)]

    if way == "invoke":
        router.invoke(prompt, config)
    elif way == "stream":
        list(router.stream(prompt, config))
    elif way == "ainvoke":
        asyncio.run(router.ainvoke(prompt, config))
    else:
        asyncio.run(parts())


@pytest.fixture(scope="module")
def servers():
    with OllamaServer() as small, OpenAIServer() as frontier:
        yield small, frontier


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    secrets=st.tuples(CANARY, CANARY, CANARY, CANARY),
    faults=st.tuples(FAULTS, FAULTS),
    way=WAYS,
    own=st.sampled_from(["default", "quoting", "raising"]),
)
def test_nothing_of_anybodys_is_told(servers, secrets, faults, way, own):
    small, frontier = servers
    prompt, answer, error, reason = secrets
    key = "sk-CANARYKEY"
    _client_utils._cached_async_httpx_client.cache_clear()  # connections of another loop
    small.reset()
    frontier.reset()
    small.default = reply(faults[0], answer, f"{error} {key}")
    frontier.default = reply(faults[1], answer, f"{error} {key}")

    def quoting(attempt):
        if own == "raising":
            raise ValueError(reason)
        return Verdict(False, reason=reason)

    heard, root = Heard(), logging.getLogger()
    root.addHandler(heard)
    level = root.level
    root.setLevel(logging.DEBUG)
    try:
        telemetry = Telemetry()
        router = AsymRouter(
            small=Tier(small_model(small)),
            frontier=ChatOpenAI(
                model="frontier-model",
                base_url=frontier.base_url,
                api_key=key,
                max_retries=0,
                timeout=10,
            ),
            verify="default" if own == "default" else quoting,
            callbacks=[telemetry.handler, RequestLog()],
        )
        told = ""
        try:
            ask(router, way, f"please say {prompt}")
        except TiersFailedError as failure:
            told = "".join(traceback.format_exception(failure)) if own == "default" else ""
    finally:
        root.removeHandler(heard)
        root.setLevel(level)
    spans = "".join(span.to_json() + repr(span.events) for span in telemetry.spans)
    metrics = telemetry.reader.get_metrics_data().to_json()
    assert telemetry.requests
    assert telemetry.points("lc_asym_router.requests")
    assert "lc_asym_router.requests" in heard.text
    assert telemetry.settled()
    everything = spans + metrics + heard.text + repr(telemetry.handler) + repr(router)
    decoded = everything.encode().decode("unicode_escape", "ignore") + everything
    for secret in (*secrets, key):
        assert secret not in decoded
    # The caller's own error says what the server said, without the request's texts and keys.
    for secret in (prompt, key):
        assert secret not in told


def test_what_a_reason_says_is_told_to_who_asks_for_content(make):
    telemetry = Telemetry(content=True)
    assert isinstance(telemetry.handler, OpenTelemetry)
    make(callbacks=[telemetry.handler]).invoke("debug ᎠᎡᎢ")
    assert "ᎠᎡᎢ" in telemetry.requests[0].attributes["gen_ai.input.messages"]
