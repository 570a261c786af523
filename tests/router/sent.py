"""What the workers of `test_workers.py` do: build the router that they were sent, and ask it."""

from __future__ import annotations

import os
from functools import cache

from lc_asym_router import RouterSpec, TiersFailedError

build = cache(RouterSpec.build)
"""One router a worker, however many requests it gets."""


def answer(spec: RouterSpec, question: str) -> tuple[str, str, int]:
    """Return the answer, its tier, and the worker's process."""
    message = build(spec).invoke(question)
    return str(message.text), message.response_metadata["router"]["tier"], os.getpid()


def raised(spec: RouterSpec, question: str) -> TiersFailedError:
    """Return the error of a request that no tier answers."""
    try:
        build(spec).invoke(question)
    except TiersFailedError as error:
        return error
    raise AssertionError("a tier has answered")
