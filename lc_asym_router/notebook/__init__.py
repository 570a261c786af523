"""Displays, plots and the live view for notebooks; modules load when a name is first used.

`show` displays any object of this package; `Record` is an answer's record with a display of its own.
A router, a decision and the results of `explain` and `compare` display themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lc_asym_router._internal.imports import lazy_exports

if TYPE_CHECKING:
    from lc_asym_router.notebook.audit_plot import plot_audits as plot_audits
    from lc_asym_router.notebook.plots import plot_frontier as plot_frontier
    from lc_asym_router.notebook.plots import plot_ledger as plot_ledger
    from lc_asym_router.notebook.report_figures import Report as Report
    from lc_asym_router.notebook.showing import Picture as Picture
    from lc_asym_router.notebook.showing import save as save
    from lc_asym_router.notebook.showing import show as show
    from lc_asym_router.notebook.slider import threshold_slider as threshold_slider
    from lc_asym_router.records.record import Record as Record
    from lc_asym_router.router.compare import Comparison as Comparison
    from lc_asym_router.router.explain import Explanation as Explanation

_HOMES = {
    "Comparison": "lc_asym_router.router.compare",
    "Explanation": "lc_asym_router.router.explain",
    "Picture": ".showing",
    "Record": "lc_asym_router.records.record",
    "Report": ".report_figures",
    "plot_audits": ".audit_plot",
    "plot_frontier": ".plots",
    "plot_ledger": ".plots",
    "save": ".showing",
    "show": ".showing",
    "threshold_slider": ".slider",
}

__all__ = sorted(_HOMES)

__getattr__ = lazy_exports(__name__, _HOMES)
