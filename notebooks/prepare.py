"""What the notebooks' first cells call: install what is missing, and say which models answer."""

from __future__ import annotations

import subprocess
import sys
from importlib import invalidate_caches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

CLONE = Path(__file__).resolve().parent.parent
EXTRAS = "notebook,plots,langchain,embedded,evals,prices,report"
MODULES = (
    "langchain_ollama",
    "ipywidgets",
    "matplotlib",
    "langchain",
    "jsonschema",
    "xllamacpp",
    "sklearn",
    "genai_prices",
    "pandas",
)
"""One module of each extra, and one of the package's own needs."""
SHOWN = {
    "embedded": "the embedded pair: real small models, run here; no key, no Ollama",
    "real": "what is found here: Ollama, and OpenAI where OPENAI_API_KEY is set; else embedded",
}


def install() -> None:
    """Install this clone with what the notebooks need into the kernel's Python, if it is missing."""
    if missing := [name for name in MODULES if find_spec(name) is None]:
        print(f"installing what is missing ({', '.join(missing)})")
        wanted = f"{CLONE}[{EXTRAS}]"
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "-e", wanted], check=True)
        invalidate_caches()  # the kernel has looked into these folders before
    if str(CLONE) not in sys.path:  # a package that has just been installed is not on it yet
        sys.path.insert(0, str(CLONE))


def pair(models: str) -> dict[str, Any]:
    """The two tiers, settings of `AsymRouter`.

    Args:
        models: "embedded" or "real".
    """
    from lc_asym_router import Power, Price, Tier
    from lc_asym_router.router.from_env import embedded, tiers_from_env

    if models not in SHOWN:
        raise ValueError(f"ROUTER_MODELS={models!r}: it is one of {', '.join(SHOWN)}.")
    print(SHOWN[models])
    if models == "real":
        small, frontier = tiers_from_env()
    else:
        small, frontier = tiers_from_env(embedded("small"), embedded("frontier"))
        # So that there are bills to look at: the stand-in costs what gpt-4o does.
        small = Tier(small.model, price=Power(watts=30, usd_per_kwh=0.30), source=small.source)
        frontier = Tier(frontier.model, price=Price(2.50, 10.00), source=frontier.source)
    for role, tier in (("small", small), ("frontier", frontier)):
        print(f"{role}: {tier.model_name} ({tier.source})")
    return {"small": small, "frontier": frontier}
