"""Less of what takes long, for tests that don't look at it."""

from __future__ import annotations

from importlib import import_module

import pytest

from lc_asym_router.evals.metrics import bootstrap


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals of 50 resamples in place of 1,000, for tests of which no assertion is about them:
    drawing those takes most of such a test's time.
    """
    monkeypatch.setitem(bootstrap.__kwdefaults__, "resamples", 50)
    monkeypatch.setattr(
        import_module("lc_asym_router.evals.training.train_classifier"), "RESAMPLES", 50
    )
