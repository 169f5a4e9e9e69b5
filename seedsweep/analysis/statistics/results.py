"""What all results have in common: they are frozen dataclasses, and each can be written as strict JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, Final

import numpy as np

from seedsweep import formats

LONGEST: Final = 200
"""Characters of a result at a prompt."""


class Result:
    """The base of the result dataclasses."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # A dataclass keeps a `__repr__` that its class has itself, and writes over one that is inherited.
        if "__repr__" not in vars(cls):
            cls.__repr__ = cls.__repr__  # type: ignore[method-assign]

    def __repr__(self) -> str:
        """Like a dataclass's, with numbers in short, and of what holds many values how many."""
        shown = [known for known in fields(self) if known.repr]  # type: ignore[arg-type]
        told = ", ".join(f"{known.name}={_in_short(getattr(self, known.name))}" for known in shown)
        name = type(self).__name__
        return f"{name}({told if len(told) <= LONGEST else told[: LONGEST - 1] + '…'})"

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


def _in_short(value: Any) -> str:
    if isinstance(value, (float, np.floating)):
        return formats.given(float(value))
    if isinstance(value, str):
        return repr(formats.shortened(value))
    if value is None or isinstance(value, (bool, int, np.integer)):
        return str(value)
    if hasattr(value, "low") and hasattr(value, "__float__"):
        return f"{formats.given(float(value))} ({formats.interval(value.low, value.high)})"
    if isinstance(value, np.ndarray):
        return f"<{' × '.join(map(str, value.shape))} values>"
    if isinstance(value, (Mapping, tuple, list)):
        return f"<{len(value)}>"
    return f"<{type(value).__name__}>"


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
