"""The learning curve of every seed, one panel per scale."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.samples import Bools, FloatArray, as_sample, errors_name, observed
from seedsweep.analysis.statistics.success import succeeds
from seedsweep.criterion import Criterion


def learning_curves(
    curves: Mapping[float, tuple[npt.ArrayLike, npt.ArrayLike]],
    criterion: Criterion,
    *,
    scale_name: str,
    metric_name: str,
    ends: Mapping[float, npt.ArrayLike] | None = None,
) -> Figure:
    """The learning curve of every seed, one panel per scale, coloured by how it ends.

    Parameters
    ----------
    curves : mapping from scale to (steps, values)
        Steps of the evaluations, shape (n_steps,), and the metric, shape (n_seeds, n_steps). A curve has
        no point where it is `nan`; a seed whose last value is `nan` ends as a failure.
    criterion : Criterion
        Which seed is a success; its threshold is drawn.
    scale_name : str
        Stands before the scale in the title of each panel.
    metric_name : str
        Label of the vertical axis, with the unit if there is one.
    ends : mapping from scale to array_like, shape (n_seeds,), optional
        The value by which each seed is judged, where that is not the last of its curve: some runs are shorter.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale, or the shapes of steps and values do not match.

    Examples
    --------
    >>> figure = learning_curves(
    ...     {2: ([0, 100], [[0.0, 0.1], [0.0, 0.9]])},
    ...     Criterion("accuracy", split="test", threshold=0.5),
    ...     scale_name="depth",
    ...     metric_name="accuracy",
    ... )
    >>> figure.findobj(Axes)[0].get_title()
    'depth 2'
    """
    if not curves:
        raise ValueError("learning curves need at least one scale")
    scales = sorted(curves)
    steps = {scale: as_sample(curves[scale][0]) for scale in scales}
    values = {scale: np.asarray(curves[scale][1], dtype=np.float64) for scale in scales}
    for scale in scales:
        with errors_name(scale):
            if steps[scale].size == 0 or values[scale].shape[1:] != steps[scale].shape:
                raise ValueError(
                    "steps of shape (t,) and values of shape (seeds, t) are needed, not "
                    f"{steps[scale].shape} and {values[scale].shape}"
                )

    figure, panels = style.panels(len(scales), height=1.8)
    for panel, scale in zip(panels, scales, strict=True):
        end = values[scale][:, -1] if ends is None else ends[scale]
        successful = succeeds(criterion.oriented(end), criterion.least)
        _draw_curves(panel, scale, steps[scale], values[scale], successful)
        style.draw_threshold(panel, criterion)
        note = f"{successful.sum()} of {len(successful)} succeed"
        style.draw_title(panel, f"{scale_name} {text.scale(scale)}", note)
        style.plain(panel)

    everything = np.concatenate([observed(v.ravel()) for v in values.values()])
    last_step = max(float(s.max()) for s in steps.values())
    metric_range = style.metric_range_of(everything, criterion.shown(criterion.least))
    panels[0].set(xlim=(0, last_step or 1), ylim=style.with_margin(metric_range))
    style.mark_steps(panels[0], 3, last_step)
    figure.supxlabel("training step", **style.LABEL)
    figure.supylabel(metric_name, **style.LABEL)
    style.legend_of_success(figure, criterion)
    return figure


def _draw_curves(axes: Axes, scale: float, steps: FloatArray, values: FloatArray, successful: Bools) -> None:
    opacity = min(0.9, max(0.35, 10 / max(len(values), 1)))
    drawable = ~np.isnan(values).all(axis=1)
    for group, colour in ((~successful, style.FAILURE), (successful, style.SUCCESS)):
        ending = group & drawable
        lines = [np.column_stack([steps, curve])[~np.isnan(curve)] for curve in values[ending]]
        drawn = LineCollection(lines, colors=colour, linewidths=0.7, alpha=opacity)
        axes.add_collection(drawn)
        drawn.set_rasterized(len(values) > style.CROWD)
        style.mark_seeds(drawn, scale, np.flatnonzero(ending))
