"""`python -m tests.benchmarks.embedding_speed DATA`: what a request takes the embedding classifier.

200 requests of known kinds, drawn with a fixed seed from the folder of the development data. Time of
one core and time by the clock: on a machine that is busy with other things the second says little.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import numpy as np

from lc_asym_router.classify import EmbeddingClassifier
from lc_asym_router.evals.kind_metrics import load_kinds

COUNT = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="the folder of the development data")
    rows = load_kinds(parser.parse_args().data / "kinds")
    classifier = EmbeddingClassifier()
    classifier.complexity("loads the encoder")
    spent, passed = [], []
    for row in random.Random(0).sample(rows, COUNT):
        core, clock = time.thread_time(), time.perf_counter()
        classifier.complexity(row.query)
        spent.append(1000 * (time.thread_time() - core))
        passed.append(1000 * (time.perf_counter() - clock))
    for name, each in (("of the calling core", spent), ("by the clock", passed)):
        low, middle, high, most = np.quantile(each, [0.05, 0.5, 0.95, 1.0])
        print(
            f"ms {name}: median {middle:.0f}, 5 % under {low:.0f}, 5 % over {high:.0f}, most {most:.0f}"
        )


if __name__ == "__main__":
    main()
