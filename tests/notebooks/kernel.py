"""A real kernel and its messages, with no front end: what VS Code's own talks to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

SECONDS = 120
"""How long a kernel may take to answer."""

SLIDER = """
from pathlib import Path
from tempfile import mkdtemp
from lc_asym_router import LearnedClassifier
from lc_asym_router.evals import CascadePrices, evaluate_offline, load
from lc_asym_router.evals.example import write_example
from lc_asym_router.notebook import threshold_slider
rows = load(write_example(Path(mkdtemp()) / "rows.jsonl"))
threshold_slider(evaluate_offline(rows, LearnedClassifier()), prices=CascadePrices())
"""
"""The last cell of notebook 01, whose output is the slider."""


class Kernel:
    """A kernel of its own; every message is a dict as `jupyter_client` gives it.

    Args:
        prefix: The environment whose kernel it is; this one's by default.
        folder: Where it works; here by default.
    """

    def __init__(self, prefix: Path | None = None, folder: Path | None = None) -> None:
        specs = KernelSpecManager()
        if prefix:
            kernels = [str(prefix / "share" / "jupyter" / "kernels")]
            specs = KernelSpecManager(kernel_dirs=kernels, ensure_native_kernel=False)
        self._manager = KernelManager(kernel_name="python3", kernel_spec_manager=specs)
        self._folder = folder
        self._client: BlockingKernelClient

    def __enter__(self) -> Self:
        self._manager.start_kernel(cwd=self._folder and str(self._folder))
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=SECONDS)
        return self

    def __exit__(self, *exc: object) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def run(self, code: str, seconds: float = SECONDS) -> list[dict[str, Any]]:
        """Run a cell.

        Args:
            code: The cell.
            seconds: How long it may be silent, in seconds.

        Returns:
            What the kernel published, to its end.
        """
        return self._published(self._client.execute(code), seconds)

    def send(self, kind: str, content: dict[str, Any]) -> list[dict[str, Any]]:
        """Send a message that a front end sends, such as "comm_msg".

        Returns:
            What the kernel published because of it, to its end.
        """
        message = self._client.session.msg(kind, content)
        self._client.shell_channel.send(message)
        return self._published(message["header"]["msg_id"])

    def _published(self, asked: str, seconds: float = SECONDS) -> list[dict[str, Any]]:
        found = []
        while True:
            message = self._client.get_iopub_msg(timeout=seconds)
            if message["parent_header"].get("msg_id") != asked:
                continue
            found.append(message)
            if message["content"].get("execution_state") == "idle":
                return found


def of_kind(messages: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    """The messages of these kinds."""
    return [message for message in messages if message["msg_type"] in kinds]
