"""Serving: one process, or several that share a port."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from lc_asym_router._internal.imports import needed
from lc_asym_router._internal.tasks import cancel
from lc_asym_router.embedded.connection_limits import ConnectionGuard, LimitedConfig
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.gateway.config import GatewayConfig
from lc_asym_router.records.signing import KEY_VARIABLE

needed("uvicorn", "gateway")

import uvicorn  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from uvicorn.supervisors import Multiprocess  # noqa: E402

logger = logging.getLogger(__name__)


def serve(config: GatewayConfig) -> None:
    """Serve until SIGTERM or SIGINT; then finish what is in service, and write the ledger.

    Args:
        config: What is served.

    Raises:
        ConfigurationError: Something can't be built, or the port is taken.
    """
    listener = listen(config.host, config.port)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    guard = ConnectionGuard(config.limits)
    app = partial(application, config, guard)
    served = LimitedConfig(
        app,
        guard,
        graceful_seconds=config.graceful_seconds,
        factory=True,
        workers=config.workers,
    )
    if config.workers > 1:  # what one worker signs, the others believe
        os.environ.setdefault(KEY_VARIABLE, secrets.token_hex(32))
    set_up_log(config.log_level)
    logger.info("The gateway (processes: %d) is at http://%s:%s/v1", config.workers, shown, port)
    try:
        if config.workers == 1:
            uvicorn.Server(served).run(sockets=[listener])
        else:
            Multiprocess(served, sockets=[listener]).run()
    finally:
        listener.close()


def application(config: GatewayConfig, guard: ConnectionGuard) -> Starlette:
    """The application of one process, whose log it sets up.

    Args:
        config: What is served.
        guard: The server's connections, watched while the application runs.
    """
    set_up_log(config.log_level)
    return watched_app(config.app(), guard)


def watched_app(app: Starlette, guard: ConnectionGuard) -> Starlette:
    """The application, which has its server's connections swept while it runs.

    Args:
        app: The application; it is changed.
        guard: The connections.
    """
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[Any]:
        watching = asyncio.create_task(guard.watch())
        try:
            async with inner(app) as state:
                yield state
        finally:
            await cancel(watching)

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
