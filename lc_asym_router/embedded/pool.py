"""The engines of one server: downloaded and loaded on first use, one at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

from lc_asym_router.embedded.api_errors import EngineError, WeightsError
from lc_asym_router.embedded.catalog import EmbeddedModel
from lc_asym_router.embedded.engine import Engine
from lc_asym_router.embedded.weight_files import ensure_weights, is_unchanged


class EnginePool:
    """Provides running engines by the names of their models."""

    def __init__(
        self, models: Sequence[EmbeddedModel], *, cache_dir: Path | None, progress: bool | None
    ) -> None:
        """Create the pool; nothing is started.

        Args:
            models: The models to serve.
            cache_dir: Passed to `ensure_weights`.
            progress: Passed to `ensure_weights`.
        """
        self.models = tuple(models)
        self._by_name = {model.name: model for model in models}
        self._cache_dir = cache_dir
        self._progress = progress
        self._engines: dict[str, Engine] = {}
        self._loading: dict[str, Future[Engine]] = {}
        self._lock = threading.Lock()
        self._one_at_a_time = threading.Lock()
        self._stopping = threading.Event()

    def model(self, name: object) -> EmbeddedModel | None:
        """Return the served model of that name, or `None`."""
        return self._by_name.get(name) if isinstance(name, str) else None

    async def engine(self, model: EmbeddedModel) -> Engine:
        """Return the running engine of a model, loading it if needed without blocking the event loop.

        Raises:
            WeightsError: When the weights can't be downloaded or verified.
            EngineError: When the model can't be loaded, or the pool was stopped.
            MissingExtraError: When xllamacpp is not installed.
        """
        return await asyncio.wrap_future(self._request(model))

    def stop(self) -> None:
        """Stop every engine and cancel every download. Running requests fail."""
        self._stopping.set()
        with self._lock:
            engines = list(self._engines.values())
            self._engines.clear()
        for engine in engines:
            engine.stop()

    def _request(self, model: EmbeddedModel) -> Future[Engine]:
        with self._lock:
            under_way = self._loading.get(model.name)
            if under_way is not None:
                return under_way
            future: Future[Engine] = Future()
            # Running futures can't be cancelled: one client that goes must not take the
            # load away from the others that wait for it.
            future.set_running_or_notify_cancel()
            engine = self._engines.get(model.name)
            if engine is not None and engine.alive:
                future.set_result(engine)
                return future
            self._loading[model.name] = future
        # A daemon of our own, not an executor's thread: those are joined at exit, and a
        # program that ends in the middle of a fetch would hang until its end.
        threading.Thread(
            target=self._load, args=(model, future), name=f"load-{model.name}", daemon=True
        ).start()
        return future

    def _load(self, model: EmbeddedModel, future: Future[Engine]) -> None:
        try:
            engine = self._loaded(model)
        except BaseException as error:
            self._settle(model)
            future.set_exception(error)
        else:
            self._settle(model)
            future.set_result(engine)

    def _settle(self, model: EmbeddedModel) -> None:
        """Forget the load, so that a failure is tried again at the next request."""
        with self._lock:
            self._loading.pop(model.name, None)

    def _loaded(self, model: EmbeddedModel) -> Engine:
        with self._one_at_a_time:
            self._check_running(model)
            path = ensure_weights(
                model.name,
                cache_dir=self._cache_dir,
                progress=self._progress,
                cancelled=self._stopping.is_set,
            )
            engine = Engine(model, path)
            with self._lock:
                # Under the same lock as in `stop`, so that none is started behind its back.
                self._check_running(model)
                self._engines[model.name] = engine
            engine.start()
            if not is_unchanged(path):
                engine.stop()
                raise WeightsError(
                    f"The weights in {path} changed while they were loaded. Ask again."
                )
            return engine

    def _check_running(self, model: EmbeddedModel) -> None:
        if self._stopping.is_set():
            raise EngineError(f"The server of {model.name!r} was stopped.")
