"""The pictures of a sweep, drawn from values and their statistics. The only package that needs matplotlib.

Figures are plain `matplotlib.figure.Figure` objects: no pyplot, no window, no global state. They are seven
inches wide, the width of a text column, in Okabe and Ito's colours, which colour-blind readers tell apart.
"""

from __future__ import annotations

from seedsweep.analysis.figures.ladder import ladder
from seedsweep.analysis.figures.learning_curves import learning_curves
from seedsweep.analysis.figures.metric_twins import metric_twins
from seedsweep.analysis.figures.style import save
from seedsweep.analysis.figures.survival import budget_sensitivity, survival_curves

__all__ = ["budget_sensitivity", "ladder", "learning_curves", "metric_twins", "save", "survival_curves"]
