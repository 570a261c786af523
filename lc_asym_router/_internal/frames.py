"""Texts of others in a prompt, each in a frame that it can't close."""

from __future__ import annotations

import hashlib


def mark_of(*texts: str) -> str:
    """The mark of the frames around some texts: 16 hex digits of a digest of all of them.

    No text can hold its own digest, so none can write its frame's closing tag; and the same texts
    make the same prompt, so that a cache of model calls still finds it.
    """
    digest = hashlib.sha256()
    for text in texts:
        part = text.encode("utf-8", "surrogatepass")
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]


def framed(name: str, text: str, mark: str) -> str:
    """A text between an opening and a closing tag, each with the mark in it."""
    return f"<{name} {mark}>\n{text}\n</{name} {mark}>"
