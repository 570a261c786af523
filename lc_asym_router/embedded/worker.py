"""The process that llama.cpp runs in. It is run as a script, and imports nothing of ours.

Why a process of its own: `xllamacpp.Server` holds the interpreter lock while it loads a model
(seconds), which would freeze the user's event loop and notebook; llama.cpp ends its process
when an assertion fails; and its memory comes back for certain when the process ends.

The parent writes one line of JSON to stdin (`model`, `alias`, `n_ctx`, `n_parallel`,
`n_threads`, `api_key`) and reads one line from stdout: `{"url": ...}` or `{"error": ...}`.
The worker ends when its stdin closes, so that it never outlives a parent, killed or not.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

_ERRORS_ONLY = 1
_PROMPT_CACHE_MIB = 256
_READ_SECONDS = 30


def main() -> None:
    """Load the model, report the address, serve until stdin closes."""
    # Ctrl-C is for the user's program, which may go on: the parent says when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reply_file = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever native code prints must not mix with the reply
    try:
        server = _serve(json.loads(sys.stdin.readline()))
        reply = {"url": server.listening_address}
    except Exception as error:
        server = None
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), file=reply_file, flush=True)
    if server is not None:
        sys.stdin.read()
    # The memory goes with the process; destructors of a busy engine could take seconds.
    os._exit(0)


def _serve(config: dict[str, Any]) -> Any:
    """Start llama.cpp's HTTP server on a free loopback port.

    Raises:
        RuntimeError: When llama.cpp refuses the model.
    """
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = config["model"]
    params.model_alias = {config["alias"]}
    params.verbosity = _ERRORS_ONLY
    params.port = 0
    params.api_keys = [config["api_key"]]
    params.ui = False
    params.timeout_read = _READ_SECONDS  # by default a half-sent request keeps a thread for an hour
    params.use_jinja = True
    # With a cache that is not unified, llama.cpp divides n_ctx evenly among the slots, and
    # no client can take another's share.
    params.n_ctx = config["n_ctx"] * config["n_parallel"]
    params.n_parallel = config["n_parallel"]
    params.kv_unified = False
    params.fit_params = False  # it would shrink n_ctx in silence when memory is short
    params.cache_ram_mib = _PROMPT_CACHE_MIB  # its default is 8 GB
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = config["n_threads"]
        cpu.poll = 0  # see `engine._environment`
    return xllamacpp.Server(params)


if __name__ == "__main__":
    # A script's own folder comes first on the path; its files must not shadow libraries.
    sys.path.pop(0)
    main()
