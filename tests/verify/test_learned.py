"""The learned verifier: the scorer, the check through the router, and its training."""

from __future__ import annotations

import json
import math
import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage

from lc_asym_router._internal.model_file import read_model, write_model
from lc_asym_router.errors import ConfigurationError, DataError, ModelFileError
from lc_asym_router.evals.data import Answer, Row
from lc_asym_router.evals.training.train_verifier import train_verifier
from lc_asym_router.records.request import Request
from lc_asym_router.verify import Joint, LearnedVerifier, NotEmpty
from lc_asym_router.verify.answer_features import (
    VERSION,
    answer_features,
    read_answer,
    second_features,
)
from lc_asym_router.verify.attempt import Attempt
from lc_asym_router.verify.learned_check import KIND, SHIPPED, AnswerScorer, load_scorer
from lc_asym_router.verify.working import statements, wrong
from tests.conftest import record, small_model
from tests.servers import OllamaServer, Reply

ANSWERS = st.one_of(
    st.text(max_size=400),
    st.text(alphabet='0123456789+-*/=^(){}[]"\\ .,$%xanswer:#\n', max_size=400),
)


def attempt(question: str, answer: str, **kwargs: object) -> Attempt:
    request = Request(messages=(HumanMessage(question),), **kwargs)  # type: ignore[arg-type]
    return Attempt(tier="small", model="m", message=AIMessage(answer), request=request)


@settings(max_examples=150, deadline=None)
@given(ANSWERS, ANSWERS, ANSWERS)
def test_any_text_has_a_score_in_0_to_1(question, answer, second):
    scorer = load_scorer()
    for score in (scorer.single(question, answer), scorer.paired(question, answer, second)):
        assert 0 <= score <= 1
    found = answer_features(question, read_answer(answer)) | second_features(
        question, read_answer(answer), read_answer(second)
    )
    assert all(math.isfinite(value) for value in found.values())


@given(st.integers(1, 999), st.integers(1, 999), st.integers(-5, 5))
def test_arithmetic_is_worked_out_again(one, other, off):
    ((came, said),) = statements(f"So {one} + {other} = {one + other + off} apples.", 9)
    assert came == one + other
    assert said == one + other + off
    if off == 0:
        assert not wrong(came, said)


@pytest.mark.parametrize(
    ("came", "said", "false"),
    [
        (5, 5, 0),
        (5, 6, 1),
        (9.125, 9, 0),
        (9.125, 8, 1),
        (0.12, 12, 0),
        (2 / 3, 0.67, 0),
        (36, 30, 1),
    ],
)
def test_what_is_a_false_statement(came, said, false):
    assert wrong(came, said) is bool(false)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("60 cookies * $0.10/cookie = $6.00", [(6.0, 6.0)]),
        ("2*1/2=<<2*1/2=1.0>>1 bolt", [(1.0, 1.0)]),
        ("\\frac{1}{2} + \\frac{1}{2} = 1", [(1.0, 1.0)]),
        ("1,200 x 3 = 3,600", [(3600.0, 3600.0)]),
        ("2x + 4 = 5, so x - 3 = 15", []),
        ("half of 20 + 4 = 14", []),
        ("half_spots = total_spots / 2 = 50", []),
        ("Kassidy's money + 60 = 150", []),
        ("it is f(3) = 5, and P(-1) = 0", []),
        ("20% * 60% = 0.12", [(0.12, 0.12)]),
        ("500 * $.5 * 7 = 1750", [(1750.0, 1750.0)]),
        ("4 / 1 / 6 = 24", []),
        ("(2 + 3)) * 4 = 20", []),
        ("(-6)^2 = 36 < 200 and (-12)^2 = 144", [(36.0, 36.0)]),
        (" + ".join(["1"] * 60) + " = 60", []),
        ("1 + 1 " * 3000, []),
        ("9^9^9 = 1", []),
    ],
)
def test_statements(text, found):
    assert statements(text, 99) == found


def test_a_second_model_that_agrees_is_good_news():
    scorer = load_scorer()
    question, answer = "How many eggs are in 5 boxes of 12?", "5 * 12 = 60. The answer is 60."
    agreed = scorer.paired(question, answer, "It is 12 * 5 = 60.\n#### 60")
    differed = scorer.paired(question, answer, "It is 12 + 5 = 17.\n#### 17")
    assert agreed > differed


def test_the_verdict_has_a_score_and_never_quotes():
    check = LearnedVerifier(threshold=0.0)
    verdict = check(attempt("How many?", "secret-answer 17"))
    assert verdict.passed
    assert verdict.check == "LearnedVerifier"
    assert 0 <= (verdict.score or -1) <= 1
    assert "secret" not in verdict.reason
    assert not check.asks
    assert not LearnedVerifier(threshold=1.0)(attempt("How many?", "17")).passed
    assert check.with_thresholds({"LearnedVerifier": 1.0})(attempt("?", "17")).passed is False


