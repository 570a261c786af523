"""Checks: decide whether a small tier's answer may be returned.

A check is `(attempt) -> Verdict`. Checks compose with `&` (both pass), `|` (one passes) and `~`
(passes where the other fails); a plain callable that returns a `Verdict` or a bool is one too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.verify.agreement import Agreement as Agreement
    from lc_asym_router.verify.attempt import Attempt as Attempt
    from lc_asym_router.verify.attempt import Prefix as Prefix
    from lc_asym_router.verify.attempt import Verdict as Verdict
    from lc_asym_router.verify.check import Check as Check
    from lc_asym_router.verify.check import as_check as as_check
    from lc_asym_router.verify.defaults import default_checks as default_checks
    from lc_asym_router.verify.form import Arithmetic as Arithmetic
    from lc_asym_router.verify.form import CutOff as CutOff
    from lc_asym_router.verify.form import MatchesSchema as MatchesSchema
    from lc_asym_router.verify.form import NotEmpty as NotEmpty
    from lc_asym_router.verify.form import ParsesAsJSON as ParsesAsJSON
    from lc_asym_router.verify.form import ValidStructure as ValidStructure
    from lc_asym_router.verify.form import ValidToolCalls as ValidToolCalls
    from lc_asym_router.verify.grounded import GroundedArguments as GroundedArguments
    from lc_asym_router.verify.judge_check import Judge as Judge
    from lc_asym_router.verify.judge_check import SelfVerification as SelfVerification
    from lc_asym_router.verify.learned_check import LearnedVerifier as LearnedVerifier
    from lc_asym_router.verify.limits import MaxLength as MaxLength
    from lc_asym_router.verify.limits import MeanLogprob as MeanLogprob
    from lc_asym_router.verify.progress import RepeatedCalls as RepeatedCalls
    from lc_asym_router.verify.second import Joint as Joint
    from lc_asym_router.verify.text_checks import Looping as Looping
    from lc_asym_router.verify.text_checks import Refusal as Refusal
    from lc_asym_router.verify.vote import Vote as Vote

_HOMES = {
    "Agreement": ".agreement",
    "Arithmetic": ".form",
    "Attempt": ".attempt",
    "Check": ".check",
    "CutOff": ".form",
    "GroundedArguments": ".grounded",
    "Joint": ".second",
    "Judge": ".judge_check",
    "LearnedVerifier": ".learned_check",
    "Looping": ".text_checks",
    "MatchesSchema": ".form",
    "MaxLength": ".limits",
    "MeanLogprob": ".limits",
    "NotEmpty": ".form",
    "ParsesAsJSON": ".form",
    "Prefix": ".attempt",
    "Refusal": ".text_checks",
    "RepeatedCalls": ".progress",
    "SelfVerification": ".judge_check",
    "ValidStructure": ".form",
    "ValidToolCalls": ".form",
    "Verdict": ".attempt",
    "Vote": ".vote",
    "as_check": ".check",
    "default_checks": ".defaults",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
