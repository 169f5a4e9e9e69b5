"""What has figures: those of the report, drawn when `.plot()` is called.

A population, and what is computed of it, lie below the room that draws them (`analysis/figures`), and load neither
it nor matplotlib. So that room is looked up by its name when a figure is asked for, here and nowhere else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DRAWN_BY: Final = "seedsweep.analysis.figures.plots"


class Plotted:
    """The base of what has figures."""

    __slots__ = ()

    def plot(self, name: str | None = None, *, categories: bool = False) -> Figure:
        """Draw one of its figures, as the report does; a notebook shows it.

        Parameters
        ----------
        name : str, optional
            Which one; by default the first. An unknown name is answered by the list.
        categories : bool
            Draw the scales at equal distances; else they stand where their numbers are.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            If there is no figure of that name, or nothing to draw.
        """
        figure: Figure = import_module(DRAWN_BY).plot(self, name, categories=categories)
        return figure
