"""A figure that notebooks show."""

from __future__ import annotations

import io
from typing import Final

import matplotlib.figure

DOTS: Final = 200  # per inch; shown at half of it, since most screens have two to a point


class Figure(matplotlib.figure.Figure):
    """A matplotlib Figure that a notebook shows without `%matplotlib inline`, for which pyplot would be needed.

    Where that was said, its settings hold.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, float]]:
        written = io.BytesIO()
        self.savefig(written, format="png", dpi=DOTS)
        width, height = self.get_size_inches() * DOTS / 2
        return written.getvalue(), {"width": round(width), "height": round(height)}
