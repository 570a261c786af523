"""An engine: one model in a process of its own, and the memory that is free for it."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import IO

from lc_asym_router.embedded.api_errors import EngineError, MissingExtraError, WeightsError
from lc_asym_router.embedded.catalog import EmbeddedModel
from lc_asym_router.embedded.safe_files import open_regular

_CGROUP = Path("/sys/fs/cgroup")
_MEGABYTE = 10**6


def available_megabytes() -> int | None:
    """Return the memory available to a new process, in MB, or `None` where it is unknown.

    In a container the limit of its control group counts too.
    """
    known = [size for size in (_from_psutil(), _from_meminfo(), _from_cgroup()) if size is not None]
    if not known:
        known = [size for size in (_from_sysconf(),) if size is not None]
    return min(known) // _MEGABYTE if known else None


def _from_meminfo() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _from_cgroup() -> int | None:
    """Read what remains under a version-2 control group's limit, without cached files."""
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        pairs = (line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        cached = {key: int(size) for key, size in pairs}.get("inactive_file", 0)
    except (OSError, ValueError):  # "max" is no number: there is no limit
        return None
    return max(0, limit - used + cached)


def _from_sysconf() -> int | None:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _from_psutil() -> int | None:
    """Ask psutil, which supports macOS and Windows, if it is installed."""
    try:
        psutil = import_module("psutil")
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)


CONTEXT_TOKENS = 4096
PARALLEL_REQUESTS = 2

_MOST_THREADS = 4
_STOP_SECONDS = 5.0


class Engine:
    """Runs one model; thread-safe.

    Attributes:
        model: What it runs.
        load_seconds: How long the last start took.
    """

    def __init__(
        self,
        model: EmbeddedModel,
        path: Path,
        *,
        available: Callable[[], int | None] = available_megabytes,
    ) -> None:
        """Describe the engine; nothing is started.

        Args:
            model: The catalogue's description of the model.
            path: Its weights, a GGUF file.
            available: Tells the free memory in MB, or `None` when that isn't known.
        """
        self.model = model
        self.load_seconds = 0.0
        self._path = path
        self._available = available
        self._start_lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._url: str | None = None
        self._key = secrets.token_urlsafe()
        self._closed = False

    @property
    def alive(self) -> bool:
        """Whether the model is loaded and its process runs."""
        process = self._process
        return self._url is not None and process is not None and process.poll() is None

    @property
    def url(self) -> str:
        """The address of llama.cpp's server, ``http://127.0.0.1:PORT``.

        Raises:
            EngineError: When the model is not loaded, or no longer.
        """
        url = self._url
        if url is None or not self.alive:
            raise EngineError(f"The engine of {self.model.name!r} is not running.")
        return url

    @property
    def headers(self) -> dict[str, str]:
        """The headers that llama.cpp asks for: nobody else on the machine gets in."""
        return {"Authorization": f"Bearer {self._key}"}

    def start(self) -> str:
        """Load the model unless it is loaded, and return the address of llama.cpp's server.

        Returns:
            ``http://127.0.0.1:PORT``.

        Raises:
            EngineError: When memory is short, the model can't be loaded, or `stop` was called.
            MissingExtraError: When xllamacpp is not installed.
        """
        with self._start_lock:
            if not (self.alive and self._url):
                began = time.perf_counter()
                self._check_file()
                self._check_memory()
                self._url = self._spawn()
                self.load_seconds = time.perf_counter() - began
            return self._url

    def stop(self) -> None:
        """End the process and with it whatever it is doing; also while it is loading."""
        self._closed = True
        process, self._process, self._url = self._process, None, None
        if process is not None:
            _end(process)

    def lose(self) -> None:
        """Mark the process as dead after its connection broke, without waiting for it.

        The system may report the exit a moment later only, and the next request would go to the
        dead process.
        """
        process, self._url = self._process, None
        if process is not None:
            process.kill()

    def _check_file(self) -> None:
        """Check the file before llama.cpp reads it, which accepts anything."""
        try:
            with open_regular(self._path) as file:
                size = os.fstat(file.fileno()).st_size
        except (OSError, WeightsError) as error:
            raise EngineError(f"The model {self.model.name!r} can't be loaded: {error}") from error
        if size > self.model.megabytes * 10**6:
            raise EngineError(
                f"{self._path} is larger than the {self.model.megabytes} MB of "
                f"{self.model.name!r}, so it is another file. Remove it, then ask again."
            )

    def _check_memory(self) -> None:
        available = self._available()
        if available is not None and available < self.model.ram_megabytes:
            raise EngineError(
                f"The model {self.model.name!r} needs about {self.model.ram_megabytes} MB of "
                f"memory, and {available} MB are free. Close something, or use a smaller model."
            )

    def _spawn(self) -> str:
        """Start the worker and wait for its address."""
        if importlib.util.find_spec("xllamacpp") is None:
            raise MissingExtraError("xllamacpp")
        config = {
            "model": str(self._path),
            "alias": self.model.name,
            "n_ctx": CONTEXT_TOKENS,
            "n_parallel": PARALLEL_REQUESTS,
            "n_threads": min(os.cpu_count() or 1, _MOST_THREADS),
            "api_key": self._key,
        }
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
            process = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("worker.py"))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=_environment(),
            )
            self._process = process
            url = None
            try:
                url, reason = _greet(process, config)
            finally:
                if url is None or self._closed:
                    self._process = None
                    _end(process)
            if self._closed:
                raise EngineError(f"The engine of {self.model.name!r} was stopped.")
            if url is None:
                raise EngineError(
                    f"llama.cpp could not load {self.model.name!r} from {self._path}: "
                    f"{reason or _tail(log)}"
                )
            return url


def _environment() -> dict[str, str]:
    """Return the environment of a worker.

    It must find xllamacpp where this process found it. And its threads must sleep while they
    wait for one another: by default they spin, so that two engines at once, or an engine beside
    another busy program, take the cores from each other (two engines on two cores: 60 s
    against 12 s). The price, for one engine alone: the 135M loses a third of its speed, the
    larger ones little.
    """
    return {
        "OMP_WAIT_POLICY": "passive",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }


def _greet(process: subprocess.Popen[str], config: dict[str, object]) -> tuple[str | None, str]:
    """Send the worker its configuration; return its address, or `None` and the reason."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(config) + "\n")
        process.stdin.flush()
        reply = json.loads(process.stdout.readline())
    except (OSError, ValueError):  # the worker died, its pipe broke or gave an empty line
        return None, ""
    return reply.get("url"), reply.get("error", "")


def _end(process: subprocess.Popen[str]) -> None:
    """Kill a worker and close its pipes. It has no state to save."""
    process.kill()
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        return
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue


def _tail(log: IO[str]) -> str:
    """Return the last lines that a worker wrote before it died."""
    log.seek(0)
    lines = [line.rstrip() for line in log.read().splitlines() if line.strip()]
    return "\n".join(lines[-5:]) or "its process ended without a word"
