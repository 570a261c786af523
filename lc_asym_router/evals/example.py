"""Made-up rows for trying the commands without real data."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from lc_asym_router._internal.paths import AnyPath

NAMES = ("Ada", "Ben", "Cem", "Dora", "Emil", "Fay")
THINGS = ("apples", "books", "stamps", "shells", "tickets", "cups")


def write_example(path: AnyPath, count: int = 400, seed: int = 1) -> Path:
    """Write rows of made-up sums; the more steps a sum has, the more often the small models are wrong.

    The rows show how the commands work and are no evidence: the "models" are random numbers.

    Args:
        path: File to write (`.jsonl`).
        count: Number of rows.
        seed: Seed of the random numbers; the same seed gives the same rows.
    """
    chance = random.Random(seed)
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    name = place.name.partition(".")[0]
    lines = (json.dumps({"id": f"{name}/{n}", **_row(chance)}) for n in range(count))
    place.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return place


def _row(chance: random.Random) -> dict[str, Any]:
    steps = chance.randint(1, 6)
    query, value = _sum(steps, chance)
    weak = _answer(value, 0.08 * steps, chance)
    strong = _answer(value, 0.01 * steps, chance)
    second = _answer(value, 0.1 * steps, chance)
    return {
        "query": query,
        "gold": str(value),
        "weak_model": "small dice",
        "strong_model": "frontier dice",
        "weak_score": weak["score"],
        "weak_response": weak["response"],
        "strong_score": strong["score"],
        "strong_response": strong["response"],
        "other": {"second": second},
    }


def _sum(steps: int, chance: random.Random) -> tuple[str, int]:
    name, thing = chance.choice(NAMES), chance.choice(THINGS)
    value = chance.randint(10, 60)
    parts = [f"{name} has {value} {thing}."]
    for _ in range(steps):
        size = chance.randint(2, 9)
        kind = chance.choice(("gets", "gives away", "times"))
        if kind == "times":
            value *= size
            parts.append(f"Then the number grows {size} times.")
        elif kind == "gets" or value <= size:
            value += size
            parts.append(f"Then {name} gets {size} more.")
        else:
            value -= size
            parts.append(f"Then {name} gives away {size}.")
    return " ".join([*parts, f"How many {thing} does {name} have now?"]), value


def _answer(value: int, slip: float, chance: random.Random) -> dict[str, Any]:
    wrong = chance.random() < slip
    stated = value + chance.choice((-10, -1, 1, 10)) if wrong else value
    return {
        "score": 0.0 if wrong else 1.0,
        "response": f"Step by step it comes to {stated}.\n#### {stated}",
    }
