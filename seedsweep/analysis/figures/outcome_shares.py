"""Who has it when: the shares of seeds that never had a capability yet, have it, have lost it, have it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from seedsweep.analysis.figures import style
from seedsweep.analysis.figures.shown import Figure
from seedsweep.analysis.statistics import text
from seedsweep.analysis.statistics.outcomes import OutcomeShares

COLOURS: Final = {
    "there": style.SUCCESS,
    "back": style.BACK,
    "gone": style.FAILURE,
    "never": style.NEVER,
}
"""From the bottom of the stack to its top."""

NAMES: Final = {"there": "have it", "back": "have it again", "gone": "have lost it", "never": "never yet"}


def outcome_shares(shares: Mapping[float, OutcomeShares], *, scale_name: str) -> Figure:
    """Stacked shares of the seeds in every state over training, one panel per scale.

    Lines are pointwise limits of the highest area, the seeds that never had it yet (dotted), and of the lowest,
    those that have it for the first time (dashed).

    Parameters
    ----------
    shares : mapping from scale to OutcomeShares
    scale_name : str
        As it shall stand in the title of each panel.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no scale.

    Examples
    --------
    >>> from seedsweep.analysis import outcome_shares as shares_of
    >>> shares = shares_of([0, 10, 20], [[0, 1, 2], [0, 0, 1]])
    >>> outcome_shares({2: shares}, scale_name="depth").axes[0].get_title()
    'depth 2'
    """
    if not shares:
        raise ValueError("this figure needs at least one scale")
    figure, panels = style.panels(len(shares), height=1.7)
    for panel, scale in zip(panels, sorted(shares), strict=True):
        _draw(panel, shares[scale])
        style.draw_title(panel, f"{scale_name} {text.scale(scale)}", text.seeds(shares[scale].n))
        style.plain(panel)
    last = max(float(found.steps[-1]) for found in shares.values())
    panels[0].set(xlim=(0, last or 1), ylim=(0, 1))
    panels[0].yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    style.mark_steps(panels[0], 3, last)
    figure.supxlabel("training step", **style.LABEL)
    figure.supylabel("seeds", **style.LABEL)
    handles = [Patch(color=COLOURS[state], label=NAMES[state]) for state in COLOURS]
    figure.legend(handles=handles, **style.LEGEND, loc="outside upper center", ncols=4)
    return figure


def _draw(panel: Axes, found: OutcomeShares) -> None:
    layers = [getattr(found, state) for state in COLOURS]
    panel.stackplot(found.steps, *layers, colors=list(COLOURS.values()), step="post", linewidth=0)
    for limits in (found.low, found.high):
        never, there = limits[:2]
        for edge, colour, dashes in ((1 - never, style.INK, "dotted"), (there, "white", "dashed")):
            panel.plot(found.steps, edge, linestyle=dashes, color=colour, linewidth=0.8, drawstyle="steps-post")
