"""`make bench-agreement`: how often the embedded 0.5B model is right, and what agreement tells.

Each prompt below is asked once at temperature 0 and twice at 0.8 with fixed seeds, on the real model.
The prompts are this project's own; the right answers are given beside them.
"""

from __future__ import annotations

from lc_asym_router.binding import resampled
from lc_asym_router.env import embedded
from lc_asym_router.verify.final_answer import final_answer, same

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


def main() -> None:
    chat = embedded("small").model
    told: list[tuple[bool, int]] = []
    for prompt, gold in PROMPTS.items():
        first = chat.invoke(prompt).text
        samples = [resampled(chat, 0.8, seed).invoke(prompt).text for seed in (1, 2)]
        right = same(final_answer(first), final_answer(gold))
        agreed = sum(same(final_answer(first), final_answer(sample)) for sample in samples)
        told.append((right, agreed))
        print(f"{'right' if right else 'WRONG'}  {agreed} of 2 agreed  {prompt} -> {first[:50]!r}")
    rows = {
        "all": told,
        "at least 1 of 2 samples agreed": [row for row in told if row[1] >= 1],
        "both agreed": [row for row in told if row[1] == 2],
        "none agreed": [row for row in told if row[1] == 0],
    }
    print()
    for name, row in rows.items():
        print(f"{name}: right {sum(right for right, _ in row)} of {len(row)}")


if __name__ == "__main__":
    main()
