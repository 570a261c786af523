"""Training the embedding classifier: on made-up embeddings; what is left out is not seen."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lc_asym_router._internal.model_file import read_model
from lc_asym_router.classify.classifier_weights import load_weights
from lc_asym_router.classify.embedding import KIND, SIZE, VERSION
from lc_asym_router.errors import DataError
from lc_asym_router.evals.kind_metrics import KindRow
from lc_asym_router.evals.training.train_embedding import MOST, embedding_card, train_embedding

SOURCES = {"a": "simple", "b": "simple", "c": "complex", "d": "complex"}


def rows(count: int = 100) -> list[KindRow]:
    chance = random.Random(1)
    words = [f"word{number}" for number in range(60)]
    return [
        KindRow(" ".join(chance.sample(words, 6)), name, side, language="en")
        for name, side in SOURCES.items()
        for _ in range(count)
    ]


def vectors(rows):
    """Embeddings that say the side in one number, weakly, and the source in another, strongly."""
    random = np.random.default_rng(2)
    found = random.normal(0, 0.02, (len(rows), SIZE))
    found[:, 0] += [0.1 * row.is_complex for row in rows]
    found[:, 1] += [0.3 * (row.source in "bd") for row in rows]
    return found


@pytest.fixture(scope="module")
def trained():
    return train_embedding(rows(), load_weights(), vectors=vectors)


@pytest.mark.full
def test_what_tells_the_side_is_found_without_the_sources(trained):
    assert trained.rows == 4 * MOST
    assert trained.alone.auroc > 0.9 > trained.words.auroc
    assert trained.report.auroc > trained.words.auroc
    assert abs(trained.vector[0]) == max(map(abs, trained.vector))
    assert "| AUROC of complex against simple |" in "\n".join(trained.lines())


def test_the_same_rows_give_the_same_bytes(trained, tmp_path):
    again = train_embedding(rows(), load_weights(), vectors=vectors)
    for name, each in (("one", trained), ("two", again)):
        each.save(tmp_path / f"{name}.json", embedding_card(each, []))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert (tmp_path / "one.md").read_text().startswith("# The embedding classifier")
    read = read_model(tmp_path / "one.json", KIND, features=VERSION)
    assert len(read.arrays["vector"]) == SIZE


def test_one_source_of_a_side_is_too_few():
    few = [row for row in rows() if row.source != "b"]
    with pytest.raises(DataError, match="two sources"):
        train_embedding(few, load_weights(), vectors=vectors)
