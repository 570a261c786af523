"""The embedded server in a thread, and the pair of chat models that talks to it."""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from lc_asym_router.embedded.api_errors import needs_extra
from lc_asym_router.embedded.catalog import EMBEDDED_MODELS, FRONTIER, SMALL, embedded_model
from lc_asym_router.embedded.connection_limits import ConnectionGuard, LimitedConfig
from lc_asym_router.embedded.endpoints import make_app
from lc_asym_router.embedded.engine import CONTEXT_TOKENS
from lc_asym_router.embedded.ollama_api import DEFAULT_MAX_TOKENS
from lc_asym_router.embedded.pool import EnginePool
from lc_asym_router.embedded.request_limits import Limits, process_limits

if TYPE_CHECKING:
    from langchain_ollama import ChatOllama
    from langchain_openai import ChatOpenAI

with needs_extra():
    import uvicorn

_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
_THREAD_NAME = "lc-asym-router-embedded"


def _not_ours(record: logging.LogRecord) -> bool:
    return record.threadName != _THREAD_NAME


class EmbeddedServer:
    """Serves embedded models on one port, from a thread of this process.

    A model's weights are downloaded, and the model is loaded, when it is first used.

    Clients must send the server's token, as `embedded_small` and `embedded_frontier` do.

    Example:
        >>> with EmbeddedServer(["smollm2:135m"]) as server:
        ...     model = embedded_small(server, model="smollm2:135m")
    """

    _shared: ClassVar[EmbeddedServer | None] = None
    _shared_lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(
        self,
        models: Sequence[str] = (SMALL, FRONTIER),
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        cache_dir: Path | None = None,
        progress: bool | None = None,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create the server; nothing is started.

        Args:
            models: Names in `EMBEDDED_MODELS`.
            host: The address to listen on. Requests must name it, or a loopback host; on
                ``0.0.0.0`` or ``::``, any address in digits.
            port: The port; 0 takes a free one at each start.
            cache_dir: The folder for weights; see `ensure_weights`.
            progress: How a download is displayed; see `ensure_weights`.
            limits: Limits on connections and requests. Default: derived from the number of files that
                this process may open.
            clock: Returns the time in seconds, for the limits on slow clients.

        Raises:
            ValueError: When a name is not in the catalogue, or there is none.
        """
        if isinstance(models, str) or not models:
            raise ValueError("models must be a list of names, with at least one in it.")
        self._models = tuple(embedded_model(name) for name in dict.fromkeys(models))
        self._host = host
        self._port = port
        self._cache_dir = cache_dir
        self._progress = progress
        self._limits = process_limits() if limits is None else limits
        self._clock = clock
        self._token = secrets.token_urlsafe(32)
        self._lock = threading.RLock()
        self._pool: EnginePool | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._url: str | None = None
        self._owner = 0

    @classmethod
    def shared(cls) -> EmbeddedServer:
        """Return this process's shared server, started, with every model of the catalogue.

        It stops when the process ends. If it was stopped, it is started again.
        """
        with cls._shared_lock:
            server = EmbeddedServer._shared
            if server is None or server._owner not in (0, os.getpid()):
                server = EmbeddedServer._shared = cls(tuple(EMBEDDED_MODELS))
            return server.start()

    @property
    def models(self) -> tuple[str, ...]:
        """The names of the served models."""
        return tuple(model.name for model in self._models)

    @property
    def running(self) -> bool:
        """Whether it is listening."""
        thread = self._thread
        return self._url is not None and thread is not None and thread.is_alive()

    @property
    def url(self) -> str:
        """``http://HOST:PORT``, for Ollama clients; with ``/v1`` added, for OpenAI clients.

        Raises:
            RuntimeError: When it has not been started.
        """
        if self._url is None:
            raise RuntimeError("The embedded server is not running: call start() first.")
        return self._url

    @property
    def token(self) -> str:
        """The token that a client must send, for OpenAI's as its ``api_key``."""
        return self._token

    @property
    def headers(self) -> dict[str, str]:
        """The token as HTTP headers, for clients that accept some."""
        return {"Authorization": f"Bearer {self._token}"}

    @property
    def limits(self) -> Limits:
        """The limits on connections and requests."""
        return self._limits

    def start(self) -> EmbeddedServer:
        """Start listening, unless it is listening already.

        Returns:
            Itself.

        Raises:
            OSError: When the port is taken.
            RuntimeError: When the server does not come up.
        """
        with self._lock:
            if self.running:
                return self
            self.stop()
            listener = _listen(self._host, self._port)
            address = listener.getsockname()
            self._pool = EnginePool(
                self._models, cache_dir=self._cache_dir, progress=self._progress
            )
            guard = ConnectionGuard(self._limits, self._clock)
            app = make_app(self._pool, guard, token=self._token, host=self._host)
            config = LimitedConfig(app, guard)
            # addFilter ignores one that is there already.
            logging.getLogger("uvicorn.error").addFilter(_not_ours)
            self._server = uvicorn.Server(config)
            self._thread = threading.Thread(
                target=_run, args=(self._server, listener), name=_THREAD_NAME, daemon=True
            )
            self._owner = os.getpid()
            self._thread.start()
            self._wait(self._server, self._thread)
            host = f"[{address[0]}]" if ":" in address[0] else address[0]
            self._url = f"http://{host}:{address[1]}"
            atexit.register(self.stop)
            return self

    def stop(self) -> None:
        """Stop listening and unload the models; running requests end with an error.

        Does nothing when it is not running.
        """
        with self._lock:
            pool, server, thread = self._pool, self._server, self._thread
            self._pool = self._server = self._thread = self._url = None
            atexit.unregister(self.stop)
            if self._owner != os.getpid():
                return  # a fork of the process that runs it: its engines are not ours to end
            # First the engines: what waits for them ends, and nothing holds the server up.
            if pool is not None:
                pool.stop()
            if server is not None and thread is not None:
                server.should_exit = True
                thread.join(_STOP_SECONDS)
                if thread.is_alive():
                    server.force_exit = True
                    thread.join(_STOP_SECONDS)

    def __enter__(self) -> EmbeddedServer:
        """Start the server."""
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server."""
        self.stop()

    def __repr__(self) -> str:
        """Return what it serves and where."""
        where = self._url or "not running"
        return f"<EmbeddedServer {', '.join(self.models)}: {where}>"

    def _wait(self, server: uvicorn.Server, thread: threading.Thread) -> None:
        """Wait until the server accepts connections."""
        deadline = time.monotonic() + _START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("The embedded server did not come up.")
            time.sleep(0.005)


def _listen(host: str, port: int) -> socket.socket:
    """Bind the port here, so that it is known, and taken, before the thread runs.

    Raises:
        OSError: When the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere the option would let two servers share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except BaseException:
        listener.close()
        raise
    return listener


def _run(server: uvicorn.Server, listener: socket.socket) -> None:
    """Run the server until it is told to exit, in an event loop of its own."""
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()


# The first request of all fetches a gigabyte before it is answered.
_TIMEOUT_SECONDS = 3600.0


def embedded_small(server: EmbeddedServer | None = None, **kwargs: Any) -> ChatOllama:
    """Return the small tier's chat model: a 0.5B model behind Ollama's protocol.

    Args:
        server: Where it runs, started if need be. Default: the shared server of this process.
        **kwargs: Fields of `ChatOllama` that differ from the default; `client_kwargs` are added
            to those that the server needs.

    Raises:
        MissingExtraError: When langchain-ollama is not installed.
    """
    with needs_extra():
        import httpx
        from langchain_ollama import ChatOllama
    running = _running(server)
    client_kwargs: dict[str, Any] = {
        # A proxy that the environment names can't reach this machine's loopback.
        "trust_env": False,
        "timeout": _TIMEOUT_SECONDS,
        "limits": httpx.Limits(max_connections=running.limits.client_connections),
        **(kwargs.pop("client_kwargs", None) or {}),
    }
    # This mapping, unlike a dict, keeps the token out of the model's repr.
    client_kwargs["headers"] = httpx.Headers(
        {**running.headers, **(client_kwargs.get("headers") or {})}
    )
    settings: dict[str, Any] = {
        "model": SMALL,
        "base_url": running.url,
        "temperature": 0,
        "num_predict": DEFAULT_MAX_TOKENS,
        "num_ctx": CONTEXT_TOKENS,
        "client_kwargs": client_kwargs,
    }
    return ChatOllama(**{**settings, **kwargs})


def embedded_frontier(server: EmbeddedServer | None = None, **kwargs: Any) -> ChatOpenAI:
    """Return a stand-in for the frontier tier's chat model: a 1.5B model behind OpenAI's protocol.

    Args:
        server: Where it runs, started if need be. Default: the shared server of this process.
        **kwargs: Fields of `ChatOpenAI` that differ from the default.

    Raises:
        MissingExtraError: When langchain-openai is not installed.
    """
    with needs_extra():
        import openai
        from langchain_openai import ChatOpenAI
    running = _running(server)
    # These, and the clients below, are of the HTTP library that openai wants.
    limits = type(openai.DEFAULT_CONNECTION_LIMITS)(
        max_connections=running.limits.client_connections
    )
    settings: dict[str, Any] = {
        "model": FRONTIER,
        "base_url": f"{running.url}/v1",
        "api_key": running.token,
        "temperature": 0,
        "max_tokens": DEFAULT_MAX_TOKENS,
        "stream_usage": True,
        "timeout": _TIMEOUT_SECONDS,
        "max_retries": 0,
        "http_client": openai.DefaultHttpxClient(trust_env=False, limits=limits),
        "http_async_client": openai.DefaultAsyncHttpxClient(trust_env=False, limits=limits),
    }
    return ChatOpenAI(**{**settings, **kwargs})


def _running(server: EmbeddedServer | None) -> EmbeddedServer:
    return EmbeddedServer.shared() if server is None else server.start()
