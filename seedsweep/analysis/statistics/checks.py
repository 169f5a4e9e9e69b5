"""What the options of a statistic may be; the messages say what would be right."""

from __future__ import annotations

import math


def require_share(**options: float) -> None:
    """Raises ValueError on one that is not between 0 and 1, such as a confidence or the level of a test."""
    for name, value in options.items():
        if not 0 < value < 1:  # also catches nan
            raise ValueError(f"{name} is between 0 and 1, not {value}")


def require_positive(**options: float) -> None:
    """Raises ValueError on one that is not, such as a number of resamples."""
    for name, value in options.items():
        if not value > 0:
            raise ValueError(f"{name} is a positive number, not {value}")


def require_threshold(threshold: float) -> None:
    """Raises ValueError on a threshold of success that is not finite."""
    if not math.isfinite(threshold):
        raise ValueError(f"the success threshold is a finite number, not {threshold}")


def require_lattice(lattice: float | None) -> None:
    """Raises ValueError on a step between two possible values of a metric that is none."""
    if lattice is not None and not (lattice > 0 and math.isfinite(lattice)):
        raise ValueError(f"lattice is the step between two possible values, a positive number, not {lattice}")


def require_bounds(bounds: tuple[float, float]) -> None:
    """Raises ValueError on a range of a metric that holds nothing."""
    low, high = bounds
    if not low < high:
        raise ValueError(f"bounds are a lower and a higher end, not {bounds}")
