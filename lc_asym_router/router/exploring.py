"""A look inside a router: what moved a decision, what each tier says, a request as it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.runnables import RunnableConfig

from lc_asym_router._internal.display import Displayed

if TYPE_CHECKING:
    from lc_asym_router.records.record import Record
    from lc_asym_router.router.compare import Comparison
    from lc_asym_router.router.explain import Explanation
    from lc_asym_router.router.router import AsymRouter


class Explorable(Displayed):
    """The part of a router that is for looking; what it needs is loaded when it is used."""

    __slots__ = ()

    def explain(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Explanation:
        """The decision with its parts: the words or features that moved it. No tier is asked.

        Arguments and errors as for `decide`.
        """
        from lc_asym_router.router.explain import explain

        return explain(_router(self), input, config, **kwargs)

    async def aexplain(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Explanation:
        """The async twin of `explain`."""
        from lc_asym_router.router.explain import aexplain

        return await aexplain(_router(self), input, config, **kwargs)

    def compare(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Comparison:
        """Ask every tier, side by side, and check every answer with the same checks.

        It shows what each says, the verdicts and the costs; rejected answers too, marked as such. A
        tier that fails is shown as failed. Every call is paid for and counted.

        Arguments as for `invoke`.

        Raises:
            InvalidRequestError: There is nothing to route on.
            NoTierError: No tier can take it.
        """
        from lc_asym_router.router.compare import compare

        return compare(_router(self), input, config, **kwargs)

    async def acompare(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Comparison:
        """The async twin of `compare`."""
        from lc_asym_router.router.compare import acompare

        return await acompare(_router(self), input, config, **kwargs)

    async def watch(
        self, input: LanguageModelInput, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Record:
        """Answer a request and show it happen: the nodes at work, the answer as it comes.

        In a notebook the graph lights up; elsewhere lines are printed. As in any stream, text that
        has not passed its check is never shown.

        Arguments and errors as for `astream`.

        Returns:
            The record, which shows itself as a timeline; the message is its `answer`.
        """
        from lc_asym_router.notebook.live import watch

        return await watch(_router(self), input, config, **kwargs)

    def _repr_html_(self) -> str:
        from lc_asym_router.notebook.router_display import router_html

        return router_html(_router(self).policy)


def _router(explorable: Explorable) -> AsymRouter:
    return cast("AsymRouter", explorable)
