"""The criterion of success: which metric decides, on which split, from which value on, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Criterion:
    """What counts as success.

    Statistics take values of which higher is better. A loss is turned by `oriented` before it is given to them,
    and what they say in its unit is turned back by `shown`.
    """

    metric: str
    split: str
    threshold: float | None
    """In the unit of the metric; None where nobody has said: the analysis then chooses one, and says so."""
    higher_is_better: bool = True
    """Whether a success is at least the threshold; else it is at most that."""

    def oriented(self, values: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The values, of any shape, with the sign with which higher is better."""
        turned: npt.NDArray[np.float64] = np.multiply(self._sign, values, dtype=np.float64)
        return turned

    def shown(self, value: float) -> float:
        """A number in the unit of `oriented` values, in the unit of the metric."""
        return self._sign * value

    @property
    def least(self) -> float:
        """The smallest of `oriented` values that is a success. Raises ValueError where there is no threshold."""
        if self.threshold is None:
            raise ValueError(f"no threshold of success is known for {self.metric}")
        return self._sign * self.threshold

    @property
    def _sign(self) -> float:
        return 1.0 if self.higher_is_better else -1.0
