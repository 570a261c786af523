"""Files as they come: from spreadsheets and editors, and broken ones, of which nothing is asked."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from lc_asym_router.batch import run
from lc_asym_router.batch.input_rows import input_rows
from lc_asym_router.errors import ConfigurationError


def asked(path: Path, prompt: str | None = None) -> list[Any]:
    return [row.asked for row in input_rows(path, prompt)]


@pytest.mark.parametrize(
    "text",
    [
        b'ticket,n\n"late, ""very"" late",1\n',
        b'\xef\xbb\xbfticket,n\r\n"late, ""very"" late",1\r\n\r\n',
        b'\n\nticket;n\n"late, ""very"" late";1\n',
        b'"ticket"\tn\n"late, ""very"" late"\t1',
    ],
    ids=["commas", "byte order mark", "semicolons", "tabs"],
)
def test_tables_of_spreadsheets(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text)
    assert asked(path, "{ticket} {n}") == ['late, "very" late 1']


def test_a_column_with_a_semicolon_in_its_name(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('"a;b",text\n1,one\n')
    assert asked(path) == ["one"]


def test_a_cell_of_many_lines_and_characters(tmp_path: Path) -> None:
    text = "a line\n" * 30_000
    path = tmp_path / "a.csv"
    path.write_text(f'n,text\n1,"{text}"\n')
    assert asked(path) == [text]


def test_json_lines_with_a_byte_order_mark_and_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "one"}\r\n\r\n   \n"two"')
    assert asked(path) == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"text,n\none,1\ntwo,1,2\n", "line 3: it has more cells"),
        ("a.csv", b"text,n\none,1\n   \n", "line 3: it has fewer cells"),
        ("a.csv", b"text,text\none,two\n", "names the column 'text' twice"),
        ("a.csv", b'text\none\n"two\n', "unexpected end of data"),
        ("a.csv", "text\nMüll\n".encode("latin-1"), "it is not in UTF-8"),
        ("a.jsonl", b'{"text": "one"}\n{"text": "tw\n', "line 2: it is no JSON"),
        ("a.jsonl", b'{"text": "one"}\n7\n', "Row 2 is 7: give a text"),
        ("a.jsonl", b'{"text": "one"}\n{"n": 2}\n', "Row 2 has none of the columns"),
        ("a.jsonl", b'{"text": "one"}\n{"text": "two", "tier": 1}\n', "prefix='router_'"),
        ("a.jsonl.gz", gzip.compress(b'"one"\n' * 100, mtime=0)[:-20], "can't be read"),
        ("a.jsonl.gz", b"no gzip", "can't be read"),
        ("a.parquet", b"no parquet", "can't be read"),
    ],
)
def test_of_a_broken_file_nothing_is_asked(
    make: Any, small: Any, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError, match=says):
        run(make(), tmp_path / name, out=tmp_path / "out.jsonl")
    assert small.requests == []
    assert [path.name for path in tmp_path.iterdir()] == [name]
