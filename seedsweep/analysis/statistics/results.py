"""What all results have in common: they are frozen dataclasses, and each can be written as strict JSON."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import numpy as np


class Result:
    """The base of the result dataclasses."""

    def to_dict(self) -> dict[str, Any]:
        """Nested dicts and lists ready for ``json.dumps(..., allow_nan=False)``: what is not finite is None."""
        fields: dict[str, Any] = jsonable(self)
        return fields


def jsonable(value: Any) -> Any:
    """A result, dict, sequence, array or number as strict JSON takes it: what is not finite is None.

    >>> jsonable({"low": float("nan"), "steps": np.array([1, 2])})
    {'low': None, 'steps': [1, 2]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {name: jsonable(item) for name, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@dataclass(frozen=True)
class Interval(Result):
    """An estimate with a confidence interval; `float(result)` is the estimate.

    Attributes
    ----------
    estimate, low, high : float
        In the unit of the statistic; `low` and `high` are `nan` where there is nothing to resample.
    n : int
        Observations in the (first) sample.
    resamples : int
        Resamples on which the statistic was defined and from which the interval comes.
    confidence : float
        Between 0 and 1.
    """

    estimate: float
    low: float
    high: float
    n: int
    resamples: int
    confidence: float

    def __float__(self) -> float:
        return self.estimate
