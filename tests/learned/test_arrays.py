"""The file of weights: written whole, read back, and refused with a reason."""

from __future__ import annotations

import json
import os
from array import array

import numpy as np
import pytest

from lc_asym_router._internal.model_file import read_model, write_model
from lc_asym_router.errors import ConfigurationError, ModelFileError


@pytest.fixture
def file(tmp_path):
    """A small file of weights."""
    path = tmp_path / "my.model"
    arrays = {
        "table": np.arange(6, dtype=np.float32).reshape(2, 3),
        "bytes": array("B", [0, 255]),
        "none": array("d"),
    }
    write_model(path, "classifier", arrays, {"fact": "ü"}, features=7)
    return path


def test_what_is_written_is_read(file):
    model = read_model(file, "classifier", features=7)
    assert list(model.arrays["table"]) == [0, 1, 2, 3, 4, 5]
    assert model.shapes == {"table": (2, 3), "bytes": (2,), "none": (0,)}
    assert (model.arrays["bytes"].tolist(), len(model.arrays["none"])) == ([0, 255], 0)
    assert (model.meta, model.kind, model.features) == ({"fact": "ü"}, "classifier", 7)


def test_the_same_input_gives_the_same_bytes(file):
    before = file.read_bytes()
    model = read_model(file, "classifier", features=7)
    arrays = {**model.arrays, "table": np.array(model.arrays["table"]).reshape(2, 3)}
    write_model(file, "classifier", arrays, model.meta, features=7)
    assert file.read_bytes() == before


def _header(content: bytes, **changes: object) -> bytes:
    magic, line, payload = content.split(b"\n", 2)
    return b"\n".join([magic, json.dumps({**json.loads(line), **changes}).encode(), payload])


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: b"", "no file of weights"),
        (lambda content: b"PK\x03\x04 something else", "no file of weights"),
        (lambda content: content.replace(b"model 2", b"model 1", 1), "version '1' of the format"),
        (lambda content: content[:-1], "cut short"),
        (lambda content: content[:30], "cut short in its header"),
        (lambda content: content + b"x", "longer than its header says"),
        (lambda content: content[:-1] + b"\x00", "checksum is wrong"),
        (lambda content: content.replace(b'{"arrays"', b'{"arrows"', 1), "damaged header"),
        (lambda content: _header(content, arrays=[{}]), "damaged header"),
        (lambda content: _header(content, arrays=[[]]), "damaged header"),
        (
            lambda content: _header(content, arrays=[{"name": "a", "type": "O", "shape": [1]}]),
            "damaged header",
        ),
        (
            lambda content: _header(content, arrays=[{"name": "a", "type": "f8", "shape": [-1]}]),
            "cut short",
        ),
        (
            lambda content: _header(
                content, arrays=[{"name": "a", "type": "f8", "shape": [9**30]}]
            ),
            "cut short",
        ),
        (lambda content: _header(content, meta={"threshold": 0.9}), "checksum is wrong"),
        (lambda content: _header(content, kind="verifier"), "holds a 'verifier'"),
        (lambda content: _header(content, features=8), "version 8 of the features"),
        (lambda content: content.split(b"\n", 1)[0] + b"\n[]\n", "damaged header"),
        (lambda content: content.split(b"\n", 1)[0] + b"\n\xff\xfe\n", "damaged header"),
    ],
)
def test_what_is_no_such_file_is_refused_with_a_reason(file, damage, told):
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ModelFileError, match=told):
        read_model(file, "classifier", features=7)


def test_every_cut_is_found(file):
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(ModelFileError):
            read_model(file, "classifier", features=7)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match=r"FileNotFoundError.*lc-asym-router train"):
        read_model(tmp_path / "none.model", "classifier")
    with pytest.raises(ModelFileError, match="IsADirectoryError"):
        read_model(tmp_path, "classifier")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(file, monkeypatch):
    before = file.read_bytes()

    def full(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ModelFileError, match="No space left"):
        write_model(file, "classifier", {"a": array("d", [1.0])}, {})
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_other_numbers_are_refused(tmp_path):
    for values in (np.zeros(2, dtype=complex), np.zeros((4, 4))[:, ::2]):
        with pytest.raises(ModelFileError, match="contiguous numbers"):
            write_model(tmp_path / "a.model", "classifier", {"a": values}, {})
    with pytest.raises(ModelFileError, match="folder that is there"):
        write_model(tmp_path / "no" / "a.model", "classifier", {}, {})


def test_only_a_file_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="no file that can be replaced"):
        write_model(tmp_path / "pipe", "test", {}, {})
    assert (tmp_path / "pipe").is_fifo()


def test_every_changed_byte_is_found(file):
    """In the header, where thresholds stand, as much as in the arrays."""
    whole = file.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        file.write_bytes(changed)
        try:
            read_model(file, "classifier", features=7)
        except ModelFileError:
            continue
        # A space for another sign that JSON does not heed is no damage.
        assert whole[place : place + 1].isspace(), whole[place - 20 : place + 20]
