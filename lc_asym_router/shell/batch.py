"""`lc-asym-router batch`: answer every row of a file."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lc_asym_router.shell import options as routing
from lc_asym_router.shell.options import ANSWERED, NO_ANSWER, printable, printable_json

if TYPE_CHECKING:
    from lc_asym_router.batch.results import BatchResult


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "batch",
        help="answer every row of a file",
        description=(
            "Asks each row of IN and writes it to OUT with its answer, parsed output, tier, cost in "
            "USD, error and seconds. The same command goes on with a run that was ended: rows with an "
            "answer are not asked again, rows that failed are."
        ),
    )
    parser.add_argument("rows", metavar="IN", help="rows: .jsonl, .jsonl.gz, .csv or .parquet")
    parser.add_argument("--out", required=True, metavar="OUT", help="the output, likewise")
    parser.add_argument(
        "--prompt",
        metavar="TEXT",
        help="the request, with columns in braces: 'Classify: {ticket}'; by default the column "
        "messages, prompt or text",
    )
    parser.add_argument("--schema", metavar="FILE", help="a JSON schema that every answer follows")
    parser.add_argument("--tools", metavar="FILE", help="a JSON list of tools, in OpenAI's format")
    parser.add_argument("--prefix", default="", help="put before the names of the added columns")
    parser.add_argument(
        "--concurrency", type=int, metavar="N", help="requests at once; by default it is found"
    )
    parser.add_argument("--max-usd", type=float, metavar="USD", help="stop once so much is spent")
    parser.add_argument("--router", metavar="FILE", help="the router's description, a TOML file")
    parser.add_argument(
        "--escalations",
        choices=["batch_api"],
        help="batch_api: ask the last tier through OpenAI's batch API, at half the price, in a day",
    )
    parser.add_argument(
        "--engine", choices=["ray"], help="ray: in Ray's actors; needs --router and the extra ray"
    )
    parser.add_argument("--actors", type=int, default=2, help="with --engine ray: how many")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    routing.add_models(parser)
    parser.set_defaults(run=run, classify=None)


def run(options: argparse.Namespace) -> int:
    """Answer the rows."""
    result = _on_ray(options) if options.engine else _here(options)
    if options.json:
        print(printable_json(result.to_dict()))
    else:
        print(printable(f"{result.answered} rows answered in {result.out}"))
    for line in (
        f"{result.waiting} rows wait for a batch: run it again to go on." if result.waiting else "",
        f"{result.failed} rows failed: run it again to ask them anew." if result.failed else "",
        f"Stopped: {result.stopped.rstrip('.')}. Run it again to go on." if result.stopped else "",
    ):
        if line:
            print(printable(line), file=sys.stderr)
    return ANSWERED if not (result.failed or result.stopped or result.waiting) else NO_ANSWER


def _here(options: argparse.Namespace) -> BatchResult:
    """Answer the rows in this process."""
    from lc_asym_router.batch import run as run_batch

    return run_batch(
        _router(options),
        options.rows,
        out=options.out,
        concurrency=options.concurrency,
        max_usd=options.max_usd,
        escalations=options.escalations,
        **_request(options),
    )


def _on_ray(options: argparse.Namespace) -> BatchResult:
    """Answer the rows in Ray's actors.

    Raises:
        ConfigurationError: There is no description that can be sent to them.
    """
    from lc_asym_router.batch.on_ray import run_file
    from lc_asym_router.errors import ConfigurationError
    from lc_asym_router.router.spec import RouterSpec

    if not options.router or options.small or options.frontier:
        raise ConfigurationError(
            "--engine ray sends the router's description to its actors: give it as --router FILE."
        )
    if options.escalations or options.max_usd is not None:
        raise ConfigurationError(
            "--escalations and --max-usd are for one process: leave them out with --engine ray. A "
            "budget in the router's description is shared by all actors."
        )
    return run_file(
        RouterSpec.from_toml(Path(options.router)),
        options.rows,
        options.out,
        actors=options.actors,
        concurrency=options.concurrency or 16,
        **_request(options),
    )


def _request(options: argparse.Namespace) -> dict[str, Any]:
    """What each row is asked with."""
    return {
        "prompt": options.prompt,
        "schema": _json_in(options.schema, "--schema", dict),
        "tools": _json_in(options.tools, "--tools", list),
        "prefix": options.prefix,
    }


def _router(options: argparse.Namespace) -> Any:
    """Build the router.

    Raises:
        ConfigurationError: An option is invalid.
    """
    from lc_asym_router.errors import ConfigurationError
    from lc_asym_router.router.spec import RouterSpec

    if not options.router:
        return routing.build(options)
    if options.small or options.frontier:
        raise ConfigurationError("--router names the models: leave --small and --frontier out.")
    return RouterSpec.from_toml(Path(options.router)).build()


def _json_in(path: str | None, option: str, kind: type) -> Any:
    """Read an option's JSON file; `None` without one.

    Raises:
        ConfigurationError: It can't be read, or holds something else.
    """
    from lc_asym_router._internal.imports import read_text
    from lc_asym_router.errors import ConfigurationError

    if path is None:
        return None
    try:
        found = json.loads(read_text(path, 10_000_000))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{option}: {path} can't be read ({error}).") from None
    if not isinstance(found, kind):
        wanted = "an object" if kind is dict else "a list"
        raise ConfigurationError(f"{option}: {path} must hold {wanted}.")
    return found
