"""One rig a test, and clients that are quick to make."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from functools import cache

import pytest

from tests.faults.rig import Rig


@pytest.fixture(autouse=True)
def certificates_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each HTTP client would read all authorities' certificates anew, which takes 18 ms."""
    monkeypatch.setattr(ssl, "create_default_context", _context)


_context = cache(ssl.create_default_context)


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        yield made
