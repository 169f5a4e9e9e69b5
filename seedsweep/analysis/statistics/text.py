"""How results stand in a sentence or a table; the numbers in them are written by `seedsweep.formats`."""

from __future__ import annotations

import math

from seedsweep import formats
from seedsweep.analysis.statistics.modality import PVALUE_FLOOR
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.success import SuccessRate
from seedsweep.criterion import Criterion
from seedsweep.formats import count as count
from seedsweep.formats import given as given
from seedsweep.formats import interval as interval
from seedsweep.formats import listed as listed
from seedsweep.formats import number as number
from seedsweep.formats import percent as percent
from seedsweep.formats import percent_interval as percent_interval
from seedsweep.formats import scale as scale
from seedsweep.formats import seeds as seeds


def with_interval(result: Interval | None) -> str:
    """
    >>> with_interval(Interval(0.432, 0.33, 0.53, 48, 1000, 0.95))
    '0.432 (0.33–0.53)'
    """
    if result is None or math.isnan(result.estimate):
        return "–"
    if math.isnan(result.low):
        return number(result.estimate)
    return f"{number(result.estimate)} ({interval(result.low, result.high)})"


def share(result: SuccessRate | Interval) -> str:
    """
    >>> from seedsweep.analysis import success_rate
    >>> share(success_rate([0, 1], 1))
    '50 % (9–91 %)'
    """
    return f"{percent(float(result))} ({percent_interval(result.low, result.high)})"


def out_of(rate: SuccessRate) -> str:
    """
    >>> from seedsweep.analysis import success_rate
    >>> out_of(success_rate([0, 1], 1))
    '1 of 2 (50 %, 9–91 %)'
    """
    return f"{rate.successes} of {rate.n} ({percent(rate.rate)}, {percent_interval(rate.low, rate.high)})"


def pvalue(p: float, tests: float = 1) -> str:
    """A p-value corrected for `tests` tests, for which the floor of the dip test's table is that much higher.

    >>> pvalue(0.0123), pvalue(0.0, tests=4), pvalue(float("nan"))
    ('p = 0.012', 'p < 4e-5', 'no test')
    """
    return formats.pvalue(p, tests * PVALUE_FLOOR)


def side(criterion: Criterion) -> str:
    """On which side of its threshold a success is.

    >>> side(Criterion("loss", "test", 1.5, higher_is_better=False))
    '≤'
    """
    return "≥" if criterion.higher_is_better else "≤"


def field(name: str) -> str:
    """The last part of a dotted name.

    >>> field("model.depth"), field("params")
    ('depth', 'params')
    """
    return name.rpartition(".")[2]
