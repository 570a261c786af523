"""`make notebooks`: run the notebooks for real; fail on any error and on a stale text pair."""

from __future__ import annotations

import argparse
import sys

from tests.notebooks.fresh import try_first_cell
from tests.notebooks.pairs import SCRIPTS, difference, notebook_of, update_script
from tests.notebooks.running import SECONDS, run, save

FRESH = "fresh"
"""The name of what is no notebook: the first cell on a Python that has nothing."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.notebooks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        help="beginnings of names, such as 01; 'fresh' for the first cell in a new environment; "
        "default: all",
    )
    parser.add_argument("--save", action="store_true", help="run the scripts, save the outputs")
    parser.add_argument(
        "--to-script", action="store_true", help="write the notebooks' cells into the scripts"
    )
    options = parser.parse_args()
    wanted = tuple(options.names) or ("",)
    scripts = [script for script in SCRIPTS if script.name.startswith(wanted)]
    fresh = FRESH.startswith(wanted) and not options.save and not options.to_script
    failed = 0 if scripts or fresh else 1
    for script in scripts:
        notebook = notebook_of(script)
        if options.to_script:
            update_script(script, notebook)
            print(f"{script.name} holds the cells of {notebook.name}")
            continue
        if not options.save and (stale := difference(script, notebook)):
            print(
                f"STALE {stale}. Either `make notebooks ARGS=--save` (the script counts) or "
                "`make notebooks ARGS=--to-script` (the notebook does)."
            )
            failed += 1
            continue
        done, seconds, error = run(script)
        slow = f", SLOW: over {SECONDS} s" if seconds > SECONDS else ""
        print(
            f"{'FAILED' if error else 'ran'} {notebook.name} in {seconds:.0f} s{slow}", flush=True
        )
        if error:
            print(error)
            failed += 1
        elif options.save:
            save(script, done)
    if fresh:
        error = try_first_cell()
        print(
            f"{'FAILED' if error else 'ran'} the first cell in a fresh environment {error}".strip()
        )
        failed += bool(error)
    print(f"{len(scripts) + fresh - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
