"""Shorten servers' messages, and remove the request's texts and keys from them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

LONGEST = 200
"""Characters of a message that are kept."""
MASK = "…"
_KEY_LENGTH = 8
"""Characters of a key that is masked inside of a longer word too."""

_KEY = re.compile(
    r"(?:\b(?:sk|pk|rk|gsk|xai|key|ghp|hf|token)[-_][\w*.-]{4,})|(?:\bBearer +\S+)|(?:\bAKIA\w{8,})"
    r"|(?:AIza[\w-]{8,})"
    r"|(?:\S*\*{3,}\S*)"
    r"|(?:\b[\w.+-]+@[\w-]+\.[\w.]+)"
    r"|(?:(?<=://)[^/\s@]+@)"
    r"|(?:\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{20,})",
    re.IGNORECASE,
)
_ESCAPED = re.compile(r"\\(?:u[0-9a-fA-F]{4}|[nrtbf\"'/\\])")
_WORD = re.compile(r"\w+")
_USUAL = frozenset(
    [
        "about",
        "access",
        "allowed",
        "answer",
        "available",
        "arguments",
        "assistant",
        "attribute",
        "bound",
        "cannot",
        "characters",
        "check",
        "completion",
        "connection",
        "content",
        "context",
        "count",
        "deployment",
        "does",
        "enough",
        "error",
        "exceeded",
        "exceeds",
        "expected",
        "failed",
        "field",
        "file",
        "format",
        "found",
        "from",
        "function",
        "given",
        "handle",
        "have",
        "image",
        "input",
        "instead",
        "internal",
        "invalid",
        "item",
        "json",
        "keyword",
        "length",
        "less",
        "limit",
        "list",
        "long",
        "longer",
        "maximum",
        "message",
        "messages",
        "method",
        "missing",
        "model",
        "more",
        "must",
        "name",
        "number",
        "object",
        "only",
        "output",
        "parameter",
        "parse",
        "please",
        "prompt",
        "property",
        "provided",
        "reached",
        "reason",
        "reduce",
        "request",
        "required",
        "requested",
        "response",
        "role",
        "schema",
        "server",
        "service",
        "should",
        "size",
        "string",
        "such",
        "support",
        "supported",
        "system",
        "text",
        "than",
        "that",
        "then",
        "there",
        "this",
        "tier",
        "timeout",
        "token",
        "tokens",
        "tool",
        "tools",
        "type",
        "unexpected",
        "unknown",
        "unsupported",
        "user",
        "value",
        "values",
        "view",
        "when",
        "which",
        "while",
        "window",
        "with",
        "within",
        "without",
        "your",
    ]
)
"""Words that errors are made of: one of them alone says nothing of a request."""


def redacted(message: str, texts: Iterable[str], secrets: Collection[str] = ()) -> str:
    """Return a server's message in one short line, without what occurs in the request.

    A word of at least four letters, or with a digit, is masked if it occurs in one of the texts,
    unless it is a usual word of error messages; such words are masked too where three in a row
    occur in a text. Everything that looks like a key, an e-mail address or credentials in a URL is
    masked as well.

    Args:
        message: The message of the server, or of its client.
        texts: All texts of the request.
        secrets: Known keys.
    """
    line = _ESCAPED.sub(" ", " ".join(message[: 4 * LONGEST].split()))
    for secret in filter(None, secrets):
        quoted = re.escape(secret)
        # A local server's placeholder ("x", "none") is a part of many words.
        line = re.sub(
            quoted if len(secret) >= _KEY_LENGTH else rf"(?<!\w){quoted}(?!\w)", MASK, line
        )
    line = _KEY.sub(MASK, line)
    asked = "\n".join(texts).casefold()
    words = list(_WORD.finditer(line))
    hidden = {at for at, word in enumerate(words) if _occurs(word[0].casefold(), asked)}
    if asked:
        spoken = " ".join(_WORD.findall(asked))
        plain = [word[0].casefold() for word in words]
        for at in range(len(plain) - 2):
            if f" {' '.join(plain[at : at + 3])} " in f" {spoken} ":
                hidden |= {at, at + 1, at + 2}
    for at in sorted(hidden, reverse=True):
        line = line[: words[at].start()] + MASK + line[words[at].end() :]
    line = re.sub(rf"{MASK}(?:\W*{MASK})+", MASK, line)
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1].rstrip()}{MASK}"


def _occurs(word: str, asked: str) -> bool:
    if not word.isascii():  # scripts without spaces: any two signs that stand together there
        return any(word[at : at + 2] in asked for at in range(max(1, len(word) - 1)))
    if len(word) < 4 and not any(map(str.isdigit, word)):
        return False
    return word not in _USUAL and word in asked
