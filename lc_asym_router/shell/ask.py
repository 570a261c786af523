"""`lc-asym-router ask`: answer a request."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lc_asym_router.records.record import record_lines, total_lines
from lc_asym_router.shell import options as routing
from lc_asym_router.shell import splitting
from lc_asym_router.shell.options import ANSWERED, printable, printable_json

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from lc_asym_router.router.router import AsymRouter


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "ask",
        help="answer a request",
        description="Prints the answer as it comes, and on standard error one line a step as it ends.",
    )
    routing.add_options(parser)
    parser.add_argument("--no-verify", action="store_true", help="do not check small answers")
    splitting.add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Answer the request."""
    splitting.refuse_unused(options)
    asked = routing.prompt(options)
    router = routing.build(options)
    tiers = routing.tiers(router)
    if options.json:
        answer = splitting.model(options, router).invoke(asked, routing.configurable(options))  # type: ignore[arg-type]
        record = answer.response_metadata["router"]
        print(printable_json({"answer": answer.text, **record, "tiers": tiers}))
        return ANSWERED
    for name, model in tiers.items():
        print(printable(f"{name}: {model}"), file=sys.stderr)
    answered = _split if options.decompose else _streamed
    for line in answered(options, router, asked):
        print(printable(line), file=sys.stderr)
    return ANSWERED


def _streamed(options: argparse.Namespace, router: AsymRouter, asked: str) -> Iterator[str]:
    """Stream the answer and its steps; then yield the lines of the record that are left to print."""
    from lc_asym_router.notebook.live_view import NodeFollower
    from lc_asym_router.shell.steps import StepScreen

    screen = StepScreen({tier.name: tier.model_name for tier in router.ladder})
    follower = NodeFollower({*router.graph.nodes}, screen)
    config = {**routing.configurable(options), "callbacks": [follower]}
    whole: Any = None
    answered = False
    try:
        for chunk in router.stream(asked, config):  # type: ignore[arg-type]
            whole = chunk if whole is None else whole + chunk
            screen.text(chunk.text)
        answered = True
    finally:
        screen.over(answered)
    yield from total_lines(whole.response_metadata["router"])


def _split(options: argparse.Namespace, router: AsymRouter, asked: str) -> Iterator[str]:
    """Answer the request in parts; then yield the plan and the lines of the record."""
    splitter = splitting.model(options, router)
    answer: AIMessage = splitter.invoke(asked, routing.configurable(options))  # type: ignore[arg-type]
    record: Mapping[str, Any] = answer.response_metadata["router"]
    print(printable(answer.text), flush=True)
    yield from splitting.lines(options, record) or record_lines(record)
