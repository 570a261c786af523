"""`lc-asym-router serve`: the gateway."""

from __future__ import annotations

import argparse
from typing import Any

from lc_asym_router._internal.imports import needed
from lc_asym_router.shell.options import ANSWERED, add_models


def add_to(commands: Any) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "serve",
        help="serve OpenAI's protocol before the router",
        description=(
            "Serves the router of a TOML file, or of the models that are available here, to every "
            "client that speaks OpenAI's protocol."
        ),
    )
    parser.add_argument("file", nargs="?", help="a TOML file with tiers, checks, budgets, ...")
    add_models(parser)
    parser.add_argument("--host", help="the address to listen on; 127.0.0.1 by default")
    parser.add_argument("--port", type=int, help="the port; 8080 by default, 0 for a free one")
    parser.add_argument("--workers", type=int, help="processes; 1 by default")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until told to end."""
    for module in ("starlette", "uvicorn"):
        needed(module, "gateway")
    from lc_asym_router.gateway.config import GatewayConfig
    from lc_asym_router.gateway.processes import serve

    given = {
        name: value
        for name in ("small", "frontier", "host", "port", "workers")
        if (value := getattr(options, name)) is not None
    }
    file = options.file
    serve(GatewayConfig.from_toml(file, **given) if file else GatewayConfig(**given))
    return ANSWERED
