"""README as a package index shows it: a link into the repository needs the repository's address.

`[project.urls]` in pyproject.toml is the one place where that address is set, as `Source`. Without it
README is taken as it is, and its links work in a clone alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#)([^)\s]+)\)")
"""A link or a picture whose address is no absolute one: its mark, its text, its address."""


def with_absolute_links(text: str, source: str, version: str) -> str:
    """Return a Markdown text whose links into the repository are absolute, to a version's tag.

    Args:
        text: The text.
        source: The repository's address, such as that of its page on a forge; "" for none.
        version: The version, whose tag is `v` and the version.
    """

    def absolute(link: re.Match[str]) -> str:
        mark, shown, path = link.groups()
        kind = "raw" if mark else "blob"
        return f"{mark}[{shown}]({source.rstrip('/')}/{kind}/v{version}/{path})"

    return LINK.sub(absolute, text) if source else text


class Readme(MetadataHookInterface):
    """Sets the package's long description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add README to the metadata."""
        source = metadata.get("urls", {}).get("Source", "")
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": with_absolute_links(text, source, metadata["version"]),
        }
