"""`python -m tests.benchmarks.representations FOLDER`: what a sample in another representation tells.

On recorded samples of small models (`mot.jsonl.gz` in the folder: rows with `samples`, each a list of
texts in one prompt with the answers that they were recorded to come to): the share of programs that our
own reader works out to the recorded answer, and what is kept of the gain where one program, or
further samples of the same kind, must agree with the answer. No model is asked.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage

from lc_asym_router.evals.metrics import bootstrap, recovered
from lc_asym_router.verify.answers.comparing import agree, same
from lc_asym_router.verify.answers.evaluate_program import program_value
from lc_asym_router.verify.answers.final_answer import FinalAnswer, final_answer
from lc_asym_router.verify.recast import Recast

Row = Mapping[str, Any]
TODAY = ("today()", "now()", "utcnow()")
"""Programs that ask for the day on which they run: their answers can't be read again."""


def read(rows: Iterable[Row]) -> Counter[tuple[str, str]]:
    """How many programs there are, were recorded with an answer, and are read to the same one."""
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        for sample in row["samples"]:
            if not sample["prompt"].startswith("pot"):
                continue
            source = f"{row['dataset']}, {sample['model']}"
            for text, recorded in zip(sample["texts"], sample["answers"], strict=True):
                if recorded is None:
                    continue
                alike = _alike(program_value(text), str(recorded))
                kind = "of today" if any(each in text for each in TODAY) else "timeless"
                counts[source, "recorded"] += 1
                counts[source, "read"] += alike
                counts[source, kind] += 1
                counts[source, f"{kind}, read"] += alike
    return counts


def _alike(value: str | None, recorded: str) -> bool:
    return value is not None and (
        value.strip() == recorded.strip() or same(final_answer(value), final_answer(recorded))
    )


def table(counts: Counter[tuple[str, str]]) -> Iterator[str]:
    """The share of programs that are read, by source."""
    yield "| programs of | with a recorded answer | read to it | without those that ask for today |"
    yield "| --- | --- | --- | --- |"
    sources = sorted({source for source, _ in counts})
    for source in sources:
        yield _line(source, [source], counts)
    yield _line("all", sources, counts)


def _line(name: str, sources: Sequence[str], counts: Counter[tuple[str, str]]) -> str:
    def total(key: str) -> int:
        return sum(counts[source, key] for source in sources)

    share, timeless = total("read") / total("recorded"), total("timeless, read") / total("timeless")
    return f"| {name} | {total('recorded')} | {share:.4f} | {timeless:.4f} |"


def cascades(rows: Sequence[Row]) -> Iterator[str]:
    """What is kept where further samples must agree, on the questions about dates."""
    dates = [row for row in rows if row["category"] == "date"]
    yield "| dates, GPT-3.5 to GPT-4: what must agree | to the frontier | gain kept (PGR) | 95 % |"
    yield "| --- | --- | --- | --- |"
    rules: dict[str, Callable[[Row], bool]] = {
        "one plain sample": lambda row: agreed(row, "cot1", 1, 1),
        "any of two plain samples": lambda row: agreed(row, "cot1", 2, 1),
        "both of two plain samples": lambda row: agreed(row, "cot1", 2, 2),
        "one sample as other steps": lambda row: agreed(row, "cot2", 1, 1),
        "one sample as a program (pot1)": lambda row: agreed(row, "pot1", 1, 1),
        "one sample as a program (pot2)": lambda row: agreed(row, "pot2", 1, 1),
    }
    for name, rule in rules.items():
        up = [float(not rule(row)) for row in dates]
        weak, strong = ([row[f"{which}_score"] for row in dates] for which in ("weak", "strong"))
        low, high = bootstrap(recovered, weak, strong, up) or (float("nan"),) * 2
        kept = recovered(weak, strong, up)
        yield f"| {name} | {sum(up) / len(up):.3f} | {kept:.3f} | {low:.3f} to {high:.3f} |"


def agreed(row: Row, prompt: str, samples: int, needed: int) -> bool:
    """Whether so many further samples come to the same as the first answer, as `Agreement` has it."""
    taken = [
        each if each is not None else _samples(row, "cot1")[0]  # in place of what can't be read
        for each in _samples(row, prompt)[:samples]
    ]
    first = final_answer(row["weak_response"])
    return sum(each is not None and agree(row["query"], first, each) for each in taken) >= needed


def _samples(row: Row, prompt: str) -> list[FinalAnswer | None]:
    """The small model's samples in one prompt, read as `Agreement` reads them, but for the answer."""
    texts = next(
        sample["texts"]
        for sample in row["samples"]
        if sample["prompt"] == prompt and sample["model"] == row["weak_model"]
    )
    if prompt == row["weak_prompt"]:
        texts = texts[1:]
    recast = Recast("program" if prompt.startswith("pot") else "steps", ())
    return [recast.read(AIMessage(text)) for text in texts]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where mot.jsonl.gz is")
    path = parser.parse_args().folder / "mot.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    print("\n".join(cascades(rows)))
    print()
    print("\n".join(table(read(rows))))


if __name__ == "__main__":
    main()
