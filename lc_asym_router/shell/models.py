"""`lc-asym-router models`: list the models available here, and how to install more."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from typing import Any

from lc_asym_router._internal.imports import installed
from lc_asym_router.shell.options import ANSWERED, printable


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "models",
        help="list the models available here",
        description="Lists what from_env() would find, and how to get what is missing.",
    )
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """List the models."""
    for line in [*_ollama(), *_openai(), *_embedded()]:
        print(printable(line))
    return ANSWERED


def _ollama() -> Iterator[str]:
    from lc_asym_router.router.from_env import find_ollama, ollama_url, preferred

    ollama = find_ollama()
    if ollama is None:
        url = ollama_url(os.environ.get("OLLAMA_HOST", ""))
        yield f"Ollama: none answers at {url}"
        yield "  to get it: install Ollama, `ollama serve`, `ollama pull llama3.1:8b`"
        return
    yield f"Ollama at {ollama.url}: {len(ollama.models)} chat models"
    taken = preferred(ollama.models)
    for name in ollama.models:
        yield f"  ollama:{name}" + (" (taken for the small tier)" if name == taken else "")
    if taken is None:
        yield "  to get one: `ollama pull llama3.1:8b`"


def _openai() -> Iterator[str]:
    if os.environ.get("OPENAI_API_KEY"):
        model = os.environ.get("OPENAI_MODEL", "gpt-4o")
        yield f"OpenAI: OPENAI_API_KEY is set; openai:{model} is taken for the frontier tier"
    else:
        yield "OpenAI: no key"
        yield "  to get it: set OPENAI_API_KEY"


def _embedded() -> Iterator[str]:
    from lc_asym_router.embedded.catalog import EMBEDDED_MODELS
    from lc_asym_router.embedded.weight_files import is_cached

    yield "Embedded models (real, local, no key):"
    runs = all(map(installed, ("xllamacpp", "platformdirs")))
    for name, model in EMBEDDED_MODELS.items():
        here = (
            "here"
            if runs and is_cached(name)
            else f"{model.megabytes} MB to fetch when first asked"
        )
        yield f"  embedded:{name} ({here}). {model.note}"
    if not runs:
        yield '  to run them: `pip install "lc-asym-router[embedded]"`'
