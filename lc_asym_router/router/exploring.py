"""A look inside a router: where a request would go and why, what each tier says, and it happening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config

from lc_asym_router._internal.display import Displayed, renderer
from lc_asym_router.graph.policy import Policy
from lc_asym_router.graph.state import CallOptions
from lc_asym_router.records.record import Record
from lc_asym_router.records.request import Request
from lc_asym_router.records.trail import Decision

if TYPE_CHECKING:
    from lc_asym_router.router.compare import Comparison
    from lc_asym_router.router.explain import Explanation


class _Router(Protocol):
    """What the mixin needs of the router that it is part of."""

    @property
    def policy(self) -> Policy: ...

    def _request(self, input: LanguageModelInput, kwargs: dict[str, Any]) -> Request: ...

    def _merged(self, config: RunnableConfig | None) -> RunnableConfig: ...


class Explorable(Displayed):
    """Mixin with a router's methods for exploration; their modules are imported on first use."""

    __slots__ = ()

    def decide(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Decision:
        """Where a request would go, and why. No tier is asked.

        Args:
            input: A text, a prompt value, or messages.
            config: As for `invoke`; the overrides in "configurable" count.
            **kwargs: As for `invoke`: tools that rule out a tier, for example.

        Raises:
            InvalidRequestError: There is nothing to route on.
            NoTierError: No tier can take it.
        """
        router, config = _router(self), ensure_config(config)
        policy = router.policy
        options = CallOptions.of(config, policy.ladder, policy.prefix)
        return policy.decider.decide(router._request(input, kwargs), options, config)

    async def adecide(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Decision:
        """The async twin of `decide`."""
        router, config = _router(self), ensure_config(config)
        policy = router.policy
        options = CallOptions.of(config, policy.ladder, policy.prefix)
        return await policy.decider.adecide(router._request(input, kwargs), options, config)

    def explain(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Explanation:
        """Explain a decision: the words or features that contributed to it. No tier is called.

        Takes the arguments of `decide` and raises the same errors.
        """
        from lc_asym_router.router.explain import explain

        router = _router(self)
        return explain(router.policy, router._request(input, kwargs), config)

    async def aexplain(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Explanation:
        """The async twin of `explain`."""
        from lc_asym_router.router.explain import aexplain

        router = _router(self)
        return await aexplain(router.policy, router._request(input, kwargs), config)

    def compare(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Comparison:
        """Ask every tier concurrently, and check every answer with the same checks.

        The result shows each tier's answer, verdict and cost. Rejected answers are included and
        marked as such; a tier that fails is shown as failed. Every call costs money and counts
        against the budgets.

        Takes the arguments of `invoke`.

        Raises:
            InvalidRequestError: There is no human message to route on.
            NoTierError: No tier can take the request.
        """
        from lc_asym_router.router.compare import compare

        router = _router(self)
        request = router._request(input, kwargs)
        return compare(router.policy, request, input, router._merged(config))

    async def acompare(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Comparison:
        """The async twin of `compare`."""
        from lc_asym_router.router.compare import acompare

        router = _router(self)
        request = router._request(input, kwargs)
        return await acompare(router.policy, request, input, router._merged(config))

    async def watch(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Record:
        """Answer a request and display its progress: the active nodes, and the answer.

        In a notebook the graph lights up; elsewhere lines are printed. As in any stream, text that
        has not passed its check is never shown.

        Arguments and errors as for `astream`.

        Returns:
            The record, which shows itself as a timeline; the message is its `answer`.
        """
        watch = renderer("watch")
        return cast("Record", await watch(self, input, config, **kwargs))


def _router(explorable: Explorable) -> _Router:
    return cast("_Router", explorable)
