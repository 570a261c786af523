"""Settings that an editor must find wrong, and right ones that it must let pass (`make lint`).

mypy reports an ignore that is not needed, so each of these lines fails once its mistake goes unseen.
"""

from __future__ import annotations

from pathlib import Path

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage

from lc_asym_router import Agreement, AsymRouter, Attempt, Budget, Tier, Verdict, default_checks


def complexity(messages: list[BaseMessage]) -> float:
    """A user's own classifier."""
    return len(messages) / 100


def verdict(attempt: Attempt) -> Verdict:
    """A user's own check."""
    return Verdict(bool(attempt.text))


def question(messages: list[BaseMessage]) -> str:
    """A user's own way to the question."""
    return messages[-1].text


def right(model: BaseChatModel) -> list[AsymRouter]:
    """What is right passes."""
    return [
        AsymRouter(small="ollama:llama3.1:8b", frontier=model),
        AsymRouter(tiers=[Tier(model, "small"), Tier(model, "frontier")], threshold=[0.5]),
        AsymRouter(small=model, frontier=model, classify=complexity, verify=verdict),
        AsymRouter(small=model, frontier=model, verify=default_checks() & Agreement(2, agree=2)),
        AsymRouter(small=model, frontier=model, verify={"small": None}, threshold=Path("c.json")),
        AsymRouter(small=model, frontier=model, verify="vote", classify=None),
        AsymRouter(small=model, frontier=model, verify={"small": "strict"}, question=question),
        AsymRouter(small=model, frontier=model, question="Question:", languages=["en", "de"]),
        AsymRouter(small=model, frontier=model, question=("Question:", "Context:"), verify="form"),
        AsymRouter(small=model, frontier=model, stall_steps=None, sticky="thread"),
        AsymRouter(small=model, frontier=model, budgets=[Budget(usd=5, per="day")], deadline=30),
    ]


def wrong(model: BaseChatModel) -> None:
    """What is wrong is found."""
    AsymRouter(small=3, frontier=model)  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, threshold="abc")  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, classify="lerned")  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, verify=True)  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, budgets=5)  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, fallbacks=model)  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, sticky="forever")  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, question=3)  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, languages=3)  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, verify="votes")  # type: ignore[arg-type]
    AsymRouter(small=model, frontier=model, verify={"small": "votes"})  # type: ignore[dict-item]
    AsymRouter(small=model, frontier=model, thresold=0.5)  # type: ignore[call-arg]