def test_tool_calls_and_schemas_pass_unscored():
    calls = [{"name": "f", "args": {}, "id": "1"}]
    made = Attempt("small", "m", AIMessage("", tool_calls=calls), Request((HumanMessage("hi"),)))
    verdict = LearnedVerifier(threshold=1.0)(made)
    assert verdict.passed
    assert verdict.score is None


async def test_a_second_model_through_the_router(make, ask, small):
    with OllamaServer(default=Reply("#### 60", input_tokens=10, output_tokens=5)) as second:
        check = LearnedVerifier(threshold=0.0, second=small_model(second))
        assert check.asks
        small.script("5 * 12 = 60\n#### 60")
        answer = await ask(make(verify=check), "How many eggs are in 5 boxes of 12?")
        assert answer.text.endswith("#### 60")
        assert len(second.requests) == len(record(answer)["side_calls"]) == 1
        assert "both" in record(answer)["attempts"][0]["reason"]


async def test_a_second_model_that_fails_leaves_the_answer_alone(make, ask, small):
    with OllamaServer(default=Reply(status=500, error="x")) as second:
        check = LearnedVerifier(threshold=0.0, second=small_model(second))
        answer = await ask(make(verify=check), "hi")
    assert answer.text == "a small answer"
    assert "second model failed" in record(answer)["attempts"][0]["reason"]


@pytest.mark.parametrize(
    ("score", "passes", "asked"), [(0.95, True, 0), (0.05, False, 0), (0.5, True, 1)]
)
async def test_joint_asks_only_in_between(score, passes, asked):
    from lc_asym_router.verify.attempt import Verdict

    calls = []

    def dear(_: Attempt) -> bool:
        calls.append(1)
        return True

    def cheap(_: Attempt) -> Verdict:
        return Verdict(score > 0.5, score)

    check = Joint(cheap, dear)
    assert check(attempt("?", "x")).passed is passes
    assert (await check.acall(attempt("?", "x"))).passed is passes
    assert len(calls) == 2 * asked


def test_joint_without_a_score_and_with_bad_bounds():
    assert Joint(NotEmpty(), lambda _: True)(attempt("?", "x")).passed
    assert not Joint(NotEmpty(), lambda _: True)(attempt("?", "")).passed
    assert not Joint(NotEmpty(), lambda _: False)(attempt("?", "x")).passed
    with pytest.raises(ConfigurationError, match="hopeless under sure"):
        Joint(NotEmpty(), NotEmpty(), sure=0.2, hopeless=0.8)


@pytest.mark.parametrize("wrong", [{"threshold": 1.5}, {"second": 9}])
def test_bad_settings(wrong):
    with pytest.raises(ConfigurationError):
        LearnedVerifier(**wrong)


def made_up(sources: int = 3, size: int = 60) -> list[Row]:
    """Sums in several sources: the small model is mostly right, the second one often agrees."""
    dice, rows = random.Random(7), []
    for source in range(sources):
        for number in range(size):
            a, b = dice.randint(2, 99), dice.randint(2, 99)
            right = dice.random() < 0.6
            said = a + b if right else a + b + dice.randint(1, 9)
            other = a + b if dice.random() < 0.8 else a - b
            rows.append(
                Row(
                    id=f"{source}/{number}",
                    query=f"Source {source}: what is {a} and {b} together, item {number}?",
                    weak=Answer(float(right), f"{a} + {b} = {said}\n#### {said}"),
                    strong=Answer(1.0, f"#### {a + b}"),
                    dataset=f"made-up-{source}",
                    other={"second": Answer(float(other == a + b), f"I get {other}\n#### {other}")},
                )
            )
    return rows


@pytest.mark.full
def test_training_is_the_same_each_time_and_leaves_sources_out(tmp_path: Path):
    lines: list[str] = []
    trained = train_verifier(made_up(), tmp_path / "a.json", write_line=lines.append)
    train_verifier(made_up()[::-1], tmp_path / "b.json", write_line=lines.append)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert {line.source for line in trained.table} == {f"made-up-{n}" for n in range(3)}
    assert all((line.auroc or 0) > 0.8 for line in trained.table)
    card = (tmp_path / "a.md").read_text()
    assert "left out" in card
    assert all(line in lines for line in card.splitlines() if line.startswith("| made-up-0 | none"))
    right = LearnedVerifier(model=tmp_path / "a.json")(attempt("2 and 3?", "2 + 3 = 5\n#### 5"))
    false = LearnedVerifier(model=tmp_path / "a.json")(attempt("2 and 3?", "2 + 3 = 9\n#### 9"))
    assert (right.score or 0) > (false.score or 0)


