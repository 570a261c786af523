"""What the rungs of a target would do with a request: asked beside it, off its path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig

from lc_asym_router.errors import BudgetExceededError, NoTierError
from lc_asym_router.graph.calls.tiers_above import AskableTiers
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import CallOptions
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.binding import bind_again
from lc_asym_router.tiers.conversation import fitted
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.attempt import Attempt


@dataclass(frozen=True)
class RungChecks:
    """Asks the rungs' own classifiers and checks.

    Attributes:
        policies: The settings on each rung, "all frontier" last.
    """

    policies: Sequence[Policy]

    def tier(self, request: Request) -> tuple[Tier | None, int]:
        """Return the lower tier that a request would be asked of, and the strictest rung that asks it.

        `None` and -1 where every rung sends it straight to the last tier.
        """
        config: RunnableConfig = {}
        found, strictest = None, -1
        for number, policy in enumerate(self.policies[:-1]):
            try:
                name = policy.decider.decide(request, CallOptions(), config).tier
            except NoTierError:
                break
            if policy.setups[name].last:
                break
            found, strictest = found or policy.setups[name].tier, number
        return found, strictest

    def accepted(self, request: Request, name: str, message: AIMessage, rung: int) -> int:
        """Return the strictest rung up to one that would hand on a lower tier's answer; -1 for none.

        Args:
            request: What was asked.
            name: The tier's name.
            message: Its answer.
            rung: The strictest rung to look at.
        """
        for number in range(min(rung, len(self.policies) - 2), -1, -1):
            policy = self.policies[number]
            setup = policy.setups[name]
            if setup.check is None:
                return number
            try:
                verdict = setup.check(_attempt(policy, setup.tier, request, message))
            except BudgetExceededError:
                raise
            except Exception:  # as on a request's path: what a check raises has not passed
                continue
            if verdict.passed:
                return number
        return -1


def _attempt(policy: Policy, tier: Tier, request: Request, message: AIMessage) -> Attempt:
    asked = fitted(request, tier.model, tier.description)
    return Attempt(
        tier=tier.name,
        model=tier.model_name,
        message=message,
        request=asked,
        usage=message.usage_metadata,
        again=lambda temperature, seed: bind_again(tier.model, asked, temperature, seed),
        price=tier.rate,
        provider=policy.setups[tier.name].provider,
        tiers_above=AskableTiers(policy.ladder, request, lambda: None, policy.repair_tool_calls),
        repairs=policy.repair_tool_calls,
    )
