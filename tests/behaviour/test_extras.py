"""What is missing says what to install, and nothing unverified passes without it."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
"""


def without(absent: set[str], code: str) -> str:
    script = BLOCKED.format(absent=absent) + code
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    return done.stdout + done.stderr


@pytest.mark.full
@pytest.mark.parametrize(
    ("absent", "code", "says"),
    [
        ({"langchain"}, "from lc_asym_router import AsymRouterMiddleware", "router[langchain]"),
        ({"langchain"}, "from lc_asym_router import Tier; Tier('groq:x')", "pip install langchain"),
        ({"opentelemetry"}, "import lc_asym_router as r; r.OpenTelemetry()", "router[otel]"),
        (
            {"xllamacpp", "uvicorn"},
            "import lc_asym_router.router.from_env as e; e.embedded('small')",
            "[embedded]",
        ),
        (
            {"matplotlib"},
            "from lc_asym_router.notebook import plot_ledger; plot_ledger([])",
            "router[plots]",
        ),
        (
            {"IPython", "ipywidgets", "matplotlib", "numpy", "pandas", "sqlalchemy"},
            "from lc_asym_router.notebook import show; from lc_asym_router import Decision; "
            "d = Decision('small', 0.1, 0.5, 1.0, 'mine', 'why'); show(d); print(d._repr_html_())",
            "asked first: ",
        ),
    ],
)
def test_a_missing_extra_says_what_to_install(absent, code, says):
    assert says in without(absent, code)


@pytest.mark.full
def test_all_names_are_there_without_any_extra():
    absent = {"langchain", "numpy", "sklearn", "sqlalchemy", "pandas", "IPython", "matplotlib"}
    absent |= {"xllamacpp", "starlette", "opentelemetry", "rich", "argcomplete", "tqdm"}
    said = without(absent, "from lc_asym_router import *; print(AsymRouter.__name__)")
    assert said == "AsymRouter\n"
    said = without(absent, "from lc_asym_router.router import *; print(AsymRouter.__name__)")
    assert said == "AsymRouter\n"
