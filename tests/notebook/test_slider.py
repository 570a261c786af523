"""The slider: figures and curve move with it; without ipywidgets it stands still."""

from __future__ import annotations

import sys

import pytest

from lc_asym_router import ConfigurationError
from lc_asym_router.evals import simulate
from lc_asym_router.notebook import threshold_slider
from tests.notebook.looking import Page, safe

VIEW = "application/vnd.jupyter.widget-view+json"


def test_figures_and_curve_move_with_it(evaluation):
    low, high = sorted(evaluation.scores)[20], sorted(evaluation.scores)[60]
    slider = threshold_slider(evaluation, threshold=float(low))
    hand, figures, image = slider.widget.children
    before = figures.value, image.value
    hand.value = float(high)  # as a front end does
    assert slider.threshold == high
    meant = evaluation.at(float(high))
    assert slider.spot.share == pytest.approx(meant["share"])
    page = Page(figures.value)
    assert f"{meant['share']:.1%} to the frontier" in page.text
    assert f"{meant['quality']:.3f} mean grade" in page.text
    assert "for 1,000 requests" in page.text
    assert before[0] != figures.value
    assert before[1] != image.value


def test_it_can_be_moved_from_the_code(evaluation):
    slider = threshold_slider(evaluation)
    slider.move(0.9)
    assert slider.threshold == slider.widget.children[0].value == 0.9
    assert slider.spot.share == 0
    with pytest.raises(ConfigurationError, match="number in"):
        slider.move(2)


def test_it_begins_where_the_evaluation_stands(rows):
    cascade = simulate(rows)
    assert threshold_slider(cascade).threshold == cascade.thresholds[cascade.policy]


def test_every_front_end_gets_a_form_that_it_knows(evaluation):
    bundle = threshold_slider(evaluation, threshold=0.25)._repr_mimebundle_()
    assert set(bundle) == {VIEW, "text/html", "text/plain"}
    assert bundle["text/plain"].startswith("threshold 0.25: ")
    assert "<img" in bundle["text/html"]


def test_without_ipywidgets_it_is_a_still_figure(evaluation, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    slider = threshold_slider(evaluation, threshold=0.25)
    assert slider.widget is None
    page = safe(slider)
    assert "0.250 threshold" in page.text
    assert "img" in page.tags
    slider.move(0.3)
    assert "0.300 threshold" in safe(slider).text
