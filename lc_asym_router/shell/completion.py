"""`lc-asym-router completion`: print what makes a shell complete the command."""

from __future__ import annotations

import argparse
from typing import Any

from lc_asym_router._internal.imports import needed
from lc_asym_router.shell.options import ANSWERED


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "completion",
        help="print the code that makes a shell complete this command",
        description='For bash: eval "$(lc-asym-router completion bash)". Needs the extra shell.',
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the code."""
    complete = needed("argcomplete", "shell")
    print(complete.shellcode(["lc-asym-router"], shell=options.shell))
    return ANSWERED
