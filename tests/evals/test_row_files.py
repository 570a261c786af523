"""Rows from tables: CSV and Parquet say the same as JSON lines; what `save` writes is read back."""

from __future__ import annotations

import csv
import json

import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lc_asym_router.errors import ConfigurationError
from lc_asym_router.evals import Answer, DataError, Row, load, save

OBJECTS = [
    {
        "id": "a",
        "query": "What is 2,\nplus 2?",
        "gold": "4",
        "weak_score": 1,
        "strong_score": 0.5,
        "weak_response": "[4]",
        "weak_usage": {"input_tokens": 7, "output_tokens": 1},
        "weak_logprob": -0.25,
        "other": {"third": {"score": 1, "response": '"4"'}},
    },
    {"id": "7", "query": "123", "weak_score": 0, "strong_score": 1, "strong_response": ""},
]


def cells(value: dict) -> dict[str, str]:
    return {
        name: json.dumps(each) if isinstance(each, dict) else str(each)
        for name, each in value.items()
    }


def files(folder, objects=OBJECTS):
    """The same rows as JSON lines, as CSV, and as Parquet with texts and with numbers."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(each) + "\n" for each in objects))
    names = sorted({name for each in objects for name in each})
    with open(folder / "rows.csv", "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(map(cells, objects))
    table = pyarrow.Table.from_pylist([cells(each) for each in objects])
    pyarrow.parquet.write_table(table, folder / "rows.parquet")
    return [folder / f"rows.{end}" for end in ("jsonl", "csv", "parquet")]


def test_a_table_says_the_same_as_json_lines(tmp_path):
    lines, *tables = (load(path) for path in files(tmp_path))
    # An empty text can't be told from an absent one in a table.
    assert lines[1].strong.response == ""
    for table in tables:
        assert table[0] == lines[0]
        assert table[1].query == "123"
        assert table[1].id == "7"
        assert table[1].strong.response is None


def test_parquets_own_numbers_and_structures(tmp_path):
    table = pyarrow.Table.from_pylist(OBJECTS[:1])
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    assert load(tmp_path / "rows.parquet") == load(files(tmp_path, OBJECTS[:1])[0])


def test_the_right_calls_of_a_row_of_tools_are_a_list(tmp_path):
    call = {"name": "f", "args": {"x": [1, "a"]}}
    row = {**OBJECTS[0], "gold": [call], "tools": [{"type": "function"}], "weak_calls": [call]}
    texts = {name: json.dumps(each) for name, each in row.items() if isinstance(each, list | dict)}
    for table in (load(path) for path in files(tmp_path, [{**row, **texts}])[1:]):
        assert table[0].gold == [call]
        assert table[0].weak.calls == (call,)


def test_a_folder_of_all_kinds_is_read(tmp_path):
    for place, path in enumerate(files(tmp_path, [{**OBJECTS[0]}])):
        folder = tmp_path / str(place)
        folder.mkdir()
        path.rename(folder / path.name)
        assert [row.id for row in load(folder)] == ["a"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("query,weak_score,strong_score\nhi,1\n", "line 2: it has fewer cells"),
        ("query,weak_score,strong_score\nhi, there,1,0\n", "line 2: it has more cells"),
        ("query,weak_score,strong_score\nhi,good,1\n", "'weak_score' must be a number, not 'good'"),
        ("query,weak_score,strong_score,other\nhi,1,1,{no\n", "column 'other': no JSON"),
        ("query,weak_score,strong_score\n", "holds no row"),
        ("", "holds no row"),
        ("question,weak_score\nhi,1\n", "'query' must be a text"),
    ],
)
def test_a_table_that_is_wrong_says_where(tmp_path, text, says):
    path = tmp_path / "rows.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        load(path)


def test_no_parquet_behind_the_name(tmp_path):
    path = tmp_path / "rows.parquet"
    path.write_text("not one")
    with pytest.raises(DataError, match="can't be read"):
        load(path)


def test_a_long_cell_is_read(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text(f"query,weak_score,strong_score\n{'x' * 200_000},1,1\n")
    assert len(load(path)[0].query) == 200_000


ANSWERS = st.builds(
    Answer,
    score=st.floats(0, 1),
    response=st.none() | st.text(max_size=20),
    input_tokens=st.none() | st.integers(0, 10**6),
    output_tokens=st.none() | st.integers(0, 10**6),
    logprob=st.none() | st.floats(-20, 0),
    end=st.sampled_from(["", "stop", "length"]),
    calls=st.none() | st.just(({"name": "f", "args": {"x": [1, "a"]}},)),
)
ROWS = st.builds(
    Row,
    id=st.text(min_size=1, max_size=8),
    query=st.text(min_size=1, max_size=40).filter(str.strip),
    weak=ANSWERS,
    strong=ANSWERS,
    dataset=st.just("mine"),
    category=st.sampled_from(["", "a"]),
    prompt_suffix=st.sampled_from(["", "Briefly."]),
    gold=st.none() | st.integers() | st.text(min_size=1, max_size=5),
)


@given(st.lists(ROWS, min_size=1, max_size=4, unique_by=lambda row: row.id))
@settings(max_examples=50)
def test_what_is_saved_is_read_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("saved") / "rows.jsonl"
    save(rows, path)
    assert load(path) == rows


def test_what_cant_be_written_says_so(tmp_path):
    row = Row("a", "hi", Answer(1.0), Answer(1.0), "mine")
    with pytest.raises(ConfigurationError, match="can't be written"):
        save([row], tmp_path / "no" / "rows.jsonl")
