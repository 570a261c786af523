"""LangChain's own cache, on a tier's model or for the whole process."""

from __future__ import annotations

from langchain_core.globals import get_llm_cache
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

_NO_TOKENS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}


def reads_cache(model: BaseChatModel) -> bool:
    """Whether an invoked call of the model may be answered from a cache. A stream never is."""
    if model.cache is None:
        return get_llm_cache() is not None
    return model.cache is not False


def counted(message: AIMessage) -> AIMessage:
    """The message with whole token counts.

    LangChain's mark of a hit is a total cost of 0 in `usage_metadata`; of an answer that had come
    without token counts that mark is all there is, which no chunk may have.
    """
    usage = message.usage_metadata
    if not usage or "total_tokens" in usage:
        return message
    return message.model_copy(update={"usage_metadata": {**_NO_TOKENS, **usage}})
