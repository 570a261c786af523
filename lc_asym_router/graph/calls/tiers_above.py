"""Let an answer's check ask the tiers above; none is called twice for the same answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router._internal.deadline import CALLS, aread, awithin, within
from lc_asym_router.errors import ConfigurationError, NoTierError
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.binding import bind, read_reply
from lc_asym_router.tiers.conversation import fitted
from lc_asym_router.tiers.faults.event_loops import connect_per_loop
from lc_asym_router.tiers.ladder import Ladder
from lc_asym_router.tiers.provider import check_end, no_answer
from lc_asym_router.tiers.tier import Tier


@dataclass(frozen=True)
class AskableTiers:
    """The tiers above the one whose answer is checked, for one check of one answer.

    Attributes:
        ladder: The tiers.
        request: What was asked, not yet fitted to anybody's provider.
        remaining: Seconds until the request's deadline, or `None`.
        repairs: Whether tool calls that an answer writes as text become real ones.
        answers: What each tier has answered, by its name.
    """

    ladder: Ladder
    request: Request
    remaining: Callable[[], float | None] = lambda: None
    repairs: bool = True
    answers: dict[str, AIMessage] = field(default_factory=dict, repr=False)

    def ask(self, name: str) -> AIMessage:
        """Return a tier's answer to the request, within its breaker, its queue and its time limit.

        Args:
            name: The tier's name.

        Raises:
            ConfigurationError: There is no such tier.
            NoTierError: It can't take the request.
            Exception: Whatever the call raises.
        """
        tier = self._tier(name)
        model, messages = bind(tier.model, self.request), self._messages(tier)
        with tier.guard.entered(self.remaining(), last=False):
            answer = within(self._limit(tier), lambda: model.invoke(messages), threads=CALLS)
        return self._taken(name, self._read(answer, tier))

    async def aask(self, name: str) -> AIMessage:
        """The async twin of `ask`."""
        tier = self._tier(name)
        model, messages = bind(tier.model, self.request), self._messages(tier)
        connect_per_loop(tier.model)
        async with tier.guard.aentered(self.remaining(), last=False):
            answer = await awithin(self._limit(tier), lambda: model.ainvoke(messages))
        read = await aread(lambda: self._read(answer, tier), str(answer.text))
        return self._taken(name, read)

    def _read(self, answer: AIMessage, tier: Tier) -> AIMessage:
        check_end(answer, tier.provider)
        return read_reply(answer, self.request, self.repairs).message

    def _taken(self, name: str, answer: AIMessage) -> AIMessage:
        self.answers[name] = answer  # what is no answer is paid for too, and is not asked for twice
        if fault := no_answer(answer):
            raise fault
        return answer

    def calls(self, calls: Mapping[str | None, dict[str, Any]]) -> dict[str, tuple[AIMessage, Any]]:
        """What each tier has answered, by its name, with the side call that was noted for it."""
        return {
            name: (answer, calls[answer.id])
            for name, answer in self.answers.items()
            if answer.id in calls
        }

    def _limit(self, tier: Tier) -> float | None:
        """Seconds that a call may take."""
        limits = (tier.timeout, self.remaining())
        return min((each for each in limits if each is not None), default=None)

    def _tier(self, name: str) -> Tier:
        tier = self.ladder.named(name)
        if tier is None:
            raise ConfigurationError(
                f"A check asks the tier {name!r}, which this router does not have."
            )
        if why := tier.refuses(self.request):
            raise NoTierError({name: why})
        return tier

    def _messages(self, tier: Tier) -> list[Any]:
        return list(fitted(self.request, tier.model, tier.description).messages)
