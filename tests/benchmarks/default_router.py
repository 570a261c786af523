"""`make bench-default`: what the default router hands on of a 0.5B model to 60 short questions.

The small tier is the embedded 0.5B model, really asked, by a router with no other settings. With
`verify="form"`, the default before, the same first answer would have been handed on unless a check of
form or sums failed, so both are read off one run. The frontier is a server that answers nothing of use:
it is counted what is sent up to it, and how many wrong small answers are handed on instead. The
questions are this project's own: the 24 of `make bench-agreement` and 36 that were written before this
was first run. Nothing was chosen by them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.outputs import LLMResult

from lc_asym_router import AsymRouter
from lc_asym_router.router.from_env import embedded
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.answers.comparing import same
from lc_asym_router.verify.answers.final_answer import final_answer
from tests.benchmarks.agreement import PROMPTS
from tests.conftest import FRONTIER_PRICE, frontier_model
from tests.servers import OpenAIServer, Reply

MORE = {
    "What is the capital of Italy? One word.": "Rome",
    "What is the capital of Canada? One word.": "Ottawa",
    "What is the capital of Turkey? One word.": "Ankara",
    "What is the capital of Brazil?": "Brasilia",
    "In which country is Mount Kilimanjaro? One word.": "Tanzania",
    "Which ocean is the largest? One word.": "Pacific",
    "Who wrote Hamlet? Answer with the last name only.": "Shakespeare",
    "In which year did the Second World War end? Answer with the number only.": "1945",
    "How many continents are there? Answer with the number only.": "7",
    "What is the chemical symbol of iron? Answer with the symbol only.": "Fe",
    "What is the chemical symbol of sodium? Answer with the symbol only.": "Na",
    "Which gas do plants take in? Answer with its formula only.": "CO2",
    "What is 8 times 7? Answer with the number only.": "56",
    "What is 1000 minus 357? Answer with the number only.": "643",
    "What is 23 + 19 + 8? Answer with the number only.": "50",
    "What is 13 times 17? Answer with the number only.": "221",
    "What is 2 to the power of 10? Answer with the number only.": "1024",
    "What is 7 squared minus 4 squared? Answer with the number only.": "33",
    "What is 20 % of 350? Answer with the number only.": "70",
    "What is half of 3.5? Answer with the number only.": "1.75",
    "Is 51 a prime number? Answer yes or no.": "no",
    "Is 29 a prime number? Answer yes or no.": "yes",
    "Which is larger, 0.75 or 0.8? Answer with the number only.": "0.8",
    "How many minutes are in two and a half hours? Answer with the number only.": "150",
    "How many seconds are in an hour? Answer with the number only.": "3600",
    "A train leaves at 14:50 and arrives at 16:20. How many minutes does it take? Number only.": "90",
    "A book costs 12 dollars. What do 4 books cost? Answer with the number only.": "48",
    "Ann is 3 years older than Ben, who is 9. How old is Ann? Answer with the number only.": "12",
    "A box holds 6 eggs. How many boxes are needed for 20 eggs? Answer with the number only.": "4",
    "Translate to German, in one word: dog": "Hund",
    "Translate to French, in one word: bread": "pain",
    "Translate to Spanish, in one word: night": "noche",
    "Is the sentiment of 'Never again, terrible service' positive or negative? One word.": "negative",
    "Is the sentiment of 'Works like a charm' positive or negative? One word.": "positive",
    "What is the opposite of 'early'? One word.": "late",
    "What is the plural of 'mouse'? One word.": "mice",
}
QUESTIONS = {**PROMPTS, **MORE}
assert len(QUESTIONS) == 60


@dataclass(frozen=True)
class Outcome:
    """What became of one question.

    Attributes:
        up: Whether the frontier answered.
        right: Whether the answer that was handed on is right; of no use where `up`.
    """

    up: bool
    right: bool


class Drafts(BaseCallbackHandler):
    """Notes what the models said, in order."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def on_llm_end(self, response: LLMResult, **kwargs: Any) -> None:
        self.texts.append(response.generations[0][0].text)


def ask(router: AsymRouter, question: str, gold: str) -> tuple[Outcome, Outcome]:
    """What form and sums, and what the default, make of one question."""
    drafts = Drafts()
    said = router.invoke(question, {"callbacks": [drafts]})
    record = said.response_metadata["router"]
    first, known = record["attempts"][0], final_answer(gold)
    up = record["tier"] == "frontier"
    form_up = first["tier"] == "frontier" or not (first["passed"] or first["check"] == "Agreement")
    return (
        Outcome(form_up, same(final_answer(drafts.texts[0]), known)),
        Outcome(up, same(final_answer(said.text), known)),
    )


def lines(found: Mapping[str, list[Outcome]]) -> Iterator[str]:
    """The table, and whether the bar is reached."""
    yield "| verify= | questions | sent up | small answers handed on | wrong among them |"
    yield "| --- | --- | --- | --- | --- |"
    wrong: dict[str, int] = {}
    for name, outcomes in found.items():
        up = sum(each.up for each in outcomes)
        wrong[name] = sum(not each.up and not each.right for each in outcomes)
        yield (f'| "{name}" | {len(outcomes)} | {up} | {len(outcomes) - up} | **{wrong[name]}** |')
    up = sum(each.up for each in found["default"]) / len(found["default"])
    reached = wrong["default"] * 3 <= wrong["form"] and up <= 0.5
    yield (
        f"\nBar: a third of the wrong ones at most ({wrong['form']} with form and sums), half of the "
        f"questions sent up at most ({up:.2f}): {'reached' if reached else 'missed'}."
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    small = cast("Tier", embedded("small"))
    found: dict[str, list[Outcome]] = {"form": [], "default": []}
    with OpenAIServer(default=Reply("(the frontier's answer)")) as server:
        frontier = Tier(frontier_model(server), "frontier", price=FRONTIER_PRICE)
        router = AsymRouter(small=small, frontier=frontier)
        for question, gold in QUESTIONS.items():
            for name, outcome in zip(found, ask(router, question, gold), strict=True):
                found[name].append(outcome)
            told = (
                "up" if each[-1].up else "right" if each[-1].right else "WRONG"
                for each in found.values()
            )
            print(*(f"{each:6}" for each in told), question, flush=True)
    print("\n".join(("", *lines(found))))


if __name__ == "__main__":
    main()
