"""The long half of `make bench-checks`: embedded models are asked, and what they say is kept.

Two parts. "own": the embedded model answers a question of the shared data at temperature 0, with
logprobs, and then verifies its own answer. "recorded": it verifies the answer that the shared data's
small model (Llama-3.1-8B) once gave. Either way it is asked `SAMPLES` times, with the messages, the
temperature and the seeds of the shipped `SelfVerification`, and always to the end, so that any
threshold can be tried on what it said.

Replies go to a journal in the cache folder, which an interrupted run goes on with. They belong to
questions of the shared data, so they stay there; the numbers that are computed from them go to
`FIGURES`, beside this file.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, HumanMessage
from langchain_ollama import ChatOllama

from lc_asym_router.batch.journal import Journal
from lc_asym_router.embedded import embedded_small
from lc_asym_router.embedded.catalog import SMALL
from lc_asym_router.embedded.weight_files import default_cache_dir
from lc_asym_router.evals import DataError, Row, load
from lc_asym_router.records.request import Request
from lc_asym_router.tiers.binding import resampled
from lc_asym_router.tiers.provider import tokens_of
from lc_asym_router.verify.answers.comparing import asks_for_output, same
from lc_asym_router.verify.answers.final_answer import final_answer
from lc_asym_router.verify.attempt import Attempt
from lc_asym_router.verify.defaults import default_checks
from lc_asym_router.verify.judge_check import SelfVerification, question, verdict_of
from tests.benchmarks import DATA

FIGURES = Path(__file__).with_name("recorded_checks.jsonl")
SEED = 5
SAMPLES = 3
"""Verdicts on each answer: an odd number, so that there is a majority."""
VERDICT_TOKENS = 128
ASKED = {
    "zeroeval_crux": (64, "Answer with the literal only, as [ANSWER]literal[/ANSWER]."),
    "zeroeval_gsm": (
        200,
        "Work it out in a few short steps. End with one line: #### and the number.",
    ),
}
"""For each source how many tokens an own answer may have, and what is asked behind the question."""
SECONDS = ("Meta-Llama-3-8B-Instruct", "gemma-2-9b-it", "gpt-4o-mini-2024-07-18")
"""Second models whose recorded answers are compared, on the same rows."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One step of the recording.

    Attributes:
        part: "own" or "recorded"; see above.
        step: "answer": give an own answer; "verify": say whether the answer is right.
        model: The embedded model that is asked.
        source: A file of the shared data.
        turn: How many rows it gets before the next plan has its turn.
    """

    part: str
    step: str
    model: str
    source: str
    turn: int

    def key(self, row: Row) -> str:
        """The name of a row's entry in the journal."""
        return f"{self.part}/{self.step}/{row.id}"


PLANS = (
    Plan("own", "answer", SMALL, "zeroeval_crux", 7),
    Plan("own", "verify", SMALL, "zeroeval_crux", 3),
    Plan("recorded", "verify", SMALL, "zeroeval_gsm", 4),
    Plan("own", "answer", SMALL, "zeroeval_gsm", 1),
)
"""Verdicts take several times as long as answers, so fewer answers are verified than given."""


@dataclass(frozen=True, slots=True)
class FinishedRequest:
    """What is known of one answer: numbers alone, no text.

    Attributes:
        part: "own" or "recorded".
        model: The embedded model that answered or verified.
        source: The shared data's source.
        id: The question's.
        right: The answer's grade, in [0, 1].
        strong: The recorded frontier's grade on the question, in [0, 1].
        verdicts: One letter a reply: c for correct, i for incorrect, "-" for no verdict; empty where
            the model was not asked.
        mean: Mean logprob of the answer's tokens, in nats; `None` where it was not our model's.
        least: The least of them.
        checks: 1.0 for each check that passed the answer, 0.0 for each that failed it.
    """

    part: str
    model: str
    source: str
    id: str
    right: float
    strong: float
    verdicts: str
    mean: float | None = None
    least: float | None = None
    checks: dict[str, float] = field(default_factory=dict)


def record(minutes: float) -> list[FinishedRequest]:
    """Ask until the time is up or all is asked, and keep the figures.

    Args:
        minutes: For how long new rows are begun.

    Returns:
        What is known of all rows that the journals hold, in the order of the plans.
    """
    data = {plan.source: drawn(plan.source) for plan in PLANS}
    models = dict.fromkeys(plan.model for plan in PLANS)
    journals = {model: journal_of(model) for model in models}
    until = time.monotonic() + minutes * 60
    for plan, row in turns(data):
        if time.monotonic() >= until:
            break
        journal = journals[plan.model]
        key = plan.key(row)
        if key not in journal.entries:
            journal.add({"key": key, **ask(plan, row, journal)})
            print(f"{plan.model} {key}", flush=True)
    told = gathered(data, journals)
    keep(told)
    return told


def keep(told: Sequence[FinishedRequest]) -> None:
    """Write the figures, unless the file holds more: a run that has begun must not replace them."""
    try:
        before = len(FIGURES.read_bytes().splitlines())
    except OSError:
        before = 0
    if len(told) < before:
        print(
            f"{len(told)} answers so far, and {FIGURES.name} holds {before}: it stays as it is. "
            "The same command goes on.\n"
        )
        return
    lines = (json.dumps(asdict(each)) for each in told)
    partial = FIGURES.with_suffix(".partial")
    partial.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    partial.replace(FIGURES)


