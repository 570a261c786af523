"""The commands whose figures stand in the docs, each on a tiny folder of made-up rows."""

from __future__ import annotations

import gzip
import json
import sys

import pytest

import lc_asym_router
from lc_asym_router import AsymRouter, Price, Tier
from lc_asym_router.classify import kind_classifier
from lc_asym_router.evals import load
from lc_asym_router.evals.kind_metrics import KindRow
from tests.benchmarks import bars, default_router, grounded, own_rows, verify_table
from tests.conftest import FRONTIER_PRICE, frontier_model, small_model
from tests.servers import OllamaServer, OpenAIServer, Reply

TOOL = {
    "type": "function",
    "function": {
        "name": "ring",
        "description": "Rings a bell.",
        "parameters": {"type": "object", "properties": {"times": {"type": "integer"}}},
    },
}
ROWS = 20

pytestmark = pytest.mark.usefixtures("few_resamples")


def said(right: bool, answer: int, off: int = 1) -> dict:
    """An answer that is right, or so far off."""
    return {"score": float(right), "response": f"Answer: {answer if right else answer + off}"}


def called(right: bool, times: int, off: int = 1) -> dict:
    """A call that is right, or that rings so much too often."""
    args = {"times": times if right else times + off}
    return {"score": float(right), "response": "", "calls": [{"name": "ring", "args": args}]}


def row(source: str, place: int, others: tuple[str, ...], made=said) -> dict:
    """A row in which every second small answer is wrong, and every fifth of the others'."""
    weak, strong = made(place % 2 == 0, place), made(True, place)
    return {
        "id": f"{source}/{place}",
        "dataset": source,
        "query": f"How often, if it is {place} times?",
        "weak_model": bars.HERMES if made is called else "llama",
        "strong_model": "gpt-4o",
        **{f"weak_{name}": each for name, each in weak.items()},
        **{f"strong_{name}": each for name, each in strong.items()},
        "other": {name: made((place + n) % 5 > 0, place, n + 2) for n, name in enumerate(others)},
        **({"tools": [TOOL]} if made is called else {}),
    }


def dated(place: int) -> dict:
    """A row of samples: each second answer is wrong, and the program is right."""
    wrong = place % 2
    texts = [f"Answer: 0{1 + wrong}/{10 + place}/2020"] * 3
    program = f"day = datetime(2020, 1, {10 + place})\nans = day.strftime('%m/%d/%Y')"
    samples = [
        {"model": "llama", "prompt": prompt, "texts": [text] * 3, "answers": [None] * 3}
        for prompt, text in (("cot1", texts[0]), ("cot2", texts[0]), ("pot1", program))
    ]
    return {
        **row("mot_date", place, ()),
        "category": "date",
        "weak_response": texts[0],
        "weak_prompt": "cot1",
        "samples": samples,
    }


@pytest.fixture
def folder(tmp_path):
    """The files that the table of `verify=` reads, of eight rows each."""
    names = (bars.FUNCTIONARY, bars.MINI, bars.NEMO, bars.LLAMA)
    files = {"bfcl": [row("bfcl", n, names, called) for n in range(ROWS)]}
    for name in ("zeroeval_gsm", "zeroeval_crux", "zeroeval_math-l5"):
        files[name] = [row(name, n, (*bars.OPEN, bars.SECOND)) for n in range(ROWS)]
    for name in verify_table.ANSWERS:
        files[name] = [row(name, n, ()) for n in range(ROWS)]
    files["mot"] = [dated(n) for n in range(ROWS)]
    for name, rows in files.items():
        with gzip.open(tmp_path / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(each) + "\n" for each in rows)
    return tmp_path


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_what_each_verify_keeps(folder, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["verify_table", str(folder)])
    verify_table.main()
    kept, up = (
        {cells(line)[0]: cells(line) for line in part.split("\n") if "|" in line}
        for part in capsys.readouterr().out.split("sends straight up")
    )
    for source in verify_table.VOTERS:
        _, form, default, vote, strict = kept[source]
        assert form.startswith("0.000 at 0.000")  # a wrong answer of good form passes
        assert default == ""
        assert vote.startswith("1.000 at 0.2")  # the voters outvote most of what is wrong
        assert strict.startswith("1.000 at 0.6")  # where two differ, the frontier is asked
    assert kept["mot, dates"][2].startswith("1.000 at 0.500")  # the program tells the wrong ones
    assert set(verify_table.ANSWERS) < set(kept)
    # With tools bound no question decides, so there is no share to tell of.
    assert {*verify_table.VOTERS, *verify_table.ANSWERS} - {"bfcl"} < set(up)


