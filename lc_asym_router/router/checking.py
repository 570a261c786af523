"""Resolve the `verify=` setting to the check on each tier's answers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.agreement import Agreement
from lc_asym_router.verify.check import Check, as_check
from lc_asym_router.verify.defaults import PerTier, call_checks, default_checks
from lc_asym_router.verify.vote import Vote

logger = logging.getLogger(__name__)


def check_of(verify: Any, ladder: Ladder) -> Check | None:
    """Resolve what a user gave as `verify=` to a check; `None` for no check.

    Raises:
        ConfigurationError: It is no check; it is a mapping in which a tier is missing or unknown;
            or it asks a tier that is not above the one whose answers it checks, or includes the
            last tier in a vote.
    """
    if isinstance(verify, Mapping):
        check = _per_tier(verify, ladder)
    elif isinstance(verify, str):
        check = _named(verify, ladder)
    else:
        check = None if verify is None else as_check(verify)
    names = [tier.name for tier in ladder]
    for place, name in enumerate(names[:-1]):
        here = check.at(name) if check else None
        for part in here.parts if here else ():
            _known_tiers(part, name, names[place + 1 :], names)
    return check


def _known_tiers(part: Check, name: str, above: list[str], names: list[str]) -> None:
    second = getattr(part, "second", None)
    if isinstance(second, str) and second not in above:
        raise ConfigurationError(
            f"{part.name}(second={second!r}) checks the tier {name!r}, and above that are "
            f"{', '.join(above)}. Name one of them, or give a chat model; "
            "verify={'" + name + "': ...} gives each tier a check of its own."
        )
    voters = [each for each in part.of if isinstance(each, str)] if isinstance(part, Vote) else []
    if unknown := sorted(set(voters) - set(names[:-1])):
        raise ConfigurationError(
            f"Vote(of=...) names {', '.join(map(repr, unknown))}; voters are tiers below the last one: "
            f"{', '.join(map(repr, names[:-1]))}. The last tier is asked where no two agree."
        )


def _per_tier(verify: Mapping[Any, Any], ladder: Ladder) -> Check | None:
    names = [tier.name for tier in ladder][:-1]
    if set(verify) != set(names):
        raise ConfigurationError(
            f"verify= has checks for {', '.join(map(repr, verify)) or 'no tier'}; give one, or None, "
            f"for every tier but the last: {', '.join(map(repr, names))}."
        )
    checks = {name: _single(verify[name], name, ladder) for name in names}
    return PerTier(checks) if any(checks.values()) else None


def _single(verify: Any, name: str, ladder: Ladder) -> Check | None:
    if verify is None:
        return None
    return _rule(verify)(ladder, name) if isinstance(verify, str) else as_check(verify)


def _named(verify: str, ladder: Ladder) -> Check:
    rule = _rule(verify)
    checks = {tier.name: rule(ladder, tier.name) for tier in ladder[:-1]}
    first, *others = checks.values()
    alike = all(check.name == first.name for check in others)
    return first if alike else PerTier(checks)


def _rule(verify: str) -> Callable[[Ladder, str], Check]:
    if verify not in NAMED:
        raise ConfigurationError(
            f"verify={verify!r} is none of {', '.join(map(repr, NAMED))}; or give a check from "
            "lc_asym_router.verify, a callable attempt -> Verdict or bool, or None for no check."
        )
    return NAMED[verify]


def _form(ladder: Ladder, name: str) -> Check:
    return default_checks()


def _default(ladder: Ladder, name: str) -> Check:
    """The check "default": form and sums, and a further sample where it costs no money."""
    tier = ladder.named(name)
    assert tier is not None
    if _is_cheap(tier):
        return default_checks() & call_checks() & Agreement(samples=1, vary="auto", texts="pass")
    _log_form_only(tier.name, tier.model_name)
    return default_checks() & call_checks()


def _vote(ladder: Ladder, name: str) -> Check:
    names = [tier.name for tier in ladder[:-1]]
    if len(names) < 2:
        raise ConfigurationError(
            "verify='vote' needs two cheap tiers or more, below the last one: "
            "AsymRouter(tiers=[Tier(a, 'small'), Tier(b, 'middle'), Tier(c, 'frontier')]). With one, "
            f"give it another model: verify=Vote(of=[{names[0]!r}, ChatOllama(model='qwen2.5:7b')])."
        )
    return Vote(of=names)


def _strict(ladder: Ladder, name: str) -> Check:
    """The check "strict": two opinions must agree, of two tiers or of one in two representations."""
    names = [tier.name for tier in ladder[:-1]]
    return Vote(of=names) if len(names) > 1 else Vote(samples=1)


NAMED: Mapping[str, Callable[[Ladder, str], Check]] = {
    "form": _form,
    "default": _default,
    "vote": _vote,
    "strict": _strict,
}
"""What `verify=` may name: from the tiers, and the name of one of them, to the check on its answers."""


def _is_cheap(tier: Tier) -> bool:
    """Whether another call of a tier costs no money: it runs locally, or its price is 0."""
    free = tier.rate is not None and tier.rate.most(1_000_000, 1_000_000, 1.0) == 0
    return tier.runs_here or free


@lru_cache(maxsize=64)
def _log_form_only(name: str, model: str) -> None:
    logger.info(
        "The answers of the tier %s (%s) are checked for form and sums alone: another sample would be "
        "paid for. verify='strict' asks for a second opinion all the same, verify='form' says nothing.",
        name,
        model,
    )
