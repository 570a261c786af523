"""The file of weights: written whole, read back to the last bit, and refused with a reason."""

from __future__ import annotations

import json
import math
import os
from array import array
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router._internal import model_file
from lc_asym_router._internal.model_file import LARGEST, read_model, write_model
from lc_asym_router.classify.classifier_weights import load_weights
from lc_asym_router.errors import ConfigurationError, ModelFileError
from lc_asym_router.verify.learned_check import load_scorer

READERS = (
    lambda path: read_model(path, "classifier", features=7),
    load_weights,
    load_scorer,
)


@pytest.fixture
def file(tmp_path):
    """A small file of weights."""
    path = tmp_path / "my.json"
    lists = {"numbers": np.arange(3) / 3, "places": array("i", [0, -1]), "none": []}
    write_model(path, "classifier", lists, {"fact": "ü"}, features=7)
    return path


def test_what_is_written_is_read(file):
    model = read_model(file, "classifier", features=7)
    assert model.arrays == {"numbers": [0, 1 / 3, 2 / 3], "places": [0, -1], "none": []}
    assert (model.meta, model.kind, model.features) == ({"fact": "ü"}, "classifier", 7)


def test_it_is_plain_json(file):
    parsed = json.loads(file.read_text())
    assert parsed["arrays"]["places"] == [0, -1]
    assert parsed["sha256"] == read_model(file, "classifier", features=7).checksum


@given(st.lists(st.floats(-1e299, 1e299)), st.lists(st.integers(-(2**63), 2**63)))
def test_every_number_comes_back_to_the_last_bit(tmp_path_factory, floats, integers):
    path = tmp_path_factory.getbasetemp() / "bits.json"
    write_model(path, "test", {"floats": floats, "integers": integers}, {})
    model = read_model(path, "test")
    assert list(map(float.hex, model.arrays["floats"])) == list(map(float.hex, floats))
    assert model.arrays["integers"] == integers


def test_the_same_input_gives_the_same_bytes(file):
    before = file.read_bytes()
    model = read_model(file, "classifier", features=7)
    write_model(file, "classifier", model.arrays, model.meta, features=7)
    assert file.read_bytes() == before


def test_a_file_that_was_laid_out_anew_is_the_same_file(file):
    before = read_model(file, "classifier", features=7)
    parsed = json.loads(file.read_text())
    file.write_bytes(json.dumps(parsed, indent=4).replace("\n", "\r\n").encode())
    assert read_model(file, "classifier", features=7) == before


def _changed(content: bytes, **changes: object) -> bytes:
    return json.dumps({**json.loads(content), **changes}).encode()


def _signed(content: bytes, **changes: object) -> bytes:
    """Changes by someone who works the checksum out anew."""
    parsed = {**json.loads(content), **changes}
    del parsed["sha256"]
    return _changed(content, **changes, sha256=model_file._checksum(parsed))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda content: b"", "cut short"),
        (lambda content: b"PK\x03\x04 something else", "no JSON"),
        (lambda content: b"\xff\xfe\n", "no JSON"),
        (lambda content: b"[" * 100_000, "no JSON"),
        (lambda content: b"[1, 2]", "no file of weights"),
        (lambda content: b'{"query": "hi"}', "no file of weights"),
        (lambda content: b"lc-asym-router model 2\n{}\n\x00\x01", "binary format.*Train it again"),
        (lambda content: content[:-3], "cut short"),
        (lambda content: content + b"x", "no JSON"),
        (lambda content: _changed(content, version=4), "version 4 of the format"),
        (lambda content: _changed(content, meta={"threshold": 0.9}), "checksum is wrong"),
        (lambda content: _changed(content, sha256=None), "checksum is wrong"),
        (lambda content: content.replace(b"[0, -1]", b"[0, NaN]"), "no JSON"),
        (lambda content: content.replace(b"[0, -1]", b"[0, -Infinity]"), "no JSON"),
        (lambda content: content.replace(b"[0, -1]", b"[0, 1e999]"), "infinite number"),
        (lambda content: content.replace(b"[0, -1]", b"[%s]" % (b"9" * 5000)), "no JSON"),
        (lambda content: _signed(content, kind="verifier"), "of a 'verifier'"),
        (lambda content: _signed(content, features=8), "version 8 of the features"),
        (lambda content: _signed(content, arrays=[]), "lacks a part"),
        (lambda content: _signed(content, meta=None), "lacks a part"),
        (lambda content: _signed(content, arrays={"a": [[1.0], [2.0]]}), "'a' is no row"),
        (lambda content: _signed(content, arrays={"a": [True]}), "'a' is no row"),
        (lambda content: _signed(content, arrays={"a": [None]}), "'a' is no row"),
        (lambda content: _signed(content, arrays={"a": [10**400]}), "'a' is no row"),
        (lambda content: _signed(content, arrays={"a": "12"}), "'a' is no row"),
    ],
)
def test_what_is_no_such_file_is_refused_with_a_reason(file, damage, told):
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ModelFileError, match=told):
        read_model(file, "classifier", features=7)