def test_votes_beside_their_bars(folder):
    calls = [
        cells(line)
        for line in bars.call_votes(load(folder / "bfcl.jsonl.gz"))
        if bars.FUNCTIONARY in line
    ]
    assert len(calls) == len(bars.CALL_VOTES)
    for line, vote in zip(calls, bars.CALL_VOTES, strict=True):
        assert line[:4] == [", ".join(vote.voters), str(ROWS), "1.000", "**1.000**"]
        assert line[-1].startswith("reached" if float(line[4]) <= vote.share else "missed")
    answers = [
        cells(line)
        for line in bars.answer_votes("zeroeval_gsm", load(folder / "zeroeval_gsm.jsonl.gz"))
        if bars.SECOND in line
    ]
    assert len(answers) == 3 + 3 + 3  # alone, with the second needed, and two beside it
    assert {line[2] for line in answers} == {"1.000"}


def test_another_model_answers_first(folder):
    rows = load(folder / "zeroeval_gsm.jsonl.gz")
    assert bars.answering_first(rows[0], "llama") is rows[0]
    turned = bars.answering_first(rows[0], bars.SECOND)
    assert turned.weak.model == bars.SECOND
    assert "llama" in turned.other


@pytest.mark.full
def test_own_rows_are_scored_by_settings_that_have_not_seen_them(monkeypatch):
    monkeypatch.setattr(own_rows, "SHARES", (1.0,))
    monkeypatch.setattr(own_rows, "PENALTIES", (1e-3,))
    forms = {"simple": "play song number {} of it", "complex": "prove the theorem {} by induction"}
    rows = [
        KindRow(form.format(n), f"{side} {source}", side)
        for side, form in forms.items()
        for source in range(2)
        for n in range(6)
    ]
    printed = list(own_rows.lines(rows))
    assert printed[3].startswith("| 1 | 0.001 | ")
    kept = [cells(line) for line in printed if line.startswith(("| chosen", "| shipped"))]
    assert [line[0] for line in kept] == ["chosen on these (1, 0.001)", "shipped (1, 0.001)"]
    assert kept[0][2] == kept[1][2]
    assert 0.5 < float(kept[0][2].strip("*")) <= 1


@pytest.mark.parametrize(
    ("first", "second", "by_form", "by_default"),
    [
        ("Rome", "Rome", (False, True), (False, True)),
        ("Milan", "Rome", (False, False), (True, False)),  # the sample says otherwise: up it goes
        ("Milan", "Milan", (False, False), (False, False)),
        ("I can't help with that.", "Rome", (True, False), (True, False)),
    ],
)
def test_what_form_and_the_default_make_of_a_question(first, second, by_form, by_default):
    with OllamaServer() as small, OpenAIServer(default=Reply("(the frontier's answer)")) as server:
        small.script(Reply(first), Reply(second))
        router = AsymRouter(
            small=Tier(small_model(small), "small", price=Price(0, 0)),
            frontier=Tier(frontier_model(server), "frontier", price=FRONTIER_PRICE),
            classify=None,
        )
        form, default = default_router.ask(
            router, "What is the capital of Italy? One word.", "Rome"
        )
    assert (form.up, form.right) == by_form
    assert (default.up, default.right) == by_default


def test_the_default_routers_bar_is_a_third_of_the_wrong_ones_at_half_of_the_questions():
    right, wrong, up = (
        default_router.Outcome(*each) for each in ((False, True), (False, False), (True, False))
    )
    form = [wrong, wrong, wrong, right]
    reached = "\n".join(default_router.lines({"form": form, "default": [wrong, up, right, right]}))
    assert '| "form" | 4 | 0 | 4 | **3** |' in reached
    assert reached.endswith("reached.")
    for missed in ([wrong, wrong, right, up], [up, up, up, right]):
        assert "\n".join(default_router.lines({"form": form, "default": missed})).endswith(
            "missed."
        )


def test_the_kinds_of_ones_own_are_exported():
    assert lc_asym_router.KindClassifier is kind_classifier.KindClassifier
    assert "KindClassifier" in lc_asym_router.__all__
    assert "KindClassifier" in dir(lc_asym_router)


def test_calls_with_made_up_arguments_are_counted(folder):
    """Each wrong call rings as often as nobody said: it is failed, and the frontier's is taken."""
    table = {cells(line)[0]: cells(line) for line in grounded.lines(load(folder / "bfcl.jsonl.gz"))}
    _, right, fails, wrong, unjust, with_it = table[bars.HERMES]
    assert (right, fails, wrong, unjust, with_it) == ("0.500", "0.500", "1.00", "0.000", "1.000")
    assert table[bars.MINI][1] == "0.800"
