"""The figures: what they draw is what the evaluation says."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest

from lc_asym_router import ConfigurationError, PerSecond, Price
from lc_asym_router.classify.calibration import Calibration
from lc_asym_router.evals import replay_router, simulate
from lc_asym_router.notebook import Report, plot_frontier, plot_ledger
from lc_asym_router.notebook.tradeoff import tradeoff_of


def lines(picture):
    """What is drawn, by its label."""
    (axis,) = picture.figure.axes
    return {line.get_label(): line.get_xydata() for line in axis.lines}


def test_a_classifiers_curve(evaluation):
    threshold = float(sorted(evaluation.scores)[60])
    picture = plot_frontier(evaluation, threshold=threshold, title="Mine")
    drawn = lines(picture)
    assert set(drawn) == {
        "threshold by threshold",
        f"threshold {threshold:.3g}",
        "query length",
        "oracle",
        "random mix",
        "always small",
        "always frontier",
    }
    ((effort, quality),) = drawn[f"threshold {threshold:.3g}"]
    meant = evaluation.at(threshold)
    assert quality == pytest.approx(meant["quality"])
    assert 0 < effort < 1
    assert drawn["always small"][0][1] == pytest.approx(evaluation.curve.weak)
    assert drawn["always frontier"][0] == pytest.approx([1.0, evaluation.curve.strong])
    assert max(drawn["oracle"][:, 1]) >= max(drawn["threshold by threshold"][:, 1])
    bundle = picture._repr_mimebundle_()
    assert bundle["text/plain"] == "Picture('Mine')"
    assert picture.png.startswith(b"\x89PNG")


def test_what_every_threshold_means(evaluation):
    found = tradeoff_of(evaluation)
    for threshold in (0.0, *found.steps[::10], 1.0):
        spot, meant = found.at(threshold), evaluation.at(threshold)
        assert (spot.share, spot.quality) == pytest.approx((meant["share"], meant["quality"]))
    assert found.at(0.0).cost_usd == pytest.approx(found.frontier.cost_usd)
    assert found.at(1.0).cost_usd == pytest.approx(found.small.cost_usd)
    assert [spot.effort for spot in found.curve] == sorted(spot.effort for spot in found.curve)


def test_a_checks_curve_and_its_own_threshold(rows):
    cascade = simulate(rows, "second")
    drawn = lines(plot_frontier({"alone": simulate(rows), "second": cascade}))
    assert {"alone", "second", "random mix"} <= set(drawn)
    found, point = tradeoff_of(cascade), cascade.default()
    spot = found.at(found.chosen)
    assert (spot.share, spot.quality, spot.cost_usd) == (point.share, point.quality, point.cost_usd)
    assert len(drawn["second"]) == len(cascade.curve())


def test_a_routers_curve_with_its_checks_and_prices(rows, make):
    router = make(classify="learned", verify=lambda attempt: not attempt.text.endswith("1"))
    found = tradeoff_of(replay_router(router, rows))
    low, high = found.at(1.0), found.at(0.0)
    assert high.share == 1.0
    assert low.share > 0  # what the checks reject goes up at any threshold
    assert low.cost_usd < high.cost_usd
    assert "oracle" in lines(plot_frontier(replay_router(router, rows), threshold=0.3))


def test_without_prices_it_is_the_share_that_is_paid(rows, make):
    router = make(classify="learned")
    ladder = [tier._changed(price=PerSecond(1)) for tier in router.ladder]
    from lc_asym_router import AsymRouter

    picture = plot_frontier(replay_router(AsymRouter(tiers=ladder, verify="form"), rows))
    (axis,) = picture.figure.axes
    assert axis.get_xlabel() == "share of frontier calls"


def test_other_prices(evaluation):
    from lc_asym_router.evals import CascadePrices

    free = CascadePrices(small=Price(0, 0), frontier=Price(1, 1))
    assert tradeoff_of(evaluation, free).small.cost_usd == 0


def test_a_calibration_is_a_threshold(evaluation):
    calibration = Calibration("learned", 0.25, {}, {}, {}, 1, {})
    assert "threshold 0.25" in lines(plot_frontier(evaluation, threshold=calibration))


@pytest.mark.parametrize("threshold", [2, -0.1, True, "high"])
def test_a_threshold_that_is_none(evaluation, threshold):
    with pytest.raises(ConfigurationError, match=r"number in \[0, 1\]"):
        plot_frontier(evaluation, threshold=threshold)


def test_what_says_nothing_of_other_thresholds():
    with pytest.raises(ConfigurationError, match="evaluate_offline"):
        plot_frontier([1, 2])


def test_it_can_be_saved(evaluation, tmp_path):
    plot_frontier(evaluation).save(tmp_path / "curve.svg")
    assert "<svg" in (tmp_path / "curve.svg").read_text()


def test_the_bill():
    days = [
        {
            "day": f"2026-01-{day:02}",
            "requests": 2,
            "cost_usd": 0.3,
            "frontier_cost_usd": None if day == 2 else 1.0,
            "cost_by_model": {"big": 0.2, "small": None if day == 1 else 0.1},
        }
        for day in (1, 2, 3)
    ]
    picture = plot_ledger(days)
    (axis,) = picture.figure.axes
    heights = [bar.get_height() for bar in axis.patches]
    assert heights == pytest.approx([0.2, 0.2, 0.2, 0.0, 0.1, 0.1])
    assert [bar.get_y() for bar in axis.patches][3:] == pytest.approx([0.2, 0.2, 0.2])
    alone = lines(picture)["frontier alone (est.)"][:, 1]
    assert list(alone) == pytest.approx([1.0, math.nan, 1.0], nan_ok=True)
    assert picture.png == plot_ledger(Report.of(days)).png


def test_no_figure_touches_the_readers_own(rows):
    """No pyplot: a reader's backend, figures and settings stay as they are."""
    code = (
        "import sys; from lc_asym_router.notebook.showing import blank, Picture; "
        "Picture(blank(3, 2)[0], 'x').png; print('pyplot:', 'matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "pyplot: False" in done.stdout, done.stderr


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigurationError, match=r"lc-asym-router\[plots\]"):
        plot_ledger([])
