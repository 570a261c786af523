"""The first cell on a Python that has nothing: it installs, and then every notebook's imports work."""

from __future__ import annotations

import ast
import subprocess
import venv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.notebooks.kernel import Kernel, of_kind
from tests.notebooks.pairs import FOLDER, SCRIPTS, from_script

INSTALL_SECONDS = 900
"""How long the cell may take: it fetches all that the notebooks need."""
NOTHING = "import lc_asym_router"
"""What must fail before the first cell."""


def try_first_cell() -> str:
    """Run 01's first cell in a new environment that has a kernel alone, then all notebooks' imports.

    Returns:
        What went wrong, or "".
    """
    with TemporaryDirectory(prefix="lc-asym-router-fresh-") as folder:
        prefix = Path(folder)
        venv.create(prefix, with_pip=True)
        python = prefix / "bin" / "python"
        for command in ("pip install -q ipykernel", f"ipykernel install --prefix {folder}"):
            subprocess.run([python, "-m", *command.split()], check=True, capture_output=True)
        with Kernel(prefix, FOLDER) as kernel:
            if not error_of(kernel.run(NOTHING)):
                return f"the environment is not fresh: {NOTHING!r} works in it"
            first = next(c for c in from_script(SCRIPTS[0]).cells if c.cell_type == "code")
            return error_of(kernel.run(first.source, INSTALL_SECONDS)) or error_of(
                kernel.run("\n".join(imports()))
            )


def imports() -> list[str]:
    """Every import of the notebooks, and one module of each extra that they name."""
    found = {
        ast.unparse(node)
        for file in SCRIPTS
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), mode="exec"))
        if isinstance(node, ast.Import | ast.ImportFrom) and "__future__" not in ast.unparse(node)
    }
    return [*sorted(found), "list(map(__import__, NEEDED.split()))"]


def error_of(messages: list[dict[str, Any]]) -> str:
    """The error that a cell ended with, or ""."""
    errors = [message["content"] for message in of_kind(messages, "error")]
    return "".join(f"{error['ename']}: {error['evalue']}" for error in errors)
