"""A router with the tools or the schema of a batch, and what its answers depend on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from lc_asym_router.batch.input_rows import plain_value
from lc_asym_router.errors import ConfigurationError

Schema = dict[str, Any] | type | None


def check_either(tools: Sequence[Any] | None, schema: Schema) -> None:
    """Refuse tools beside a schema.

    Raises:
        ConfigurationError: Both are given.
    """
    if tools and schema is not None:
        raise ConfigurationError("Give either tools= or schema=: an answer is calls or an output.")


def bound(router: Any, tools: Sequence[Any] | None, schema: Schema) -> Any:
    """Return what is asked: the router, with its tools or its schema."""
    if schema is not None:
        return router.with_structured_output(schema, include_raw=True)
    return router.bind_tools(list(tools)) if tools else router


def journal_maker(
    router: Any, prompt: str | None, tools: Sequence[Any] | None, schema: Schema, *more: str
) -> str:
    """Identify the settings that answers depend on, alike in every process.

    Args:
        router: The router, or its description.
        prompt: The prompt's text.
        tools: The tools, told apart by their names.
        schema: The schema.
        *more: What else the journal's results depend on.
    """
    names = [getattr(each, "name", getattr(each, "__name__", each)) for each in tools or ()]
    named = schema.__name__ if isinstance(schema, type) else schema
    settings = json.dumps(plain_value([repr(router), prompt, named, names, *more]))
    return hashlib.sha256(settings.encode()).hexdigest()[:16]
