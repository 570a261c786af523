"""Open files safely: they must be regular files, and no other user may be able to change them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

from lc_asym_router.embedded.api_errors import WeightsError

try:
    import grp
    import pwd
except ImportError:  # Windows, where access is not in the mode
    grp = pwd = None  # type: ignore[assignment]

_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_NOTE_BYTES = 64 * 2**10


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading; links are followed.

    Raises:
        FileNotFoundError: When there is none.
        WeightsError: When it is anything else: a device may give bytes without end, and a pipe
            none at all.
    """
    # Opening alone can do something to a device, so the name is looked at first; and what was
    # opened after it, because the name may mean something else by then.
    _check_regular(path, os.stat(path))
    # Without O_NONBLOCK a pipe that was put there in between would keep us waiting for ever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return _regular(path, os.fdopen(os.open(path, flags), "rb"))


def open_for_appending(path: Path) -> BinaryIO:
    """Open a regular file, or a new one, for appending; a link is not followed.

    Raises:
        OSError: When it is a link.
        WeightsError: When it is no regular file.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    return _regular(path, os.fdopen(os.open(path, flags, 0o644), "ab"))


def _regular(path: Path, file: BinaryIO) -> BinaryIO:
    try:
        _check_regular(path, os.fstat(file.fileno()))
    except BaseException:
        file.close()
        raise
    return file


def read_note(path: Path) -> dict[str, Any]:
    """Read one of the small JSON files next to the weights; empty when it is anything else."""
    try:
        with open_regular(path) as file:
            raw = file.read(_NOTE_BYTES + 1)
        note = json.loads(raw) if len(raw) <= _NOTE_BYTES else None
    except (OSError, ValueError, RecursionError, WeightsError):
        return {}
    return note if isinstance(note, dict) else {}


def write_note(path: Path, value: object) -> None:
    """Write a small file atomically: a reader sees the old content or the new, never a part."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.new")
    temporary.write_text(json.dumps(value), encoding="utf-8")
    os.replace(temporary, path)


def check_folder(folder: Path, *, ours: bool) -> None:
    """Raise where other users can put files into a folder.

    Args:
        folder: An existing folder.
        ours: Whether nothing but this package uses it: then its mode is mended, not refused.

    Raises:
        WeightsError: When others can; the text says what to do.
    """
    status = os.stat(folder)
    if not _writable_by_others(status):
        return
    if ours and status.st_uid == os.getuid():
        os.chmod(folder, stat.S_IMODE(status.st_mode) & ~_WRITABLE_BY_OTHERS)
        return
    raise WeightsError(
        f"Other users can put files into {folder}, so that no weights in it can be trusted. Run "
        f"`chmod go-w {folder}`, or name a folder that is yours alone, such as a new one inside."
    )


def check_file(path: Path, file: BinaryIO) -> None:
    """Raise where other users can change an open file; if it is our own, its mode is corrected.

    Raises:
        WeightsError: When others can.
    """
    status = os.fstat(file.fileno())
    if not _writable_by_others(status):
        return
    if status.st_uid == os.getuid():
        os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode) & ~_WRITABLE_BY_OTHERS)
        return
    raise WeightsError(
        f"Other users can change {path}, so that it can't be trusted. Remove it, then ask again "
        "to fetch it anew."
    )


def _check_regular(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise WeightsError(
            f"{path} is no regular file, so it is not read. Remove it, then ask again to fetch the "
            "model anew."
        )


def _writable_by_others(status: os.stat_result) -> bool:
    """Tell from the mode whether others than the owner may write, where the system has modes."""
    if pwd is None or not status.st_mode & _WRITABLE_BY_OTHERS:
        return False
    return bool(status.st_mode & stat.S_IWOTH) or not _is_private_group(status)


def _is_private_group(status: os.stat_result) -> bool:
    """Whether the group is the owner's own, with nobody else in it, as many systems make them."""
    try:
        owner = pwd.getpwuid(status.st_uid)
        members = set(grp.getgrgid(status.st_gid).gr_mem)
    except KeyError:
        return False
    return owner.pw_gid == status.st_gid and members <= {owner.pw_name}
