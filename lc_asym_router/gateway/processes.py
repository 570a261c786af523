"""Serving: one process, or several that share a port."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lc_asym_router._internal.fault_log import Throttle
from lc_asym_router._internal.imports import needed
from lc_asym_router._internal.tasks import cancel
from lc_asym_router.embedded.connection_limits import ConnectionGuard, LimitedConfig
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.gateway.config import GatewayConfig
from lc_asym_router.gateway.refusals import refusal_bytes
from lc_asym_router.records.signing import KEY_VARIABLE
from lc_asym_router.tiers.faults.shared_breakers import Openings

needed("uvicorn", "gateway")

import uvicorn  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from uvicorn.supervisors import Multiprocess  # noqa: E402

logger = logging.getLogger(__name__)

_not_shared = Throttle()

WORKER_SECONDS = 120
"""How long a worker may be silent before another takes its place, in seconds. uvicorn's own 5 are less
than what a busy machine takes for the imports: it would begin workers anew without end."""
EXCHANGE_SECONDS = 0.5
"""How often the processes tell each other of their breakers' openings."""


def serve(config: GatewayConfig) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in service, and write the ledger.

    Args:
        config: What is served.

    Raises:
        ConfigurationError: Something can't be built, or the port is taken.
    """
    if config.workers > 1:
        config.app()  # what can't be built is said here: a worker that ends of it is begun again
    listener = listen(config.host, config.port)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    guard = ConnectionGuard(config.limits, errors=refusal_bytes)
    set_up_log(config.log_level)
    logger.info("The gateway (processes: %d) is at http://%s:%s/v1", config.workers, shown, port)
    with listener, ExitStack() as stack:
        openings = None
        if config.workers > 1:
            folder = stack.enter_context(TemporaryDirectory(prefix="lc-asym-router-"))
            openings = Openings(Path(folder))
            # What one worker signs, the others believe.
            os.environ.setdefault(KEY_VARIABLE, secrets.token_hex(32))
        served = LimitedConfig(
            partial(application, config, guard, openings),
            guard,
            graceful_seconds=config.graceful_seconds,
            factory=True,
            workers=config.workers,
            timeout_worker_healthcheck=WORKER_SECONDS,
        )
        if config.workers == 1:
            uvicorn.Server(served).run(sockets=[listener])
        else:
            Multiprocess(served, sockets=[listener]).run()


def application(
    config: GatewayConfig, guard: ConnectionGuard, openings: Openings | None = None
) -> Starlette:
    """The application of one process, whose log it sets up.

    Args:
        config: What is served.
        guard: The server's connections, watched while the application runs.
        openings: What the processes tell each other of their breakers, or `None` where there is one.
    """
    set_up_log(config.log_level)
    return watched_app(config.app(), guard, openings)


async def exchange(openings: Openings) -> None:
    """Exchange the breakers' openings with the other processes, again and again."""
    while True:
        try:
            await asyncio.to_thread(openings.exchange)
        except OSError as error:
            if _not_shared.count("openings"):
                logger.warning("Breakers' openings are not shared: %s", error.strerror)
        await asyncio.sleep(EXCHANGE_SECONDS)


def watched_app(
    app: Starlette, guard: ConnectionGuard, openings: Openings | None = None
) -> Starlette:
    """The application, which has its server's connections swept while it runs.

    Args:
        app: The application; it is changed.
        guard: The connections.
        openings: As for `application`.
    """
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Any]:
        tasks = [asyncio.create_task(guard.watch())]
        if openings is not None:
            tasks.append(asyncio.create_task(exchange(openings)))
        try:
            async with inner(app) as state:
                yield state
        finally:
            for task in tasks:
                await cancel(task)

    app.router.lifespan_context = lifespan
    return app


def set_up_log(level: str) -> None:
    """Write the package's log to standard error, where no handler does so yet."""
    log = logging.getLogger("lc_asym_router")
    log.setLevel(level)
    if not log.handlers and not logging.getLogger().handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        log.addHandler(handler)


def listen(host: str, port: int) -> socket.socket:
    """Bind the port here: it is known, and taken, before a worker starts.

    Raises:
        ConfigurationError: It can't be bound.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        raise ConfigurationError(
            f"{host}:{port} can't be listened on ({error.strerror}). Give another --port."
        ) from error
    listener.set_inheritable(True)
    return listener
