"""On whose account a model's calls go, without keeping the key."""

from __future__ import annotations

import hashlib
from typing import Any

from langchain_core.language_models import BaseChatModel
from pydantic import SecretStr


def account_of(model: BaseChatModel) -> str:
    """A name for the keys and headers that a model's calls carry; the same for the same ones.

    One customer's wrong key says nothing of another's, so they share no breaker.
    """
    fields = vars(model)
    secrets = [
        f"{name}={value.get_secret_value()}"
        for name, value in sorted(fields.items())
        if isinstance(value, SecretStr)
    ]
    headers = (_headers(fields.get("client_kwargs")), fields.get("default_headers"))
    carried = repr((secrets, [sorted((each or {}).items()) for each in headers]))
    return hashlib.blake2b(carried.encode(), digest_size=8).hexdigest()


def _headers(client_kwargs: Any) -> dict[str, Any]:
    return dict((client_kwargs or {}).get("headers") or {})
