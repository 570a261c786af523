"""A JupyterLab of its own, over a copy of the notebooks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self

import nbformat
from nbformat.sign import NotebookNotary

from tests.notebooks.pairs import FOLDER

START_SECONDS = 90
SETTINGS: dict[str, dict[str, Any]] = {
    # Cells that are scrolled away stay in the page, so that they can be looked at.
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "docmanager-extension/plugin": {"autosave": False},
}


class Lab:
    """JupyterLab on loopback; the notebooks in it are copies, what they import is not.

    Args:
        folder: An empty folder, for the copies and all that JupyterLab writes.
    """

    def __init__(self, folder: Path) -> None:
        self._root, self._home = folder / "notebooks", folder / "jupyter"
        self._root.mkdir()
        self._trusted = [shutil.copy(notebook, self._root) for notebook in FOLDER.glob("*.ipynb")]
        for module in FOLDER.glob("[a-z]*.py"):
            (self._root / module.name).symlink_to(module)
        self._process: subprocess.Popen[bytes] | None = None
        self.url, self.token = "", ""

    def __enter__(self) -> Self:
        for name, values in SETTINGS.items():
            self.set(name, values)
        # As `make lab` does: what JupyterLab does not trust is shown without its drawings.
        data = self._home / "data_dir"
        data.mkdir()
        notary = NotebookNotary(data_dir=str(data))
        for notebook in self._trusted:
            notary.sign(nbformat.read(notebook, 4))
        places = ("RUNTIME_DIR", "CONFIG_DIR", "DATA_DIR")
        env = {f"JUPYTER_{place}": str(self._home / place.lower()) for place in places}
        env |= {"JUPYTERLAB_SETTINGS_DIR": str(self._home / "settings")}
        env |= {"JUPYTERLAB_WORKSPACES_DIR": str(self._home / "workspaces")}
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
        command += ["--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]
        command += [f"--ServerApp.root_dir={self._root}"]
        with (self._home / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, env={**os.environ, **env}, stdout=log, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + START_SECONDS
        while not (found := list((self._home / "runtime_dir").glob("jpserver-*.json"))):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise RuntimeError(f"JupyterLab did not start:\n{self.log}")
            time.sleep(0.2)
        told = json.loads(found[0].read_text())
        self.url, self.token = f"http://127.0.0.1:{told['port']}", told["token"]
        return self

    def __exit__(self, *exc: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()

    def address(self, notebook: str) -> str:
        """Where a notebook opens, in a workspace of its own."""
        return f"{self.url}/lab/workspaces/{Path(notebook).stem}/tree/{notebook}?token={self.token}"

    def set(self, name: str, values: dict[str, Any]) -> None:
        """Set what a person sets in the settings editor; pages opened from now on have it."""
        place = self._home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(values))

    @property
    def log(self) -> str:
        """What it has said."""
        return (self._home / "log").read_text(errors="replace")
