"""`make bench-agreement`: how often the embedded 0.5B model is right, and what agreement tells.

Each prompt below is asked once at temperature 0 and twice at 0.8 with fixed seeds, on the real model,
which then verifies its own answer too; and how sure it was of its tokens is noted.
The prompts are this project's own; the right answers are given beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from langchain_core.messages import HumanMessage
from langchain_ollama import ChatOllama

from lc_asym_router.evals.metrics import auroc
from lc_asym_router.records.request import Request
from lc_asym_router.router.from_env import embedded
from lc_asym_router.tiers.binding import resampled
from lc_asym_router.verify.answers.comparing import same
from lc_asym_router.verify.answers.final_answer import final_answer
from lc_asym_router.verify.attempt import Attempt
from lc_asym_router.verify.judge_check import SelfVerification
from lc_asym_router.verify.limits import MeanLogprob

PROMPTS = {
    "What is the capital of France?": "Paris",
    "What is the capital of Japan? One word.": "Tokyo",
    "What is the capital of Australia? One word.": "Canberra",
    "What is 17 times 23?": "391",
    "What is 12 + 30? Answer with the number only.": "42",
    "What is 144 divided by 12? Answer with the number only.": "12",
    "What is 15 % of 80? Answer with the number only.": "12",
    "Is 91 a prime number? Answer yes or no.": "no",
    "Is 17 a prime number? Answer yes or no.": "yes",
    "Translate to German, in one word: house": "Haus",
    "Translate to French, in one word: water": "eau",
    "Translate to Spanish, in one word: red": "rojo",
    "Which is larger, 9.11 or 9.9? Answer with the number only.": "9.9",
    "How many legs do 3 spiders and 2 dogs have together? Answer with the number only.": "32",
    "What is the 10th Fibonacci number if the first two are 1 and 1? Number only.": "55",
    "Is the sentiment of 'I love this film' positive or negative? One word.": "positive",
    "Is the sentiment of 'What a waste of time' positive or negative? One word.": "negative",
    "What is the opposite of 'cold'? One word.": "hot",
    "Which planet is nearest to the sun? One word.": "Mercury",
    "How many days has a leap year? Answer with the number only.": "366",
    "What is the chemical symbol of gold? Answer with the symbol only.": "Au",
    "Tom has 5 apples, eats 2 and buys 6. How many has he? Answer with the number only.": "9",
    "How many letters has the word 'banana'? Answer with the number only.": "6",
    "What is the square root of 169? Answer with the number only.": "13",
}


@dataclass(frozen=True)
class FinishedRequest:
    """What is known of one answer.

    Attributes:
        right: Whether it is right.
        agreed: How many of two further samples say the same.
        verified: Share of "correct" among the model's own verdicts, of which there are at most four: it
            stops once half of them are one way.
        probability: Geometric mean of its tokens' probabilities.
    """

    right: bool
    agreed: int
    verified: float
    probability: float


def ask(chat: ChatOllama, prompt: str, gold: str) -> FinishedRequest:
    """Ask the model, and the model about its answer."""
    first = chat.model_copy(update={"logprobs": True}).invoke(prompt)
    attempt = Attempt(
        tier="small",
        model=chat.model,
        message=first,
        request=Request(messages=(HumanMessage(prompt),)),
        again=lambda temperature, seed: resampled(chat, temperature, seed),
    )
    samples = [resampled(chat, 0.8, seed).invoke(prompt).text for seed in (1, 2)]
    answer = final_answer(first.text)
    told = FinishedRequest(
        right=same(answer, final_answer(gold)),
        agreed=sum(same(answer, final_answer(sample)) for sample in samples),
        verified=SelfVerification(samples=4)(attempt).score or 0.0,
        probability=MeanLogprob(-100)(attempt).score or 0.0,
    )
    print(
        f"{'right' if told.right else 'WRONG'}  {told.agreed} of 2 agreed  "
        f"self-verified {told.verified:.2f}  probability {told.probability:.2f}  "
        f"{prompt} -> {first.text[:50]!r}"
    )
    return told


def main() -> None:
    chat = cast("ChatOllama", embedded("small").model)
    told = [ask(chat, prompt, gold) for prompt, gold in PROMPTS.items()]
    rows = {
        "all": told,
        "at least 1 of 2 samples agreed": [row for row in told if row.agreed >= 1],
        "both agreed": [row for row in told if row.agreed == 2],
        "none agreed": [row for row in told if row.agreed == 0],
    }
    print()
    for name, row in rows.items():
        print(f"{name}: right {sum(each.right for each in row)} of {len(row)}")
    right = [float(each.right) for each in told]
    print()
    for name, scores in {
        "agreement": [float(each.agreed) for each in told],
        "self-verification": [each.verified for each in told],
        "mean token probability": [each.probability for each in told],
    }.items():
        print(f"{name}: AUROC {auroc(scores, right):.3f}")


if __name__ == "__main__":
    main()
