"""`make dist`: what is in the built wheel and archive, and that the wheel works on a bare Python.

Builds nothing itself. The wheel is installed, with what it needs and no extra, into an environment of
its own; there the package is imported, all its public names are, and the command says its version,
what models there are, and what is missing for an answer.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from email import message_from_string
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = "lc_asym_router"
DATA = (".json", ".jsonl", ".typed", ".md", ".mako", ".ini", ".html", ".css", ".js")
"""What the package holds besides Python."""
TOP = {
    *("CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md"),
    *("pyproject.toml", "hatch_build.py", ".gitignore"),
}
"""Files at the archive's top."""


def of_package(names: set[str]) -> set[str]:
    """The package's own files among some names."""
    return {name for name in names if name.startswith(f"{PACKAGE}/")}


def expected() -> set[str]:
    """The package's files in the checkout."""
    tracked = subprocess.run(
        ["git", "ls-files", PACKAGE], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return {*tracked}


def differences(wheel: set[str], archive: set[str], package: set[str]) -> list[str]:
    """What the wheel and the archive hold that they should not, and lack.

    Args:
        wheel: Names in the wheel.
        archive: Names in the archive, without its one folder.
        package: The package's files, as they should be.
    """
    faults = []
    for title, names in (("wheel", wheel), ("archive", archive)):
        faults += [f"the {title} lacks {name}" for name in sorted(package - names)]
        faults += [f"the {title} has {name}" for name in sorted(of_package(names) - package)]
    strange = {name for name in archive - of_package(archive) if name not in TOP}
    faults += [f"the archive has {name}" for name in sorted(strange)]
    outside = {name for name in wheel - of_package(wheel) if ".dist-info/" not in name}
    faults += [f"the wheel has {name}" for name in sorted(outside)]
    faults += [
        f"the package holds {name}, which is neither Python nor data"
        for name in sorted(package)
        if not name.endswith((".py", *DATA))
    ]
    return faults


def page_faults(metadata: str) -> list[str]:
    """What would be broken on the package's page of an index.

    Args:
        metadata: A wheel's METADATA: headers, and README behind them.
    """
    page = message_from_string(metadata)
    links = re.findall(r"\]\(([^)\s]+)\)", page.get_payload())
    relative = [link for link in links if not link.startswith(("https://", "http://", "#"))]
    if not page.get_all("Project-URL"):
        return []  # no address is known that they could lead to
    return [f"README's link {link} leads nowhere on an index" for link in relative]


def contents(folder: Path) -> tuple[Path, set[str], set[str]]:
    """The wheel, its names, and the archive's names."""
    (wheel,) = folder.glob("*.whl")
    (archive,) = folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as zipped, tarfile.open(archive) as tarred:
        names = {name.partition("/")[2] for name in tarred.getnames()}
        return wheel, {*zipped.namelist()}, names - {""}


def run(command: list[str], code: int = 0, **environment: str) -> str:
    """What a command prints on both streams; it must end with a code."""
    known = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    done = subprocess.run(command, capture_output=True, text=True, env={**known, **environment})
    said = done.stdout + done.stderr
    assert done.returncode == code, f"{command} ended with {done.returncode}:\n{said}"
    return said


def try_on_a_bare_python(wheel: Path, version: str) -> None:
    """Install the wheel alone, and use it."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        binaries = Path(folder) / ("Scripts" if os.name == "nt" else "bin")
        python, command = str(binaries / "python"), str(binaries / "lc-asym-router")
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(wheel)])
        run([python, "-c", f"import {PACKAGE}; from {PACKAGE} import *; AsymRouter, Tier, Vote"])
        assert run([command, "--version"]) == f"lc-asym-router {version}\n"
        # Nothing listens on this port.
        nobody = {"OLLAMA_HOST": "127.0.0.1:9"}
        assert "ollama pull" in run([command, "models"], **nobody)
        said = run([command, "ask", "hi"], code=2, **nobody)
        assert "Traceback" not in said, said
        named = ["--small", "ollama:llama3.1:8b", "--frontier", "openai:gpt-4o"]
        said = run([command, "ask", *named, "hi"], code=2, **nobody)
        assert "OPENAI_API_KEY" in said, said
        assert "Traceback" not in said, said


def main() -> int:
    """Check what stands in dist/."""
    wheel, names, archived = contents(ROOT / "dist")
    with zipfile.ZipFile(wheel) as zipped:
        (name,) = (each for each in names if each.endswith(".dist-info/METADATA"))
        metadata = zipped.read(name).decode()
    faults = differences(names, archived, expected()) + page_faults(metadata)
    if "\nProject-URL: " not in metadata:
        print("pyproject.toml has no [project.urls]: README's links work in a clone alone.")
    print("\n".join(faults) or f"{wheel.name}: {len(names)} files, as they should be", flush=True)
    if faults:
        return 1
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    try_on_a_bare_python(wheel, version)
    print(f"{wheel.name}: installed and used on a bare Python {sys.version.split()[0]}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
