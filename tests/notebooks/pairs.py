"""The notebooks and their text pairs: a script holds the cells, the notebook the outputs too."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path
from typing import Any

import jupytext
import nbformat

FOLDER = Path(__file__).parent.parent.parent / "notebooks"
SCRIPTS = sorted(FOLDER.glob("[0-9]*.py"))


def notebook_of(script: Path) -> Path:
    """The notebook that a script is the text of."""
    return script.with_suffix(".ipynb")


def from_script(script: Path) -> Any:
    """The script as a notebook without outputs; the same script gives the same one."""
    notebook = jupytext.read(script)
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": notebook.metadata["kernelspec"], "language_info": {"name": "python"}}
    )
    notebook.nbformat_minor = 5
    for number, cell in enumerate(notebook.cells, 1):
        cell.id = f"cell-{number}"
        cell.metadata = nbformat.NotebookNode()
    return notebook


def difference(script: Path, notebook: Path) -> str:
    """Where the two differ, in a line; "" where they hold the same cells."""
    if not notebook.exists():
        return f"{notebook.name} is missing"
    pairs = zip_longest(_cells(jupytext.read(script)), _cells(nbformat.read(notebook, 4)))
    for number, (here, there) in enumerate(pairs, 1):
        if here != there:
            return f"{script.name} and {notebook.name} differ in cell {number}"
    return ""


def update_script(script: Path, notebook: Path) -> None:
    """Write the notebook's cells into the script, whose header stays."""
    header, mark, _ = script.read_text(encoding="utf-8").partition("# %%")
    text = jupytext.writes(nbformat.read(notebook, 4), fmt="py:percent")
    script.write_text(header + mark + text.partition(mark)[2], encoding="utf-8")


def _cells(notebook: Any) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source.strip()) for cell in notebook.cells]
