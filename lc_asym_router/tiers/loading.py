"""Load a chat model from a string such as "ollama:llama3.1:8b"."""

from __future__ import annotations

from langchain_core.language_models import BaseChatModel

from lc_asym_router.errors import ConfigurationError


def load_model(name: str) -> BaseChatModel:
    """Make a chat model of a string such as ``"ollama:llama3.1:8b"``.

    Raises:
        ConfigurationError: The string names no provider, its package is not installed, or the
            provider rejects it at once (no key).
    """
    provider, colon, model = name.partition(":")
    if not colon or not model:
        raise ConfigurationError(
            f"{name!r} names no provider. Write 'provider:model', such as 'ollama:llama3.1:8b' or "
            "'openai:gpt-4o'."
        )
    try:
        return _construct(provider, model, name)
    except ImportError as error:
        package = error.name or f"langchain-{provider}"
        raise ConfigurationError(
            f"{name!r} needs a package that is not installed ({package}). Install "
            f"`pip install langchain langchain-{provider.replace('_', '-')}`."
        ) from error
    except ConfigurationError:
        raise
    except Exception as error:
        # The message may quote a key; its type is enough beside the remedy.
        raise ConfigurationError(
            f"{name!r} can't be set up ({type(error).__name__}). Check the provider's name and its "
            f"key in the environment ({provider.upper()}_API_KEY for most); or pass a chat model "
            "that you have made yourself."
        ) from None


def _construct(provider: str, model: str, name: str) -> BaseChatModel:
    if provider == "ollama":
        from langchain_ollama import ChatOllama

        return ChatOllama(model=model)
    if provider == "openai":
        from langchain_openai import ChatOpenAI

        return ChatOpenAI(model=model)
    from langchain.chat_models import init_chat_model

    return init_chat_model(name)
