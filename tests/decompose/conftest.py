"""One world for the tests of a file, fresh for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.behaviour.properties.conftest import QUIET
from tests.decompose.world import World

__all__ = ["QUIET"]


@pytest.fixture(scope="module")
def shared_world() -> Iterator[World]:
    """The servers."""
    world = World()
    yield world
    world.close()


@pytest.fixture
def world(shared_world: World) -> World:
    """The servers with nothing asked yet."""
    shared_world.begin()
    return shared_world
