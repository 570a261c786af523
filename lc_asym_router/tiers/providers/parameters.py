"""Call parameters: each tier gets them under its own provider's names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel

from lc_asym_router._internal.compat import generate_parameters
from lc_asym_router.errors import InvalidRequestError
from lc_asym_router.tiers.providers.description import ALIASES, SHARED, STANDARD, UNSENT
from lc_asym_router.tiers.providers.registry import PROVIDERS, provider_of

BOUND_WITH_TOOLS = frozenset({"tool_choice", "strict", "parallel_tool_calls", "response_format"})
"""What belongs to the tools that it is bound with; all else given there is a call parameter."""
EVERYWHERE = frozenset(STANDARD) | frozenset(ALIASES) | SHARED | UNSENT
"""Names that are known whatever the tiers are."""
_SOMEWHERE = EVERYWHERE.union(*(provider.own for provider in PROVIDERS))


def translated(
    model: BaseChatModel, wanted: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The arguments of a call as the model's client takes them, and the names of those left out.

    Args:
        model: The tier's model.
        wanted: The arguments, under standard or any provider's names; `None` leaves a standard
            one as the model has it.
    """
    provider = provider_of(model)
    given = {ALIASES.get(name, name): value for name, value in wanted.items()}
    refused = provider.refused(model, given)
    taken: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in wanted.items():
        standard = ALIASES.get(name, name)
        if standard in STANDARD and (value is None or (standard == "n" and value == 1)):
            continue  # the model's own, and what every model does anyway
        if name == "response_format" and isinstance(value, Mapping) and value.get("type") == "text":
            continue  # likewise; several clients raise, or take it for JSON
        if standard == "stop" and isinstance(value, str):
            value = [value]  # OpenAI and Mistral alone take a text
        if standard in provider.parameters and standard not in refused:
            taken[provider.parameters[standard]] = value
        elif standard not in STANDARD and _takes(model, name) and name not in refused:
            taken[name] = value
        else:
            dropped.append(name)
    return provider.arranged(model, taken), tuple(dropped)


def settings(
    model: BaseChatModel, wanted: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Standard parameters as fields of the model, and the names of those that it refuses.

    A parameter that the class has no field for is left out, and counts as refused.
    """
    provider, fields = provider_of(model), type(model).model_fields
    refused = provider.refused(model, wanted)
    update: dict[str, Any] = {}
    dropped: list[str] = []
    for name, value in wanted.items():
        spelled = (provider.parameters.get(name, name), name)
        field = next((each for each in spelled if each in fields), None)
        if field is None or name in refused:
            dropped.append(name)
        else:
            update[field] = value
    return update, tuple(dropped)


def check_arguments(models: Iterable[BaseChatModel], wanted: Iterable[str]) -> None:
    """Refuse arguments that no provider and none of the models knows.

    Raises:
        InvalidRequestError: There is one; it is named.
    """
    asked = list(models)
    for name in wanted:
        if name in _SOMEWHERE or any(_takes(model, name) for model in asked):
            continue
        near = difflib.get_close_matches(name, sorted(_SOMEWHERE), 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        classes = ", ".join(sorted({type(model).__name__ for model in asked}))
        raise InvalidRequestError(
            f"No tier's model knows the argument {name!r} ({classes}).{hint} Leave it out, or set it "
            "on the model of the tier that it is meant for."
        )


def _takes(model: BaseChatModel, name: str) -> bool:
    """Whether a call of the model takes an argument that is no standard parameter."""
    provider = provider_of(model)
    if provider.known:
        return name in provider.own or name in SHARED
    named = generate_parameters(model)
    return name in SHARED or name in named or name in type(model).model_fields
