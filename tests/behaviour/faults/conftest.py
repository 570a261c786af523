"""One rig a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.behaviour.faults.rig import Rig


@pytest.fixture
def rig() -> Iterator[Rig]:
    with Rig() as made:
        yield made
