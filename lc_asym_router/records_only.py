"""The base of callback handlers that want requests' records and none of LangChain's events."""

from __future__ import annotations

from typing import Any, Self

from langchain_core.callbacks import BaseCallbackHandler


class RecordsOnly(BaseCallbackHandler):
    """A handler whose `on_router_record` is all that is called; LangChain's events pass it by.

    It stays one handler where LangChain copies a config.
    """

    run_inline = True

    @property
    def ignore_llm(self) -> bool:
        """Models' runs are passed over."""
        return True

    @property
    def ignore_chat_model(self) -> bool:
        """Chat models' runs are passed over."""
        return True

    @property
    def ignore_chain(self) -> bool:
        """Chains' runs are passed over."""
        return True

    @property
    def ignore_agent(self) -> bool:
        """Agents' runs are passed over."""
        return True

    @property
    def ignore_retriever(self) -> bool:
        """Retrievers' runs are passed over."""
        return True

    @property
    def ignore_custom_event(self) -> bool:
        """Custom events are passed over."""
        return True

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: Any) -> Self:
        return self
