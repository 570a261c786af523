"""`make ask`: the answer alone on standard output, whatever has to be set up first."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PYTHON = """#!/bin/sh
echo "said by a tool that sets up"
if [ "$2" = venv ]; then
  mkdir -p "$3/bin"
  cp "$0" "$3/bin/python"
  printf '#!/bin/sh\\necho "asked: $2"\\n' > "$3/bin/lc-asym-router"
  chmod +x "$3/bin/lc-asym-router"
fi
"""
"""A Python that makes an environment with a command that repeats its prompt."""


def test_the_answer_is_alone_on_standard_output(tmp_path):
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    command = [
        "make",
        "ask",
        f"PYTHON={python}",
        f"VENV={tmp_path / 'venv'}",
        'PROMPT=What is "x"?',
    ]
    outer = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "ARGS")  # of `make test`
    env = {name: value for name, value in os.environ.items() if name not in outer}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    assert done.stdout == 'asked: What is "x"?\n', done.stderr
    assert "making " in done.stderr
    assert "said by a tool" in done.stderr
