"""How often the keyword rule finds its words in simple requests, language by language.

    python -m tests.benchmarks.keyword_alarms FOLDER [--hits LANGUAGE]

FOLDER holds gzipped JSON-lines files whose rows have `query`, `side` ("simple", "complex") and
`language`. Printed for each language: rows and the share in which a word is found, for either side;
then which words are found in simple rows. A word in a simple row is a false alarm.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from pathlib import Path

from lc_asym_router.classify.keyword import KeywordClassifier


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a folder of .jsonl.gz files")
    parser.add_argument("--hits", help="print what is found in the simple rows of a language")
    arguments = parser.parse_args()
    classifier = KeywordClassifier()
    rows: Counter[tuple[str, str]] = Counter()
    hits: Counter[tuple[str, str]] = Counter()
    words: Counter[tuple[str, str]] = Counter()
    for path in sorted(arguments.folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                key = row["language"], row["side"]
                found = classifier.found(row["query"])
                rows[key] += 1
                hits[key] += bool(found)
                if row["side"] == "simple":
                    words.update((row["language"], word) for word in found)
                    if found and row["language"] == arguments.hits:
                        print(path.name, list(found), row["query"][-300:].replace("\n", " "))
    print(f"{'language':10}{'simple':>8}{'found':>8}{'share':>8}{'complex':>10}{'share':>8}")
    for language in sorted({language for language, _ in rows}):
        simple, complex_ = (language, "simple"), (language, "complex")
        print(
            f"{language:10}{rows[simple]:8}{hits[simple]:8}{_share(hits[simple], rows[simple])}"
            f"{rows[complex_]:10}{_share(hits[complex_], rows[complex_])}"
        )
    for (language, word), count in words.most_common():
        print(f"{language}: {word!r} in {count} simple rows")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:8.2%}" if whole else f"{'-':>8}"


if __name__ == "__main__":
    main()
