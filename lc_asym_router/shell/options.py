"""Options that several commands share, and output that is safe on a terminal."""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lc_asym_router.router.router import AsymRouter


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the prompt and the router's options to a command."""
    parser.add_argument("prompt", nargs="*", help="the request; standard input if left out")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--tier", help="ask this tier first: small or frontier")
    parser.add_argument(
        "--threshold", type=float, help="complexity at or over which a request goes up, in [0, 1]"
    )
    parser.add_argument(
        "--classify",
        choices=("default", "keyword", "judge", "learned", "embedding"),
        help="what rates the request",
    )
    add_models(parser)


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the options for both tiers' models to a command."""
    parser.add_argument("--small", metavar="MODEL", help="such as ollama:llama3.1:8b")
    parser.add_argument("--frontier", metavar="MODEL", help="such as openai:gpt-4o")


def add_database(parser: Any) -> None:
    """Add the option for the ledger's database to a command, or to a group of its options."""
    parser.add_argument(
        "--url",
        "--database",
        metavar="URL",
        help="sqlite:///file, postgresql://user:password@host/database, or a file's path; by "
        "default the file that Ledger() writes",
    )


def build(options: argparse.Namespace) -> AsymRouter:
    """Build the router from the options and the models available here.

    Raises:
        ConfigurationError: An option is invalid.
    """
    from lc_asym_router.errors import ConfigurationError
    from lc_asym_router.router.router import AsymRouter

    threshold = getattr(options, "threshold", None)
    if threshold is not None and not 0 <= threshold <= 1:
        raise ConfigurationError(
            f"--threshold {threshold:g}: give a number in [0, 1]; 0 sends everything to the frontier."
        )
    tier = getattr(options, "tier", None)
    settings: dict[str, Any] = {"small": options.small, "frontier": options.frontier}
    if options.classify:
        settings["classify"] = options.classify
    router = AsymRouter.from_env(**settings)
    names = [each.name for each in router.ladder]
    if tier is not None and tier not in names:
        raise ConfigurationError(f"--tier {tier}: the tiers are {', '.join(names)}.")
    return router


def configurable(options: argparse.Namespace) -> dict[str, Any]:
    """Return the overrides for this one call."""
    values = {
        "tier": options.tier,
        "threshold": options.threshold,
        "verify": False if getattr(options, "no_verify", False) else None,
    }
    return {"configurable": {key: value for key, value in values.items() if value is not None}}


def prompt(options: argparse.Namespace) -> str:
    """Return the request: the arguments, or standard input."""
    if options.prompt:
        return " ".join(options.prompt)
    if sys.stdin.isatty():
        print("Write the request, then Ctrl-D:", file=sys.stderr)
    return sys.stdin.read()


def tiers(router: AsymRouter) -> dict[str, str]:
    """Return each tier's model, and where it comes from."""
    return {
        tier.name: f"{tier.model_name} ({tier.source})" if tier.source else tier.model_name
        for tier in router.ladder
    }


ANSWERED = 0


BAD_USAGE = 2


NO_ANSWER = 3


def add_data(parser: argparse.ArgumentParser) -> None:
    """Add the option for the data files to a command."""
    parser.add_argument(
        "--data",
        nargs="+",
        required=True,
        metavar="PATH",
        help="files of rows (.jsonl, .jsonl.gz, .csv, .parquet), or folders of such files",
    )


NAMES = ("keyword", "learned", "embedding")


def add_classifier(parser: argparse.ArgumentParser) -> None:
    """Add the classifier's options to a command."""
    parser.add_argument("--classify", choices=NAMES, default="learned")
    parser.add_argument("--weights", metavar="FILE", help="weights of a classifier, from `train`")


def classifier(options: argparse.Namespace) -> Any:
    """Build the classifier from the options.

    Raises:
        ConfigurationError: Weights are given for a classifier that has none, or the file has none.
    """
    from lc_asym_router.classify.keyword import KeywordClassifier
    from lc_asym_router.errors import ConfigurationError

    if options.classify == "learned":
        from lc_asym_router.classify.learned_classifier import LearnedClassifier

        return LearnedClassifier(path=options.weights) if options.weights else LearnedClassifier()
    if options.classify == "embedding":
        from lc_asym_router.classify.embedding import EmbeddingClassifier

        return EmbeddingClassifier(path=options.weights or None)
    if options.weights:
        raise ConfigurationError("--weights belongs to --classify learned or embedding.")
    return KeywordClassifier()


# Sequences first, then every control character that is left, so that what is taken away never
# joins the rest to a new sequence. No part of a pattern can run over another's beginning, which
# keeps the time linear: a string that is not ended loses its introducer only.
_UNSAFE = re.compile(
    r"""
    (?: \x1b\[ | \x9b ) [0-?]* [ -/]* [@-~]                      # CSI: colours, cursor
    | (?: \x1b[\]PX^_] | [\x9d\x90\x98\x9e\x9f] )                # OSC, DCS, SOS, PM, APC: title,
      [^\x00-\x1f\x7f-\x9f]* (?: \x07 | \x1b\\ | \x9c )          #   clipboard, graphics
    | \x1b [ -/]+ [0-~]                                          # character sets
    | \x1b [0-~]                                                 # reset, and the like
    | [\x00-\x08\x0b-\x1f\x7f-\x9f]                              # controls but tab and newline
    """,
    re.VERBOSE,
)
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\ud800-\udfff]")


def printable(text: str) -> str:
    """Remove from a text everything that a terminal would interpret.

    Args:
        text: Any text.

    Returns:
        The text without escape sequences, and without control characters except newline and tab; a lone
        surrogate, which can't be printed, becomes a replacement character.
    """
    return _LONE_SURROGATE.sub("\ufffd", _UNSAFE.sub("", text))


def printable_json(value: Any) -> str:
    """Serialize a value as JSON without escaping characters, except those that a terminal interprets.

    Args:
        value: A JSON-serializable value.
    """
    text = json.dumps(value, ensure_ascii=False)  # which escapes the controls below 0x20
    return _UNSAFE_IN_JSON.sub(lambda match: f"\\u{ord(match.group()):04x}", text)


class PrintableFormatter(logging.Formatter):
    """A logging formatter whose output is safe for a terminal: a message may quote a server."""

    def format(self, record: logging.LogRecord) -> str:
        """Format as usual, then remove what a terminal would interpret."""
        return printable(super().format(record))
