"""`threshold_slider`: change a threshold and see frontier share, quality and cost change."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from lc_asym_router._internal.display import Displayed
from lc_asym_router._internal.imports import needed
from lc_asym_router.classify.calibration import Calibration
from lc_asym_router.errors import ConfigurationError
from lc_asym_router.notebook.markup import Html, display, tag
from lc_asym_router.notebook.plots import chosen_of, plot_frontier
from lc_asym_router.notebook.record_display import tile
from lc_asym_router.notebook.showing import Picture
from lc_asym_router.notebook.tradeoff import Spot, tradeoff_of
from lc_asym_router.records.call import figure_text, share, usd

if TYPE_CHECKING:
    from lc_asym_router.evals.cascade import CascadePrices

_REQUESTS = 1000
"""How many requests a displayed cost is for: that of one request is too small to read."""


class ThresholdSlider(Displayed):
    """A slider over an evaluation's thresholds; without ipywidgets, a static figure.

    Args:
        evaluation: A single evaluation that `plot_frontier` accepts.
        threshold: The initial threshold in [0, 1]; by default the evaluation's own, else the
            middle.
        prices: Prices of tokens, for an evaluation without prices.

    Raises:
        ConfigurationError: The evaluation has no other thresholds, or an extra is not installed.
    """

    def __init__(
        self,
        evaluation: Any,
        *,
        threshold: float | Calibration | None = None,
        prices: CascadePrices | None = None,
    ) -> None:
        self._tradeoff = tradeoff_of(evaluation, prices)
        low, high = min(self._tradeoff.steps), max(self._tradeoff.steps)
        self._low, self._high = math.floor(low * 100) / 100, math.ceil(high * 100) / 100
        given = chosen_of(threshold)
        at = self._tradeoff.chosen if given is None else given
        self._threshold = (self._low + self._high) / 2 if at is None else at
        self._widget, self._parts = self._built()

    @property
    def threshold(self) -> float:
        """The current threshold, in [0, 1]."""
        return self._threshold

    @property
    def spot(self) -> Spot:
        """Frontier share, quality and cost at the current threshold."""
        return self._tradeoff.at(self._threshold)

    @property
    def widget(self) -> Any:
        """The ipywidgets widget, for use in a larger one; `None` where there is none."""
        return self._widget

    @property
    def picture(self) -> Picture:
        """The curve with the current threshold marked."""
        return plot_frontier(self._tradeoff, threshold=min(1.0, max(0.0, self._threshold)))

    def move(self, threshold: float) -> None:
        """Set the threshold, as moving the slider does.

        Args:
            threshold: The new threshold, in [0, 1].

        Raises:
            ConfigurationError: It is no number in [0, 1].
        """
        chosen_of(threshold)
        if not self._parts:
            self._moved(threshold)
            return
        slider, *_ = self._parts
        slider.min, slider.max = min(slider.min, threshold), max(slider.max, threshold)
        slider.value = threshold

    def _moved(self, threshold: float) -> None:
        if threshold == self._threshold:
            return
        self._threshold = threshold
        if self._parts:
            _, figures, image = self._parts
            figures.value, image.value = self._figures(), self.picture.png

    def _built(self) -> tuple[Any, tuple[Any, Any, Any] | None]:
        """The widget and its parts: slider, figures, curve."""
        try:
            widgets = needed("ipywidgets", "notebook")
        except ConfigurationError:
            return None, None
        slider = widgets.FloatSlider(
            value=self._threshold,
            min=min(self._low, self._threshold),
            max=max(self._high, self._threshold),
            step=0.001,
            readout_format=".3f",
            description="threshold",
            layout={"width": "620px"},
        )
        figures = widgets.HTML(self._figures())
        image = widgets.Image(value=self.picture.png, format="png")
        slider.observe(lambda change: self._moved(change["new"]), "value")
        return widgets.VBox([slider, figures, image]), (slider, figures, image)

    def _figures(self) -> str:
        """The figures as HTML."""
        return display(tag("div", self._tiles(), class_="tiles"), title=repr(self))

    def _tiles(self) -> Iterator[Html]:
        spot, top = self.spot, self._tradeoff.frontier
        part = spot.quality / top.quality if top.quality else None
        yield tile("threshold", f"{spot.threshold:.3f}")
        yield tile("to the frontier", share(spot.share))
        yield tile("mean grade", f"{spot.quality:.3f}")
        yield tile("of the frontier's grade", share(part))
        cost = None if spot.cost_usd is None else spot.cost_usd * _REQUESTS
        yield tile(f"for {_REQUESTS:,} requests", usd(cost))
        yield tile("of the frontier's cost", share(spot.cost_part))

    def __repr__(self) -> str:
        spot = self.spot
        cost = usd(None if spot.cost_usd is None else spot.cost_usd * _REQUESTS)
        return (
            f"threshold {figure_text(spot.threshold)}: {share(spot.share)} to the frontier, mean grade "
            f"{figure_text(spot.quality)}, {cost} for {_REQUESTS:,} requests"
        )

    def _repr_html_(self) -> str:
        tiles = tag("div", self._tiles(), class_="tiles")
        return display(tiles, self.picture.html, title=repr(self))

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        """Return the widget if the front end supports it, else the static figure."""
        live = {} if self._widget is None else self._widget._repr_mimebundle_()
        return {**live, **super()._repr_mimebundle_(**kwargs)}


def threshold_slider(
    evaluation: Any,
    *,
    threshold: float | Calibration | None = None,
    prices: CascadePrices | None = None,
) -> ThresholdSlider:
    """Return a slider over an evaluation's thresholds: it shows frontier share, quality and cost.

    Args:
        evaluation: The result of `evaluate_offline`, `replay_router` or `simulate`.
        threshold: The initial threshold in [0, 1], or a calibration.
        prices: Prices of tokens, for an evaluation without prices.

    Raises:
        ConfigurationError: The evaluation has no other thresholds, or an extra is not installed.
    """
    return ThresholdSlider(evaluation, threshold=threshold, prices=prices)
