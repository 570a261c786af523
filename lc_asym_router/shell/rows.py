"""Which rows a command works on."""

from __future__ import annotations

import argparse


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the option for the rows to a command."""
    parser.add_argument(
        "--data",
        nargs="+",
        required=True,
        metavar="PATH",
        help="files of rows (.jsonl, .jsonl.gz), or folders of such files",
    )
