"""How often a study with few seeds would claim emergence."""

from __future__ import annotations

from collections.abc import Sequence

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.axis import ScaleAxis
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.emergence import EmergenceClaims


def claims(by_seeds: Sequence[EmergenceClaims]) -> Figure:
    """Probability of claiming emergence, against the number of seeds per scale, and what such studies see.

    On the left the probability with its 95 % interval. On the right the breakthroughness of the drawn curves:
    median, quartiles (thick) and the .05 to .95 quantiles (thin), with the threshold of the claim; an arrow
    at the top is a quantile that is infinite or beyond the axis.

    Parameters
    ----------
    by_seeds : sequence of EmergenceClaims
        Results of `seedsweep.analysis.emergence_claims` for the same population and rule, and increasing numbers
        of seeds.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no result, or the numbers of seeds do not increase.

    Notes
    -----
    The paper shows single-seed curves (its Fig. 1 and 10); this is how likely they are.

    Examples
    --------
    >>> from seedsweep.analysis import emergence_claims
    >>> values = {1: [0.0, 0.1], 2: [0.0, 0.5], 3: [0.1, 0.6], 4: [0.7, 0.9]}
    >>> figure = claims([emergence_claims(values, seeds=k, resamples=50) for k in (1, 2, 4)])
    >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
    ['1', '2', '4']
    """
    seeds = [result.seeds for result in by_seeds]
    if not seeds or sorted(set(seeds)) != seeds:
        raise ValueError(f"claims are drawn for increasing numbers of seeds, not {seeds}")
    figure = Figure(figsize=(style.WIDTH, 2.7), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True)
    axis = ScaleAxis.of(seeds)
    style.draw_intervals(left, axis.at, [result.probability for result in by_seeds], style.SUCCESS, "o")
    left.set_ylim(style.with_margin((0.0, 1.0)))
    left.set_title("P(claim of emergence)", loc="left", **style.LABEL)

    threshold = by_seeds[0].threshold
    top = 2.0 * threshold if threshold > 0 else 1.0
    bottom = 0.0
    for place, result in zip(axis.at, by_seeds, strict=True):
        at = result.breakthroughness.quantiles
        bottom = min([bottom, *(q for q in at.values() if q >= -top)])
        right.vlines(place, max(at[0.05], -top), min(at[0.95], top), color=style.INK, linewidth=1.0)
        right.vlines(place, max(at[0.25], -top), min(at[0.75], top), color=style.INK, linewidth=4.0)
        right.plot(place, min(at[0.5], top), "o", color=style.INK, mfc="white", markersize=5)
        if at[0.95] > top:
            right.plot(place, top, "^", color=style.INK, markersize=5, clip_on=False)
    right.axhline(threshold, color=style.SUCCESS, linewidth=1.0, linestyle="dashed")
    right.annotate(
        f"claimed above {text.given(threshold)}", (1.0, threshold), (0, 2), ("axes fraction", "data"),
        "offset points", ha="right", va="bottom", fontsize=style.SMALL, color=style.INK,
    )  # fmt: skip
    right.set_ylim(bottom - 0.05 * top, top)
    right.set_title("breakthroughness of the curves", loc="left", **style.LABEL)
    for axes in (left, right):
        axis.draw(axes, "seeds per scale whose mean is reported")
        style.plain(axes)
    return figure