def drawn(source: str) -> list[Row]:
    """All rows of a source in an order of their own: however many are asked, they are a sample.

    Raises:
        DataError: The shared data are not there.
    """
    rows = sorted(load(DATA / f"{source}.jsonl.gz"), key=lambda row: row.id)
    random.Random(SEED).shuffle(rows)
    return rows


def turns(data: dict[str, list[Row]]) -> Iterator[tuple[Plan, Row]]:
    """The plans' rows in turns, so that a run that ends early has some of each."""
    for turn in count():
        begun = [turn * plan.turn for plan in PLANS]
        if all(start >= len(data[p.source]) for p, start in zip(PLANS, begun, strict=True)):
            return
        for plan, start in zip(PLANS, begun, strict=True):
            for row in data[plan.source][start : start + plan.turn]:
                yield plan, row


def journal_of(model: str) -> Journal:
    """The journal of one model's replies, in the cache folder."""
    place = default_cache_dir() / f"bench-checks-{model.replace(':', '-')}.jsonl"
    settings = (SAMPLES, VERDICT_TOKENS, sorted(ASKED.items()))
    return Journal(place, f"{model}, {settings}")


def ask(plan: Plan, row: Row, journal: Journal) -> dict[str, Any]:
    """Ask the model for its answer, or for its verdicts on an answer."""
    if plan.step == "answer":
        limit, suffix = ASKED[plan.source]
        chat = _chat(plan.model, limit).model_copy(update={"logprobs": True})
        said = chat.invoke(f"{row.query}\n\n{suffix}")
        logprobs = [token["logprob"] for token in tokens_of(said.response_metadata)]
        return {"text": said.text, "logprobs": logprobs}
    own = plan.part == "own"
    text = journal.entries[f"own/answer/{row.id}"]["text"] if own else row.weak.response
    asked = question(attempt(row, text))
    chat, rule = _chat(plan.model, VERDICT_TOKENS), SelfVerification(SAMPLES)
    samplers = (resampled(chat, rule.temperature, seed) for seed in range(1, SAMPLES + 1))
    return {"replies": [sampler.invoke(asked).text for sampler in samplers]}


def _chat(model: str, tokens: int) -> ChatOllama:
    return embedded_small(model=model, num_predict=tokens, seed=1)


def attempt(row: Row, text: str | None) -> Attempt:
    """An answer to a row's question, as a check sees it."""
    return Attempt(
        tier="small",
        model="",
        message=AIMessage(text or ""),
        request=Request(messages=(HumanMessage(row.query),)),
    )


def gathered(data: dict[str, list[Row]], journals: dict[str, Journal]) -> list[FinishedRequest]:
    """What the journals come to, in the order of the plans."""
    told = []
    for part, model, source in dict.fromkeys((p.part, p.model, p.source) for p in PLANS):
        entries = journals[model].entries
        for row in data[source]:
            answer = entries.get(f"own/answer/{row.id}") if part == "own" else None
            verdicts = entries.get(f"{part}/verify/{row.id}")
            if answer or (part == "recorded" and verdicts):
                told.append(figures(part, model, row, answer, verdicts))
    return told


def figures(
    part: str,
    model: str,
    row: Row,
    answer: dict[str, Any] | None,
    verdicts: dict[str, Any] | None,
) -> FinishedRequest:
    """The numbers that one answer comes to.

    Args:
        part: "own" or "recorded".
        model: The embedded model.
        row: A row of the shared data.
        answer: The journal's entry of the model's own answer; `None` for the recorded one.
        verdicts: The journal's entry of the replies, if it was asked for any.
    """
    letters = {True: "c", False: "i", None: "-"}
    text = answer["text"] if answer else row.weak.response or ""
    final, exact = final_answer(text), asks_for_output(row.query)
    checks = {"default": float(default_checks()(attempt(row, text)).passed)}
    for second in SECONDS:
        other = row.other.get(second)
        if other is not None and other.response is not None:
            agreed = same(final, final_answer(other.response), exact=exact)
            checks[f"agreement with {second}"] = float(agreed)
    right = float(same(final, final_answer(str(row.gold)), exact=exact))
    logprobs: Sequence[float] = answer["logprobs"] if answer else ()
    return FinishedRequest(
        part=part,
        model=model,
        source=row.dataset,
        id=row.id,
        right=right if answer else row.weak_score,
        strong=row.strong_score,
        verdicts="".join(
            letters[verdict_of(reply)] for reply in (verdicts or {}).get("replies", ())
        ),
        mean=round(math.fsum(logprobs) / len(logprobs), 5) if logprobs else None,
        least=round(min(logprobs), 5) if logprobs else None,
        checks=checks,
    )


def kept() -> list[FinishedRequest]:
    """The figures that were recorded and committed.

    Raises:
        DataError: The file is not there, or a line of it can't be used.
    """
    try:
        lines = FIGURES.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(
            f"{FIGURES} can't be read ({type(error).__name__}). Record it anew: "
            "make bench-checks ARGS=--record"
        ) from None
    told = []
    for number, line in enumerate(lines, 1):
        try:
            told.append(FinishedRequest(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise DataError(
                f"{FIGURES}, line {number}: no figures of an answer ({error})."
            ) from None
    if not told:
        raise DataError(f"{FIGURES} is empty. Record it anew: make bench-checks ARGS=--record")
    return told