@pytest.mark.full
def test_the_trees_score_as_scikit_learn_does(tmp_path: Path):
    from lc_asym_router.evals.training import train_verifier as lab

    rows = sorted(made_up(), key=lambda row: (row.dataset, row.id))
    alone, pairs, groups = lab.samples_of(rows)
    fits = lab._Lab(alone, pairs, groups, sorted(set(groups.values())))
    train_verifier(made_up(), tmp_path / "v.json", write_line=lambda _: None)
    scorer = load_scorer(tmp_path / "v.json")
    expected = fits.trees(()).decision_function(alone.first[:20])
    got = [
        scorer._grown(answer_features(row.query, read_answer(row.weak.response or "")))
        for row in rows[:20]
    ]
    assert got == pytest.approx(list(expected))


@pytest.mark.full
def test_training_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from lc_asym_router.shell import main

    lines = [
        {
            "id": row.id,
            "dataset": row.dataset,
            "query": row.query,
            "weak_score": row.weak_score,
            "weak_response": row.weak.response,
            "strong_score": row.strong_score,
            "other": {"second": {"score": a.score, "response": a.response}},
        }
        for row in made_up()
        for a in (row.other["second"],)
    ]
    data = tmp_path / "rows.jsonl"
    data.write_text("\n".join(map(json.dumps, lines)))
    out = tmp_path / "v.json"
    command = ["train", "--what", "verifier", "--data", str(data), "--out", str(out), "--json"]
    assert main(command) == 0
    told = json.loads(capsys.readouterr().out)
    assert {line["source"] for line in told["sources"]} == {f"made-up-{n}" for n in range(3)}
    assert load_scorer(out).pair_threshold == told["thresholds"][1]


def test_sources_that_share_questions_are_one_group(tmp_path: Path):
    rows = made_up(2)
    twice = [*rows, *(_renamed(row) for row in rows if row.dataset == "made-up-0")]
    with pytest.raises(DataError, match="2 group"):
        train_verifier(twice, tmp_path / "v.json", write_line=lambda _: None)
    assert not list(tmp_path.iterdir())


@pytest.mark.full
def test_training_needs_second_answers_but_not_in_every_source(tmp_path: Path):
    bare = [Row(r.id, r.query, r.weak, r.strong, r.dataset) for r in made_up()]
    with pytest.raises(DataError, match="second small model"):
        train_verifier(bare, tmp_path / "v.json", write_line=lambda _: None)
    some = [*made_up()[:60], *bare[60:]]
    made = train_verifier(some, tmp_path / "v.json", write_line=lambda _: None, keep_left_out=True)
    assert {line.second for line in made.table} == {""}
    assert set(made.left_out) == {"made-up-1", "made-up-2"}
    for place in made.left_out.values():
        assert 0 <= load_scorer(place).paired("2 and 3?", "5", "5") <= 1


def _renamed(row: Row) -> Row:
    return Row(f"again/{row.id}", row.query, row.weak, row.strong, "again", other=row.other)


def test_a_damaged_file_is_refused(tmp_path: Path):
    with pytest.raises(ModelFileError):
        LearnedVerifier(model=tmp_path / "none.json")
    train_verifier(made_up(), tmp_path / "v.json", write_line=lambda _: None)
    whole = read_model(tmp_path / "v.json", KIND, features=VERSION)
    for meta, arrays in (
        ({}, whole.arrays),
        ({**whole.meta, "threshold": 7}, whole.arrays),
        ({**whole.meta, "features": ["nonsense"]}, whole.arrays),
        (whole.meta, {**whole.arrays, "left": whole.arrays["feature"]}),
        (whole.meta, {**whole.arrays, "roots": [0.0]}),
        (whole.meta, {**whole.arrays, "roots": [10**6]}),
        (whole.meta, {**whole.arrays, "value": whole.arrays["value"][1:]}),
        (whole.meta, {name: a for name, a in whole.arrays.items() if name != "roots"}),
    ):
        write_model(tmp_path / "bad.json", KIND, arrays, meta, features=VERSION)
        with pytest.raises(ModelFileError, match="again"):
            AnswerScorer(read_model(tmp_path / "bad.json", KIND, features=VERSION))


def test_a_file_that_was_trained_anew_is_read_anew(tmp_path: Path):
    path = tmp_path / "my.json"
    model = read_model(SHIPPED, KIND, features=VERSION)
    for number, threshold in enumerate((0.2, 0.7), 1):
        meta = {**model.meta, "threshold": threshold}
        write_model(path, KIND, model.arrays, meta, features=VERSION)
        os.utime(path, ns=(number, number))  # a clock may be coarser than two writes
        assert LearnedVerifier(model=path).threshold == threshold
    path.unlink()
    with pytest.raises(ModelFileError, match="can't be read"):
        LearnedVerifier(model=path)


def test_the_shipped_weights_and_their_card_belong_together():
    scorer = load_scorer()
    assert SHIPPED.stat().st_size < 1_000_000
    card = SHIPPED.with_suffix(".md").read_text()
    assert f"passes from {scorer.threshold:.3f} on" in card
    assert f"from {scorer.pair_threshold:.3f} on" in card
    assert json.dumps("zeroeval_crux")[1:-1] in card
