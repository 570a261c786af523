"""Checks: may a small tier's answer be handed on?

A check is `(attempt) -> Verdict`. Checks compose with `&` (both pass), `|` (one passes) and `~`
(passes where the other fails); a plain callable that returns a `Verdict` or a bool is one too.
"""

from __future__ import annotations

from lc_asym_router._lazy import lazy_exports

__all__ = [
    "Agreement",
    "Arithmetic",
    "Check",
    "CutOff",
    "Joint",
    "Judge",
    "LearnedVerifier",
    "Looping",
    "MatchesSchema",
    "MaxLength",
    "MeanLogprob",
    "NotEmpty",
    "ParsesAsJSON",
    "Prefix",
    "Refusal",
    "SelfVerification",
    "ValidStructure",
    "ValidToolCalls",
    "as_check",
    "default_checks",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "Agreement": "agreement",
        "Arithmetic": "arithmetic",
        "Check": "check",
        "CutOff": "form",
        "Joint": "joint",
        "Judge": "judge",
        "LearnedVerifier": "learned",
        "Looping": "loops",
        "MatchesSchema": "schema",
        "MaxLength": "limits",
        "MeanLogprob": "limits",
        "NotEmpty": "form",
        "ParsesAsJSON": "schema",
        "Prefix": "prefix",
        "Refusal": "refusal",
        "SelfVerification": "self_verify",
        "ValidStructure": "schema",
        "ValidToolCalls": "tools",
        "as_check": "check",
        "default_checks": "defaults",
    },
)
