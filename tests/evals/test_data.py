"""Rows: what is read, and what is refused with the row's place."""

from __future__ import annotations

import gzip
import json

import pytest

from lc_asym_router.evals import DataError, load

GOOD = {"query": "How many?", "weak_score": 0, "strong_score": 1.0}


def write(path, *rows):
    text = "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)
    if path.name.endswith(".gz"):
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.jsonl.gz"])
def test_three_fields_make_a_row(tmp_path, name):
    (row,) = load(write(tmp_path / name, GOOD))
    assert (row.id, row.dataset, row.gain) == ("rows/1", "rows", 1.0)
    assert row.weak.response is None


def test_everything_that_a_row_can_hold(tmp_path):
    (row,) = load(
        write(
            tmp_path / "rows.jsonl",
            {
                **GOOD,
                "id": 7,
                "dataset": "gsm",
                "weak_model": "small",
                "weak_response": "42",
                "weak_usage": {"input_tokens": 3, "output_tokens": 1},
                "other": {"second": {"score": 1, "response": "43"}},
                "gold": "43",
            },
        )
    )
    assert (row.id, row.dataset, row.weak.model, row.weak.output_tokens) == ("7", "gsm", "small", 1)
    assert row.other["second"].response == "43"


def test_files_and_folders_together(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder / "b.jsonl.gz", GOOD)
    write(folder / "a.jsonl", GOOD)
    (folder / "README.md").write_text("no rows")
    rows = load(folder, str(write(tmp_path / "c.jsonl", GOOD)))
    assert [row.dataset for row in rows] == ["a", "b", "c"]


def test_a_query_never_shows_in_a_repr(tmp_path):
    rows = load(write(tmp_path / "rows.jsonl", {**GOOD, "query": "secret", "weak_response": "s2"}))
    assert "secret" not in repr(rows)
    assert "s2" not in repr(rows)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"query": "q", "weak_score": 1}, "'strong_score' is missing"),
        ({**GOOD, "weak_score": 1.5}, "'weak_score' is 1.5"),
        ({**GOOD, "weak_score": True}, "'weak_score' is True"),
        ({**GOOD, "weak_score": float("nan")}, "'weak_score' is nan"),
        ({**GOOD, "query": " "}, "'query' must be a text"),
        ({**GOOD, "weak_response": 4}, "'weak_response' must be a text"),
        ({**GOOD, "other": ["m"]}, "'other' must map"),
        ({**GOOD, "other": {"m": {"score": -1}}}, "other 'm': 'score' is -1"),
        ({**GOOD, "weak_usage": [1, 2]}, "'weak_usage' must hold input_tokens"),
        ({**GOOD, "weak_usage": {"input_tokens": "9"}}, "'input_tokens' in 'weak_usage' is '9'"),
        (
            {**GOOD, "strong_usage": {"output_tokens": -1}},
            "'output_tokens' in 'strong_usage' is -1",
        ),
        ({**GOOD, "strong_usage": {"output_tokens": 1.5}}, "is 1.5; a count"),
        ({**GOOD, "other": {"m": {"usage": {"input_tokens": True}}}}, "'usage' is True"),
        ("[1]", "must be a JSON object"),
        ("[" * 100_000, "can't be read (RecursionError)"),
        (f'{{"weak_score": {"9" * 5000}}}', "can't be read (ValueError)"),
        ("{", "no JSON"),
    ],
)
def test_a_bad_row_is_named(tmp_path, row, told):
    with pytest.raises(DataError, match=r"rows\.jsonl, line 2") as error:
        load(write(tmp_path / "rows.jsonl", GOOD, row))
    assert told in str(error.value)


def test_ids_are_unique_over_all_files(tmp_path):
    one = write(tmp_path / "a.jsonl", {**GOOD, "id": "x"})
    other = write(tmp_path / "b.jsonl", {**GOOD, "id": "x"})
    with pytest.raises(DataError, match=r"b\.jsonl, line 1: the id 'x' is already that of .*a"):
        load(one, other)


def test_a_row_without_an_id_is_known_by_its_file_and_line(tmp_path):
    """Files of one name in two folders, or packed and unpacked, hold different rows."""
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder / "rows.jsonl", GOOD, {**GOOD, "id": f"own {folder}"})
    packed = write(tmp_path / "one" / "rows.jsonl.gz", GOOD)
    files = [tmp_path / "one" / "rows.jsonl", tmp_path / "other" / "rows.jsonl", packed]
    rows = load(*files)
    assert len({row.id for row in rows}) == 5
    assert {row.dataset for row in rows} == {"rows"}
    with pytest.raises(DataError, match="is already that of"):
        load(*files, tmp_path / "one" / ".." / "one" / "rows.jsonl")


def test_zero_is_an_id(tmp_path):
    path = write(tmp_path / "rows.jsonl", {**GOOD, "id": 0}, {**GOOD, "id": 1})
    assert [row.id for row in load(path)] == ["0", "1"]
    with pytest.raises(DataError, match="the id '0' is already that of"):
        load(write(tmp_path / "rows.jsonl", {**GOOD, "id": 0}, {**GOOD, "id": 0}))


def test_a_byte_order_mark_and_counts_with_a_point(tmp_path):
    path = tmp_path / "rows.jsonl"
    row = {**GOOD, "weak_usage": {"input_tokens": 12.0, "output_tokens": None}}
    path.write_text(json.dumps(row), encoding="utf-8-sig")
    (read,) = load(path)
    assert (read.weak.input_tokens, read.weak.output_tokens) == (12, None)


def test_what_holds_no_rows(tmp_path):
    with pytest.raises(DataError, match="holds no row"):
        load(write(tmp_path / "rows.jsonl"))
    with pytest.raises(DataError, match="There is no file"):
        load(tmp_path / "none.jsonl")
    with pytest.raises(DataError, match="at least one file"):
        load()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"holds no \.jsonl"):
        load(tmp_path / "empty")
    whole = write(tmp_path / "cut.jsonl.gz", *({**GOOD, "id": str(n)} for n in range(999)))
    whole.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(DataError, match="can't be read"):
        load(tmp_path / "cut.jsonl.gz")
    (tmp_path / "hurt.jsonl.gz").write_bytes(gzip.compress(b"")[:10] + b"\xff" * 20)
    with pytest.raises(DataError, match=r"can't be read \(error\)"):
        load(tmp_path / "hurt.jsonl.gz")


def test_rows_without_scores_where_none_are_needed(tmp_path):
    path = write(tmp_path / "rows.jsonl", {"query": "q", "gold": "4"})
    assert load(path, scored=False)[0].weak.score is None
    with pytest.raises(DataError, match="missing"):
        load(path)
