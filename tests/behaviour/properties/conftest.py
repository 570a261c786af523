"""One world for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.behaviour.properties.world import World

QUIET = [
    pytest.mark.filterwarnings("ignore:.*v3 streaming protocol"),
    pytest.mark.filterwarnings("ignore:astream_events version"),
    pytest.mark.filterwarnings("ignore:Pydantic serializer warnings"),
]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()
