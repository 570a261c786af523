"""What is set wrongly: the error says what to do instead, and repeats no key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from langchain_ollama import ChatOllama
from langchain_openai import ChatOpenAI

from lc_asym_router import (
    Agreement,
    AsymRouter,
    Audit,
    Breaker,
    Budget,
    BudgetStore,
    Judge,
    KeywordClassifier,
    LearnedClassifier,
    Ledger,
    Price,
    Retry,
    Tier,
    Vote,
    default_checks,
)

KEY = "sk-not-a-key"
SMALL = ChatOllama(model="llama3.1:8b")
FRONTIER = ChatOpenAI(model="gpt-4o", api_key=KEY)  # type: ignore[arg-type]
TIERS = {"small": SMALL, "frontier": FRONTIER}


def no_argument() -> bool:
    return True


ROUTERS: list[tuple[dict[str, Any], str]] = [
    ({}, "small= is missing. Write AsymRouter(small=ChatOllama(...)"),
    ({"small": SMALL}, "frontier= is missing"),
    ({"small": 3, "frontier": FRONTIER}, "give a chat model, a model string"),
    ({"small": "llama3.1:8b", "frontier": FRONTIER}, "such as 'ollama:llama3.1:8b'"),
    ({"small": "ollama:", "frontier": FRONTIER}, "such as 'ollama:llama3.1:8b'"),
    ({"small": "gpt-4o", "frontier": FRONTIER}, "such as 'openai:gpt-4o'"),
    ({"small": "nobody:x", "frontier": FRONTIER}, "for most NOBODY_API_KEY, which is not set"),
    ({**TIERS, "treshold": 0.5}, "Did you mean threshold?"),
    ({**TIERS, "threshold": 7}, "a number in [0, 1]"),
    ({**TIERS, "threshold": "no.json"}, "lc-asym-router calibrate"),
    ({**TIERS, "verify": "strikt"}, "'form', 'default', 'vote', 'strict'"),
    ({**TIERS, "verify": 3}, "such as NotEmpty()"),
    ({**TIERS, "verify": Agreement}, "an instance"),
    ({**TIERS, "verify": default_checks}, "Give what it makes, default_checks()"),
    ({**TIERS, "verify": no_argument}, "no_argument takes no attempt"),
    ({**TIERS, "verify": {"smal": None}}, "every tier but the last: 'small'"),
    ({**TIERS, "verify": "vote"}, "verify=Vote(of=["),
    ({**TIERS, "verify": Vote(of=["smal"])}, "tiers below the last one: 'small'"),
    ({**TIERS, "verify": Agreement(second="middle")}, "above that are frontier"),
    ({**TIERS, "classify": "keywords"}, "default, keyword, judge, learned"),
    ({**TIERS, "classify": 3}, "a callable messages -> float"),
    ({**TIERS, "classify": KeywordClassifier}, "classify=KeywordClassifier()"),
    ({**TIERS, "small_attempts": 0}, "at least 1"),
    ({**TIERS, "sticky": "always"}, "'turn' or 'thread'"),
    ({**TIERS, "escalate_with": "all"}, "'request' or 'draft'"),
    ({**TIERS, "hedge": -1}, "a time over 0 seconds"),
    ({**TIERS, "deadline": -1}, "or None"),
    ({**TIERS, "budgets": [3]}, "[Budget(usd=5, per='day')]"),
    ({**TIERS, "budgets": [Budget(usd=1)]}, "price=PerCall(0)"),
    ({**TIERS, "fallbacks": FRONTIER}, "[ChatOpenAI(model='gpt-4.1'), ...]"),
    ({**TIERS, "languages": ["xx"]}, "there are for ar, bn, de"),
    ({**TIERS, "languages": "de"}, "such as ['en', 'de']"),
    ({**TIERS, "question": 3}, "('Question:')"),
    ({**TIERS, "audit": 0.02}, "Audit(share=0.02)"),
    ({"tiers": [SMALL]}, "at least two tiers"),
    ({"tiers": [Tier(SMALL, "a"), Tier(FRONTIER, "a")]}, "Give each its own name"),
    ({**TIERS, "tiers": [SMALL, FRONTIER]}, "not both"),
]
PARTS: list[tuple[Callable[[], object], str]] = [
    (lambda: Tier(SMALL, Price(1, 2)), "Tier(model, price=Price(1, 2))"),  # type: ignore[arg-type]
    (lambda: Tier(SMALL, price=3), "give Price(input, output)"),  # type: ignore[arg-type]
    (lambda: Tier(SMALL, timeout=-1), "leave it out for no limit"),
    (lambda: Tier(SMALL, max_concurrency=0), "from 1 on"),
    (lambda: Price(-1, 2), "Leave the price out where it is not known"),
    (lambda: Budget(), "Budget(usd=5, per='day')"),
    (lambda: Budget(usd=1, per="week"), "every='week'"),  # type: ignore[arg-type]
    (lambda: Budget(usd=1, on_exhausted="stop"), "give 'small', 'error' or a callable"),
    (lambda: BudgetStore(f"mysql://u:{KEY}@h/d"), "Databases are SQLite and PostgreSQL"),
    (lambda: Ledger(f"mysql://u:{KEY}@h/d"), "Write 'sqlite:///"),
    (lambda: KeywordClassifier(words=3), "such as ['refactor', 'debug']"),
    (lambda: KeywordClassifier(words="debug"), "write ['debug']"),
    (lambda: LearnedClassifier(path="no.json"), "`lc-asym-router train`"),
    (lambda: Judge("nothing"), "Judge(ChatOllama("),  # type: ignore[arg-type]
    (lambda: Agreement(0), "1 to samples"),
    (lambda: Agreement(second="gemma2:9b"), "such as 'ollama:gemma2:9b'"),
    (lambda: Audit(share=7), "at most 1"),
    (lambda: Retry(attempts=0), "attempts=0"),
    (lambda: Breaker(failures=0), "from 1 on"),
]


@pytest.mark.parametrize(("settings", "says"), ROUTERS)
def test_a_routers_settings(settings, says):
    with pytest.raises(ValueError, match="AsymRouter") as raised:
        AsymRouter(**settings)
    assert says in str(raised.value)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize(("make", "says"), PARTS)
def test_what_a_router_is_made_of(make, says):
    with pytest.raises(ValueError, match=r"\w") as raised:
        make()
    assert says in str(raised.value)
    assert KEY not in str(raised.value)
