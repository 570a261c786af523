"""Run one server in the foreground: ``python -m tests.servers --kind ollama --port 0``."""

from __future__ import annotations

import argparse
import contextlib
import signal

from .ollama import OllamaServer
from .openai import OpenAIServer
from .reply import Reply

KINDS = {"ollama": OllamaServer, "openai": OpenAIServer}


def main() -> None:
    """Print the server's URL on the first line, then serve until a signal."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("--kind", choices=sorted(KINDS), required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--text", default="ok", help="what it answers")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before the first byte")
    parser.add_argument("--chunk-delay", type=float, default=0.0, help="seconds between chunks")
    args = parser.parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # the thread inherits it
    reply = Reply(text=args.text, delay=args.delay, chunk_delay=args.chunk_delay)
    with KINDS[args.kind](default=reply, port=args.port, keep=16) as server:
        print(server.url, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.sigwait(signals)


if __name__ == "__main__":
    main()
