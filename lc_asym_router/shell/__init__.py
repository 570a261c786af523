"""The command `lc-asym-router`, with one file per subcommand."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from lc_asym_router._internal.imports import __version__, needed
from lc_asym_router.shell import (
    ask,
    batch,
    calibrate,
    completion,
    decide,
    evaluate,
    keys,
    ledger,
    models,
    record,
    report,
    serve,
    train,
)
from lc_asym_router.shell.options import BAD_USAGE, NO_ANSWER, PrintableFormatter, printable

COMMANDS = (
    *(ask, batch, decide, evaluate, record, calibrate),
    *(models, report, ledger, serve, keys, train, completion),
)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, which says where the options are listed."""

    def error(self, message: str) -> NoReturn:
        """Print the error and exit."""
        self.exit(BAD_USAGE, printable(f"{self.prog}: {message}. See `{self.prog} --help`.\n"))


def command_parser() -> Parser:
    """Return the parser of all commands."""
    parser = Parser(
        prog="lc-asym-router",
        description="Asks the smallest competent model, checks its answer, and escalates.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command-line arguments; by default those of the process.

    Returns:
        The exit code: 0 answered, 2 bad usage, 3 no tier could answer.
    """
    parser = command_parser()
    if "_ARGCOMPLETE" in os.environ:  # the shell asks for completions
        needed("argcomplete", "shell").autocomplete(parser)
    options = parser.parse_args(arguments)
    # What it says of unknown prices is for who writes the tiers; here their cost is left out.
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(PrintableFormatter())
    logging.getLogger("lc_asym_router.money.list_prices").addHandler(logging.NullHandler())

    from pydantic import ValidationError

    from lc_asym_router.errors import (
        ConfigurationError,
        InvalidRequestError,
        NoTierError,
        TiersFailedError,
    )

    try:
        return int(options.run(options))
    except (ConfigurationError, InvalidRequestError) as error:
        return _exit_with(str(error), BAD_USAGE)
    except ValidationError as error:
        from lc_asym_router.router.spec_values import validation_faults

        return _exit_with(validation_faults(error), BAD_USAGE)
    except (NoTierError, TiersFailedError) as error:
        return _exit_with(str(error), NO_ANSWER)
    except BrokenPipeError:
        # Who read the output has gone; Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _exit_with("interrupted", 130)


def _exit_with(message: str, code: int) -> int:
    print(printable(f"lc-asym-router: {message}"), file=sys.stderr)
    return code
