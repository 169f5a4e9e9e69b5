"""The pictures of a sweep, drawn from values and their statistics. The only package that needs matplotlib.

Figures are plain `matplotlib.figure.Figure` objects: no pyplot, no window, no global state. They are seven
inches wide, the width of a text column (`every_seed` five, for the first screen and a phone), in Okabe and Ito's
colours, which colour-blind readers tell apart. `axis` says where the scales of a ladder stand.
"""

from __future__ import annotations

from seedsweep.analysis.figures.claims import claims
from seedsweep.analysis.figures.comparison import comparison
from seedsweep.analysis.figures.crossed_runs import crossed_runs
from seedsweep.analysis.figures.densities import densities
from seedsweep.analysis.figures.distances import distances
from seedsweep.analysis.figures.event_pairs import event_pairs
from seedsweep.analysis.figures.event_trend import event_trend
from seedsweep.analysis.figures.every_seed import every_seed
from seedsweep.analysis.figures.extreme_curves import extreme_curves
from seedsweep.analysis.figures.forecasts import forecasts
from seedsweep.analysis.figures.ladder import ladder
from seedsweep.analysis.figures.ladder_forecast import ladder_forecast
from seedsweep.analysis.figures.learning_curves import learning_curves
from seedsweep.analysis.figures.learnt_together import learnt_together
from seedsweep.analysis.figures.metric_twins import metric_twins
from seedsweep.analysis.figures.outcome_shares import outcome_shares
from seedsweep.analysis.figures.outputs_not_yet import outputs_not_yet
from seedsweep.analysis.figures.rise_and_fall import rise_and_fall
from seedsweep.analysis.figures.style import save
from seedsweep.analysis.figures.survival import budget_sensitivity, survival_curves
from seedsweep.analysis.figures.u_shape import u_shape

__all__ = [
    "budget_sensitivity",
    "claims",
    "comparison",
    "crossed_runs",
    "densities",
    "distances",
    "event_pairs",
    "event_trend",
    "every_seed",
    "extreme_curves",
    "forecasts",
    "ladder",
    "ladder_forecast",
    "learning_curves",
    "learnt_together",
    "metric_twins",
    "outcome_shares",
    "outputs_not_yet",
    "rise_and_fall",
    "save",
    "survival_curves",
    "u_shape",
]
