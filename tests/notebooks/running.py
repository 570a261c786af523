"""Running a notebook for real, in a kernel of its own."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from tests.notebooks.pairs import FOLDER, from_script, notebook_of

SECONDS = 180
"""How long a notebook may take on the machine that it was written on, in seconds."""
CELL_SECONDS = 900
"""How long one cell may take: the first one of all may fetch the weights."""


def run(script: Path, folder: Path = FOLDER) -> tuple[Any, float, str]:
    """Run a script's notebook from top to bottom.

    Args:
        script: The notebook's text.
        folder: The kernel's current folder.

    Returns:
        The notebook with its outputs, the seconds that it took, and its error or "".
    """
    notebook = from_script(script)
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    started, error = time.monotonic(), ""
    try:
        client.execute()
    except CellExecutionError as failed:
        error = re.sub(r"\x1b\[[\d;]*m", "", str(failed))
    return notebook, time.monotonic() - started, error


def save(script: Path, notebook: Any) -> None:
    """Write the notebook with its outputs beside its script."""
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, notebook_of(script))
