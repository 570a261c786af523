"""Nothing heavy at import."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "langchain_ollama",
    "langchain_openai",
    "ollama",
    "openai",
    "langchain",
    "tiktoken",
    "xllamacpp",
    "starlette",
    "uvicorn",
    "jsonschema",
    "numpy",
    "matplotlib",
    "sqlalchemy",
    "httpx",
    "pandas",
    "IPython",
    "ipywidgets",
    "opentelemetry",
)
LIGHT = ("lc_asym_router", "langchain_core", "langgraph", "pydantic")


def loaded_by(code: str) -> set[str]:
    script = f"import sys; {code}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_no_provider():
    loaded = loaded_by("import lc_asym_router")
    assert not loaded & set(HEAVY)


def test_importing_the_router_loads_no_provider():
    """langgraph's own client imports httpx, so that one is not ours to avoid."""
    loaded = loaded_by("from lc_asym_router import AsymRouter, default_checks, Judge")
    assert set(LIGHT) <= loaded
    ours = set(HEAVY) - loaded_by("import langgraph.graph, langchain_core.language_models")
    assert not loaded & ours


@pytest.mark.full
def test_the_displays_are_loaded_when_they_are_asked_for():
    code = (
        "from lc_asym_router import AsymRouter, Tier; from langchain_core.language_models import "
        "FakeListChatModel as M; r = AsymRouter(small=M(responses=['a']), frontier=M(responses=['b']))"
        "; r.invoke('hi'); print(*[n for n in sys.modules if 'notebook' in n or 'evals' in n]); {}"
    )
    assert not {"lc_asym_router.notebook", "lc_asym_router.evals"} & loaded_by(code.format("1"))
    shown = loaded_by(code.format("r._repr_html_()"))
    assert not shown & {"matplotlib", "IPython", "ipywidgets", "numpy", "pandas"}


@pytest.mark.parametrize("name", __import__("lc_asym_router").__all__)
def test_every_public_name_is_there(name):
    import lc_asym_router

    assert getattr(lc_asym_router, name).__doc__


def test_an_unknown_name_is_an_attribute_error():
    import lc_asym_router

    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        _ = lc_asym_router.Nope
    assert "AsymRouter" in dir(lc_asym_router)
