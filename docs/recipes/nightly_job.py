"""A nightly job, as Airflow's PythonOperator or cron runs it: tried again, it goes on where it was."""

import os
import sys
from pathlib import Path

from lc_asym_router import RouterSpec
from lc_asym_router.batch import run


def classify(day: str, folder: str = ".") -> str:
    """Answer a day's tickets; the task's retries ask only what has no answer yet."""
    spec = RouterSpec.from_toml(Path(os.environ.get("ROUTER", "router.toml")))
    out = Path(folder) / f"answers-{day}.jsonl"
    rows = Path(folder) / f"tickets-{day}.csv"
    result = run(spec, rows, out=out, prompt="Classify: {ticket}")
    if result.failed or result.stopped:
        raise RuntimeError(f"{result.failed} rows failed; {result.stopped or 'try again'}")
    return str(out)


if __name__ == "__main__":
    print(classify(*sys.argv[1:]))
