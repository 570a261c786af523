"""How many recorded tool calls are read back out of the texts in which models wrote them.

    python -m tests.benchmarks.read_calls DATA [--misses N]

DATA is a gzipped JSON-lines file, or a folder of them: rows with `tools` and, for each model, the
`calls` that were parsed by the recording and the `raw` text they were parsed from (`response` where
no call was). Printed for each model:

- texts: rows with a text;
- equal: what is read equals the recorded calls, none included;
- unbound: the recording has a call of a tool that is not bound, and the reading says broken;
- false: a call is read where none is recorded;
- missed: recorded calls of bound tools that are not read, or read otherwise;
- crashes;
- wrong: of the false and the missed those that are taken for something else that can be handed on:
  the reading does not say broken, and its calls, compared as a vote compares them (for what they do),
  are not the recorded ones.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lc_asym_router.tiers.model_text import read_calls, tools_of
from lc_asym_router.verify.answers.calls import same_calls

COLUMNS = ("texts", "equal", "unbound", "false", "missed", "crashes", "wrong")


def recordings(row: dict[str, Any]) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """The model, the text and the recorded calls of each text of a row.

    Text beside calls that the provider's API made is passed over: nothing was parsed out of it.
    """
    models = [(row[f"{side}_model"], _of_side(row, side)) for side in ("weak", "strong")]
    for model, made in [*models, *(row.get("other") or {}).items()]:
        calls = made.get("calls") or []
        text = made.get("raw") or ("" if calls else made.get("response"))
        if text:
            yield model, text, calls


def _of_side(row: dict[str, Any], side: str) -> dict[str, Any]:
    return {key: row.get(f"{side}_{key}") for key in ("calls", "raw", "response")}


def outcome(text: str, calls: list[dict[str, Any]], tools: dict[str, Any]) -> str:
    """The column, other than "texts", that a reading counts in."""
    try:
        found = read_calls(text, tools)
    except Exception:
        return "crashes"
    read = [{"name": call.name, "args": call.arguments} for call in found.calls]
    if read == calls:
        return "equal"
    if found.broken and any(call["name"] not in tools for call in calls):
        return "unbound"
    return "missed" if calls else "false"


def is_wrong(text: str, calls: list[dict[str, Any]], tools: Sequence[dict[str, Any]]) -> bool:
    """Whether a reading can be handed on and does something else than the recorded calls."""
    found = read_calls(text, dict(tools_of(tools)))
    read = [{"name": call.name, "args": call.arguments} for call in found.calls]
    return not found.broken and not same_calls(read, calls, tools)


def measure(paths: list[Path], show: int = 0) -> dict[str, Counter[str]]:
    """The counts for each model; the first misses are printed as they come."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                if "tools" not in row:
                    continue
                tools = dict(tools_of(row["tools"]))
                for model, text, calls in recordings(row):
                    kind = outcome(text, calls, tools)
                    counts[model].update(["texts", kind])
                    if kind in ("false", "missed"):
                        counts[model]["wrong"] += is_wrong(text, calls, row["tools"])
                    if kind not in ("equal", "unbound") and show > 0:
                        show -= 1
                        print(f"{kind}: {row['id']} {model}\n  {text[:600]!r}\n  {calls}")
                        if kind != "crashes":
                            found = read_calls(text, tools)
                            print(" ", found.broken, [(c.name, c.arguments) for c in found.calls])
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a .jsonl.gz file, or a folder of them")
    parser.add_argument("--misses", type=int, default=0, help="how many misses to print")
    arguments = parser.parse_args()
    folder = arguments.data.is_dir()
    paths = sorted(arguments.data.glob("*.jsonl.gz")) if folder else [arguments.data]
    counts = measure(paths, arguments.misses)
    width = max((len(model) for model in counts), default=5)
    print(f"{'model':{width}}", *(f"{column:>8}" for column in COLUMNS), "   share")
    for model, counted in sorted(counts.items()):
        figures = [f"{counted[column]:8}" for column in COLUMNS]
        print(f"{model:{width}}", *figures, f"{counted['equal'] / counted['texts']:8.3f}")


if __name__ == "__main__":
    main()
