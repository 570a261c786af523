"""A server of either kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import Server
from tests.servers.clients import KINDS


@pytest.fixture(params=sorted(KINDS))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with KINDS[request.param]() as running:
        yield running
