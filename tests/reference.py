"""The reference of all settings, docs/settings.md, from the docstrings: ``make reference``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import lc_asym_router
from lc_asym_router.graph.state import CallOptions
from lc_asym_router.router import from_env as env

ROOMS = {
    "The router": ["AsymRouter"],
    "A router's description": ["RouterSpec", "TierSpec"],
    "A tier": ["Tier", "Retry", "Breaker"],
    "Prices": ["Price", "PerCall", "PerSecond", "Power"],
    "Budgets and the ledger": ["Budget", "BudgetStore", "Ledger"],
    "Classifiers": ["KeywordClassifier", "LearnedClassifier", "JudgeClassifier"],
    "Checks": [
        "Agreement",
        "Arithmetic",
        "Judge",
        "SelfVerification",
        "LearnedVerifier",
        "Joint",
        "Vote",
    ],
    "Task decomposition": ["Decomposer", "ChatPlanner", "Gate", "Plan", "Step"],
    "Watching": ["OpenTelemetry", "RequestLog", "DriftWatch"],
    "Audits": ["Audit"],
    "The decision cache": ["DecisionCache"],
}
"""Every public class that takes settings."""
HEAD = """\
# Settings

Made from the docstrings by `make reference`; `tests/docs/test_reference.py` fails where it is stale.
"""


def document() -> str:
    """The whole file."""
    parts = [HEAD]
    for room, names in ROOMS.items():
        parts.append(f"## {room}\n")
        parts += [_section(name, getattr(lc_asym_router, name)) for name in names]
    parts.append("## For one call\n")
    parts.append(
        'Read from `config["configurable"]`, with `AsymRouter(configurable_prefix=...)` before each '
        "key.\n"
    )
    parts.append(_table("Attributes", CallOptions))
    parts.append("## Environment\n")
    parts.append("Of `make ask`, the shell and `AsymRouter.from_env()`.\n")
    parts.append((env.__doc__ or "").partition("Environment variables:\n\n")[2].strip() + "\n")
    return "\n".join(parts)


def _section(name: str, cls: type) -> str:
    summary = (inspect.getdoc(cls) or "").partition("\n")[0]
    return f"### `{name}`\n\n{summary}\n\n{_table('Args', cls)}"


def _table(part: str, cls: type) -> str:
    rows = [f"| `{name}` | {_default(cls, name)} | {text} |" for name, text in _entries(part, cls)]
    if not rows:
        return "It takes no settings.\n"
    return "\n".join(["| setting | default | meaning |", "| --- | --- | --- |", *rows, ""])


def _entries(part: str, cls: type) -> Iterator[tuple[str, str]]:
    """Name and text of each entry under a heading of a Google-style docstring."""
    doc = inspect.getdoc(cls) or ""
    if not re.search(rf"^{part}:$", doc, re.MULTILINE):
        doc = inspect.getdoc(cls.__init__) or ""
    found = re.search(rf"^{part}:\n((?:    .*\n|\n)+)", doc + "\n", re.MULTILINE)
    for entry in re.split(r"\n(?=    \S)", found.group(1).rstrip()) if found else ():
        names, _, text = entry.strip().partition(": ")
        for name in names.replace("*", "").replace("`", "").split(", "):
            yield name, " ".join(text.split()).replace("|", "\\|")


def _default(cls: type, name: str) -> str:
    fields: dict[str, Any] = getattr(cls, "model_fields", {})
    if name in fields:
        field = fields[name]
        if field.is_required():
            return "needed"
        return _shown(field.default) if field.default_factory is None else "made anew"
    given = inspect.signature(cls).parameters.get(name)
    if given is None:
        return ""
    return "needed" if given.default is inspect.Parameter.empty else _shown(given.default)


def _shown(value: Any) -> str:
    if callable(value):
        return "its own"
    return f"`{value!r}`"


if __name__ == "__main__":
    print(document(), end="")
