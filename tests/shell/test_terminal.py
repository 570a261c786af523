"""Nothing of a model or a server reaches the terminal but text."""

from __future__ import annotations

import json
import logging
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lc_asym_router.shell import main
from lc_asym_router.shell.options import PrintableFormatter, printable, printable_json
from tests.router.test_from_env import nothing  # noqa: F401
from tests.servers import Reply

HOSTILE = "A\x1b]0;title\x07B\x1b[31mC\x1b[0mD\x9b2JE\x07F\x7fG"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain text, ünïcödé, 漢字, 🙂\n\tnext", "plain text, ünïcödé, 漢字, 🙂\n\tnext"),
        ("", ""),
        ("a\x1b[1;31mred\x1b[0m", "ared"),
        ("a\x1b[?25lb\x1b[2 qc", "abc"),
        ("a\x9b31mb", "ab"),  # CSI in one character
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
        ("a\x1b]52;c;cm0gLXJm\x07b", "ab"),  # the clipboard
        ("a\x9d0;title\x9cb", "ab"),
        ("a\x1bPq#0;2;0\x1b\\b\x1b_G\x1b\\c\x1b^x\x1b\\d\x1bXx\x1b\\e", "abcde"),
        ("a\x1bcb\x1b(0c\x1b#8d", "abcd"),
        ("paid\rfree", "paidfree"),  # a return alone would overwrite what stands there
        ("one\r\ntwo", "one\ntwo"),
        ("a\x08\x08b\x00\x07\x7f\x85c", "abc"),
        ("a\x1b", "a"),
        ("a\x1b]0;never ended", "a0;never ended"),
        # What is taken away must not join the rest to a new sequence.
        ("\x1b\x1b[31m[31mx", "[31mx"),
        ("\x1b]0;\x1b[31m\x07x", "0;x"),
        ("half \ud83d a pair", "half \ufffd a pair"),
    ],
)
def test_printable(text: str, safe: str) -> None:
    assert printable(text) == safe


CONTROLS = st.sampled_from([*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\ud800"])
TEXTS = st.lists(CONTROLS | st.sampled_from("[]?;0m(P\\X^_ \n") | st.characters()).map("".join)


@given(TEXTS)
def test_what_is_printed_holds_no_control_and_no_new_one(text: str) -> None:
    safe = printable(text)
    assert {each for each in safe if unicodedata.category(each) == "Cc"} <= {"\n", "\t"}
    assert printable(safe) == safe
    safe.encode()
    if not any(unicodedata.category(each) in ("Cc", "Cs") for each in text):
        assert safe == text


@given(st.dictionaries(st.text(), TEXTS))
def test_json_keeps_every_character(value: dict[str, str]) -> None:
    text = printable_json(value)
    assert json.loads(text) == value
    assert printable(text) == text


@pytest.mark.parametrize(
    "piece", ["\x1b]", "\x9d", "\x1b[0", "\x9b", "\x1b ", "\x1b", "\x1bP;", " ;"]
)
def test_work_is_linear(piece: str) -> None:
    # A quadratic pattern takes minutes for a megabyte of these.
    assert "\x1b" not in printable(piece * 300_000)


def test_ask(served: Any, capsys: pytest.CaptureFixture[str], small: Any) -> None:
    small.script(Reply(HOSTILE))
    assert main(["ask", "--no-verify", "hi"]) == 0
    out, err = capsys.readouterr()
    assert out == "ABCDEFG\n"
    assert printable(err) == err


def test_ask_as_json(served: Any, capsys: pytest.CaptureFixture[str], small: Any) -> None:
    small.script(Reply(HOSTILE))
    assert main(["ask", "--no-verify", "--json", "hi"]) == 0
    out, _ = capsys.readouterr()
    assert json.loads(out)["answer"] == HOSTILE
    assert printable(out) == out


def test_errors(
    served: Any,
    capsys: pytest.CaptureFixture[str],
    small: Any,
    frontier: Any,
) -> None:
    small.script(Reply(status=400, error=HOSTILE))
    frontier.script(Reply(status=400, error=HOSTILE))
    assert main(["ask", "--no-verify", "hi"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert printable(err) == err


def test_log_lines() -> None:
    record = logging.LogRecord("x", logging.WARNING, "", 0, "server: %s", (HOSTILE,), None)
    assert PrintableFormatter().format(record) == "server: ABCDEFG"
