"""Find out how much memory is available for a model, before llama.cpp fails for lack of it."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_MEGABYTE = 10**6


def available_megabytes() -> int | None:
    """Return the memory available to a new process, in MB, or `None` where it is unknown.

    In a container the limit of its control group counts too.
    """
    known = [size for size in (_from_psutil(), _from_meminfo(), _from_cgroup()) if size is not None]
    if not known:
        known = [size for size in (_from_sysconf(),) if size is not None]
    return min(known) // _MEGABYTE if known else None


def _from_meminfo() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _from_cgroup() -> int | None:
    """Read what remains under a version-2 control group's limit, without cached files."""
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        pairs = (line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        cached = {key: int(size) for key, size in pairs}.get("inactive_file", 0)
    except (OSError, ValueError):  # "max" is no number: there is no limit
        return None
    return max(0, limit - used + cached)


def _from_sysconf() -> int | None:
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _from_psutil() -> int | None:
    """Ask psutil, which supports macOS and Windows, if it is installed."""
    try:
        psutil = import_module("psutil")
    except ImportError:
        return None
    return int(psutil.virtual_memory().available)
