"""`make bench-sample`: in which other representation a 0.5B model is asked a short question again.

Each question below is asked once, and once more in each representation, all at temperature 0, on the
real embedded model. A representation is good that agrees with right answers and not with wrong ones.
The questions are this project's own, and other ones than those of `make bench-default`: what
`lc_asym_router.verify.recast` does with a question of fact was chosen by these.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import cast

from lc_asym_router.router.from_env import embedded
from lc_asym_router.tiers.tier import Tier
from lc_asym_router.verify.answers.comparing import agree, same
from lc_asym_router.verify.answers.final_answer import final_answer
from lc_asym_router.verify.recast import SENTENCE, STEPS

QUESTIONS = {
    "What is the capital of Portugal? One word.": "Lisbon",
    "What is the capital of Egypt? One word.": "Cairo",
    "What is the capital of Norway?": "Oslo",
    "What is the capital of Kenya? One word.": "Nairobi",
    "What is the largest planet of the solar system? One word.": "Jupiter",
    "Who painted the Mona Lisa? Answer with the last name only.": "Leonardo da Vinci",
    "Who discovered penicillin? Answer with the last name only.": "Fleming",
    "In which year did the First World War begin? Answer with the number only.": "1914",
    "In which year did humans first land on the Moon? Number only.": "1969",
    "How many legs does a spider have? Answer with the number only.": "8",
    "What is the chemical symbol of potassium? Answer with the symbol only.": "K",
    "Which metal is liquid at room temperature? One word.": "mercury",
    "What is the currency of Japan? One word.": "yen",
    "What language is spoken in Brazil? One word.": "Portuguese",
    "What is the freezing point of water in degrees Celsius? Number only.": "0",
    "What is 9 times 6? Answer with the number only.": "54",
    "What is 500 minus 123? Answer with the number only.": "377",
    "What is 17 + 25 + 9? Answer with the number only.": "51",
    "What is 14 times 12? Answer with the number only.": "168",
    "What is 3 to the power of 4? Answer with the number only.": "81",
    "What is 15 % of 200? Answer with the number only.": "30",
    "What is a quarter of 10? Answer with the number only.": "2.5",
    "Is 37 a prime number? Answer yes or no.": "yes",
    "Is a whale a fish? Answer yes or no.": "no",
    "Is Berlin in France? Answer yes or no.": "no",
    "Is the Sun a star? Answer yes or no.": "yes",
    "Can penguins fly? Answer yes or no.": "no",
    "How many hours are in three days? Answer with the number only.": "72",
    "A pen costs 3 dollars. What do 7 pens cost? Answer with the number only.": "21",
    "Tom has 15 apples and gives away 6. How many are left? Number only.": "9",
    "A film begins at 19:30 and lasts 100 minutes. At what time does it end?": "21:10",
    "Translate to German, in one word: cat": "Katze",
    "Translate to Spanish, in one word: house": "casa",
    "Translate to Italian, in one word: day": "giorno",
    "Is the sentiment of 'I love it, best buy this year' positive or negative? One word.": "positive",
    "Is the sentiment of 'It broke after a day' positive or negative? One word.": "negative",
    "What is the opposite of 'hot'? One word.": "cold",
    "What is the opposite of 'empty'? One word.": "full",
    "What is the plural of 'child'? One word.": "children",
    "What is the past tense of 'go'? One word.": "went",
    "Which season comes after spring? One word.": "summer",
    "What colour do you get from mixing blue and yellow? One word.": "green",
}
WAYS = {
    "numbered steps": STEPS,
    "a sentence first, then the answer": (
        "Say first, in one short sentence, what you know about it. Then give the final answer alone, "
        "in the form that was asked for, on the last line behind 'Answer: '."
    ),
    "the answer and its reason": (
        "Give the answer and, in a few words, the reason, as 'Answer: <answer>, because <reason>'."
    ),
    "a full sentence": SENTENCE,
}


def lines(found: Mapping[str, list[tuple[bool, bool]]]) -> list[str]:
    """The table: of right and of wrong answers, how many each representation agrees with."""
    table = ["| asked again for | right answers kept | wrong answers kept |", "| --- | --- | --- |"]
    for name, pairs in found.items():
        kept = {right: [agrees for was, agrees in pairs if was is right] for right in (True, False)}
        table.append(
            f"| {name} | {sum(kept[True])} of {len(kept[True])} | {sum(kept[False])} of "
            f"{len(kept[False])} |"
        )
    return table


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    model = cast("Tier", embedded("small")).model
    found: dict[str, list[tuple[bool, bool]]] = {name: [] for name in WAYS}
    for question, gold in QUESTIONS.items():
        first = final_answer(str(model.invoke(question).text))
        right = same(first, final_answer(gold))
        for name, instruction in WAYS.items():
            again = final_answer(str(model.invoke(f"{question}\n\n{instruction}").text))
            found[name].append((right, agree(question, first, again)))
        print("right" if right else "WRONG", question, flush=True)
    print("\n".join(("", *lines(found))))


if __name__ == "__main__":
    main()
