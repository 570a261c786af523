"""Which classifier a command is to use: one that needs no model."""

from __future__ import annotations

import argparse
from typing import Any

NAMES = ("keyword", "learned")


def add_classifier(parser: argparse.ArgumentParser) -> None:
    """Add the classifier's options to a command."""
    parser.add_argument("--classify", choices=NAMES, default="learned")
    parser.add_argument("--weights", metavar="FILE", help="a classifier that `train` has written")


def classifier(options: argparse.Namespace) -> Any:
    """The classifier that the options ask for.

    Raises:
        ConfigurationError: Weights for a classifier that has none, or a file that holds none.
    """
    from lc_asym_router.classify.keyword import KeywordClassifier
    from lc_asym_router.errors import ConfigurationError

    if options.classify == "learned":
        from lc_asym_router.classify.learned import LearnedClassifier

        return LearnedClassifier(path=options.weights) if options.weights else LearnedClassifier()
    if options.weights:
        raise ConfigurationError("--weights belongs to --classify learned.")
    return KeywordClassifier()