def test_every_cut_is_found(file):
    whole = file.read_bytes()
    for length in range(len(whole) - 1):  # the last byte ends the last row
        file.write_bytes(whole[:length])
        with pytest.raises(ModelFileError):
            read_model(file, "classifier", features=7)


def test_every_changed_byte_is_found(file):
    """In the facts, where thresholds stand, as much as in the arrays."""
    whole = file.read_bytes()
    model = read_model(file, "classifier", features=7)
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        file.write_bytes(changed)
        try:
            read = read_model(file, "classifier", features=7)
        except ModelFileError:
            continue
        # Another sign between the parts, or a last digit that means the same number.
        assert read == model, whole[place - 20 : place + 20]


@pytest.mark.parametrize("read", READERS)
def test_only_a_regular_file_is_opened(tmp_path, read, monkeypatch):
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for a writer

    def opened(*_: object) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr("builtins.open", opened)
    for path in (Path("/dev/zero"), tmp_path / "pipe", tmp_path):
        with pytest.raises(ModelFileError, match=r"no regular file.*lc-asym-router train"):
            read(path)


@pytest.mark.parametrize("read", READERS)
def test_a_file_that_is_too_large_is_not_read(tmp_path, read, monkeypatch):
    large = tmp_path / "large.json"
    with large.open("wb") as file:
        file.truncate(LARGEST + 1)
    with monkeypatch.context() as patched:
        patched.setattr("builtins.open", None)
        with pytest.raises(ModelFileError, match="more than 8 MiB"):
            read(large)


def test_a_file_that_is_larger_than_it_says_is_not_read_to_its_end(monkeypatch):
    monkeypatch.setattr(model_file, "LARGEST", 10)  # a file of /proc has a size of 0
    with pytest.raises(ModelFileError, match="more than"):
        read_model("/proc/self/status", "classifier")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match=r"FileNotFoundError.*lc-asym-router train"):
        read_model(tmp_path / "none.json", "classifier")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(file, monkeypatch):
    before = file.read_bytes()

    def full(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ModelFileError, match="No space left"):
        write_model(file, "classifier", {"a": [1.0]}, {})
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_other_numbers_are_refused(tmp_path):
    for values in (np.zeros(2, dtype=complex), np.zeros((4, 4)), [math.nan], [True], ["1"]):
        with pytest.raises(ModelFileError, match="one row of finite numbers"):
            write_model(tmp_path / "a.json", "classifier", {"a": values}, {})
    with pytest.raises(ModelFileError, match="NaN or infinite"):
        write_model(tmp_path / "a.json", "classifier", {}, {"threshold": math.inf})
    with pytest.raises(ModelFileError, match="folder that is there"):
        write_model(tmp_path / "no" / "a.json", "classifier", {}, {})
    assert not list(tmp_path.iterdir())


def test_only_a_file_is_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="no file that can be replaced"):
        write_model(tmp_path / "pipe", "test", {}, {})
    assert (tmp_path / "pipe").is_fifo()
