"""Every run below the router says why it is made, to any callback handler and to LangSmith."""

from __future__ import annotations

import threading

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers import LangChainTracer
from langgraph.graph import MessagesState, StateGraph
from langsmith import Client

from lc_asym_router import AsymRouter, Budget, Judge, JudgeClassifier, PerCall, Tier, Verdict
from tests.conftest import frontier_model, record, small_model
from tests.servers import OllamaServer, Reply

REFUSAL = "I'm sorry, but I can't help with that."
KEYS = ("purpose", "tier", "attempt", "why", "because")


class Runs(BaseCallbackHandler):
    """Notes the labels of each model call."""

    run_inline = True

    def __init__(self):
        self.seen = []
        self.tags = []
        self.lock = threading.Lock()

    def on_chat_model_start(self, serialized, messages, *, metadata=None, tags=None, **kwargs):
        with self.lock:
            self.seen.append(tuple((metadata or {}).get(f"lc_asym_router_{key}") for key in KEYS))
            self.tags.append([tag for tag in tags or () if tag.startswith("lc_asym_router:")])


@pytest.fixture
def runs():
    return Runs()


async def test_a_first_call_names_who_decided(make, ask, runs):
    await ask(make(), "hi", {"callbacks": [runs]})
    assert runs.seen == [("answer", "small", 1, "decided", "keyword")]
    assert runs.tags == [
        [
            "lc_asym_router:purpose:answer",
            "lc_asym_router:tier:small",
            "lc_asym_router:why:decided",
        ]
    ]


async def test_retries_and_escalations_name_the_check(make, ask, runs, small):
    small.script(Reply(""), Reply(REFUSAL))
    answer = await ask(make(small_attempts=2), "hi", {"callbacks": [runs]})
    assert runs.seen == [
        ("answer", "small", 1, "decided", "keyword"),
        ("answer", "small", 2, "retried", "NotEmpty"),
        ("answer", "frontier", 3, "escalated", "Refusal"),
    ]
    told = [(entry["why"], entry["because"]) for entry in record(answer)["attempts"]]
    assert told == [seen[3:] for seen in runs.seen]


async def test_an_escalation_names_the_error_without_its_text(make, ask, runs, small):
    small.script(Reply(status=503, error="sk-secret prompt"))
    await ask(make(), "hi", {"callbacks": [runs]})
    assert runs.seen[-1] == ("answer", "frontier", 2, "escalated", "ResponseError 503")


async def test_a_forced_tier_says_so(make, ask, runs):
    config = {"callbacks": [runs], "configurable": {"tier": "frontier"}}
    await ask(make(), "hi", config)
    assert runs.seen == [("answer", "frontier", 1, "decided", "forced")]


async def test_judges_and_classifiers_are_labelled(make, ask, runs, frontier):
    with (
        OllamaServer(default=Reply('{"level": 0}')) as judge,
        OllamaServer(default=Reply('{"level": 0}')) as rater,
    ):
        router = make(
            verify=Judge(small_model(judge)), classify=JudgeClassifier(chat=small_model(rater))
        )
        await ask(router, "hi", {"callbacks": [runs]})
    assert runs.seen == [
        ("classify", None, None, "classify", "judge"),
        ("answer", "small", 1, "decided", "judge"),
        ("verify", "small", 1, "verify", "Judge"),
        ("answer", "frontier", 2, "escalated", "Judge"),
    ]
    assert runs.tags[0] == ["lc_asym_router:purpose:classify", "lc_asym_router:why:classify"]


async def test_a_used_up_budget_is_a_reason_to_fall_back(small, frontier, ask, runs):
    router = AsymRouter(
        small=Tier(small_model(small), price=PerCall(0)),
        frontier=Tier(frontier_model(frontier, max_tokens=10), price=PerCall(1)),
        classify="keyword",
        budgets=[Budget(usd=0.5, per="request", on_exhausted="small")],
        verify="form",
    )
    await ask(router, "debug this", {"callbacks": [runs]})
    assert runs.seen == [("answer", "small", 1, "degraded", "budget")]


async def test_a_check_of_ones_own_is_labelled_too(make, runs, small):
    second = small_model(small)

    def asks_again(attempt):
        return Verdict(second.invoke("sure?").text == "a small answer")

    await make(verify=asks_again).ainvoke("hi", {"callbacks": [runs]})
    assert runs.seen[1] == ("verify", "small", 1, "verify", "asks_again")


async def test_a_subgraph_labels_its_runs(make, runs, small):
    small.script(Reply(REFUSAL))
    parent = StateGraph(MessagesState)
    parent.add_node("answer", make().graph)
    parent.set_entry_point("answer")
    await parent.compile().ainvoke({"messages": [("user", "hi")]}, {"callbacks": [runs]})
    assert [seen[3:] for seen in runs.seen] == [("decided", "keyword"), ("escalated", "Refusal")]


def test_the_callers_tags_are_told_without_ours(make):
    class Records(BaseCallbackHandler):
        def on_router_record(self, told):
            tags.append(told.tags)

    tags = []
    inner = make(callbacks=[Records()])
    AsymRouter(small=inner, frontier=inner, verify=None).invoke("hi", {"tags": ["team-a"]})
    assert tags == [("team-a",)]


async def test_langsmith_gets_them(make, ask, small):
    """A real tracer, whose client keeps what it would send."""
    made = []

    class Kept(Client):
        def create_run(self, *args, **kwargs):
            made.append(kwargs)

        def update_run(self, *args, **kwargs):
            pass

    small.script(Reply(REFUSAL))
    client = Kept(api_url="http://127.0.0.1:9", api_key="x", auto_batch_tracing=False, info={})
    await ask(make(), "hi", {"callbacks": [LangChainTracer(client=client)]})
    models = [run for run in made if run["run_type"] == "llm"]
    said = [run["extra"]["metadata"]["lc_asym_router_why"] for run in models]
    assert said == ["classify", "decided", "escalated"]  # a classifier is a run too
    assert "lc_asym_router:why:escalated" in models[2]["tags"]
    assert models[2]["extra"]["metadata"]["lc_asym_router_because"] == "Refusal"
