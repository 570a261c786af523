"""Options of `ask` for requests that may be split."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lc_asym_router.records.record import spent_lines

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from lc_asym_router.router.router import AsymRouter


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "--decompose",
        action="store_true",
        help="split the request, route each part, put the answers together; the plan is drawn on "
        "standard error",
    )
    parser.add_argument(
        "--planner",
        choices=("structure", "chat"),
        help="with --decompose: what splits, the form of the text (the default) or the frontier",
    )
    parser.add_argument(
        "--draw",
        choices=("ascii", "mermaid"),
        help="with --decompose: how the plan is drawn; ascii by default",
    )


def refuse_unused(options: argparse.Namespace) -> None:
    """Refuse options that would do nothing.

    Raises:
        ConfigurationError: One belongs to `--decompose`, which is not there.
    """
    from lc_asym_router.errors import ConfigurationError

    if not options.decompose and (options.planner or options.draw):
        raise ConfigurationError("--planner and --draw belong to --decompose: add it.")


def model(options: argparse.Namespace, router: AsymRouter) -> BaseChatModel:
    """Return the model to call: the router, or a decomposer with that router."""
    if not options.decompose:
        return router
    from lc_asym_router.decompose import Decomposer

    return Decomposer(router=router, planner=options.planner or "structure")


def lines(options: argparse.Namespace, record: Mapping[str, Any]) -> Iterator[str] | None:
    """Return the record's lines with the plan drawn first; `None` where no splitting was asked for."""
    return _lines(options.draw, record) if options.decompose else None


def _lines(form: str, record: Mapping[str, Any]) -> Iterator[str]:
    from lc_asym_router.decompose import ascii_drawing, mermaid

    yield (mermaid if form == "mermaid" else ascii_drawing)(record)
    yield from spent_lines(record)
