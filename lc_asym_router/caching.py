"""LangChain's own cache, on a tier's model or for the whole process."""

from __future__ import annotations

from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel


def reads_cache(model: BaseChatModel) -> bool:
    """Whether an invoked call of the model may be answered from a cache. A stream never is."""
    if model.cache is None:
        return get_llm_cache() is not None
    return model.cache is not False
