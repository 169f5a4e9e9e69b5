"""How numbers stand in a sentence or a table: shares, intervals, p-values, scales."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from seedsweep.analysis.statistics.modality import PVALUE_FLOOR
from seedsweep.analysis.statistics.results import Interval
from seedsweep.analysis.statistics.success import SuccessRate
from seedsweep.criterion import Criterion


def number(value: float) -> str:
    """
    >>> number(0.5), number(12.3456), number(12800.0), number(float("nan"))
    ('0.5', '12.3', '12800', '–')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    whole = value == round(value) and abs(value) < 1e6
    return minus(f"{value:.0f}" if whole else f"{value:.3g}")


def minus(number: str) -> str:
    """A minus sign in front of a number; the one of an exponent stays.

    >>> minus("-1.5e-5")
    '−1.5e-5'
    """
    return re.sub(r"(?<!e)-", "−", number)


def percent(share: float) -> str:
    """
    >>> percent(0.5), percent(0.004), percent(0.9999), percent(float("nan"))
    ('50 %', '0.4 %', '99.99 %', '–')
    """
    if math.isnan(share):
        return "–"
    if 0 < share < 0.01 or 0.99 < share < 1:
        return f"{100 * share:.2g} %" if share < 0.5 else f"{100 - float(f'{100 * (1 - share):.1g}'):g} %"
    return f"{100 * share:.0f} %"


def percent_interval(low: float, high: float) -> str:
    """
    >>> percent_interval(0.3644, 0.6356)
    '36–64 %'
    """
    return "–" if math.isnan(low) else f"{100 * low:.0f}–{100 * high:.0f} %"


def with_interval(result: Interval | None) -> str:
    """
    >>> with_interval(Interval(0.432, 0.33, 0.53, 48, 1000, 0.95))
    '0.432 (0.33 to 0.53)'
    """
    if result is None or math.isnan(result.estimate):
        return "–"
    if math.isnan(result.low):
        return number(result.estimate)
    return f"{number(result.estimate)} ({number(result.low)} to {number(result.high)})"


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
    if math.isnan(p):
        return "no test"
    floor = tests * PVALUE_FLOOR
    words = f"p < {floor:.0e}" if p < floor else f"p = {p:.2g}"
    return words.replace("e-0", "e-")


def scale(value: float) -> str:
    """A scale in figures, tables and sentences: short enough for eight on an axis.

    Its exact text, for file names and keys, is `seedsweep.measures.scale_text`.

    >>> scale(0.025), scale(512.0), scale(220_000.0), scale(12_800_000.0), scale(1.5e9)
    ('0.025', '512', '220k', '12.8M', '1.5B')
    """
    if abs(value) < 1e5:
        return f"{value:g}"
    for unit, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(float(f"{value:.3g}")) >= unit:
            return f"{float(f'{value:.3g}') / unit:g}{letter}"
    return f"{value:g}"


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


def listed(words: Sequence[str]) -> str:
    """
    >>> listed(["1"]), listed(["1", "2", "3"])
    ('1', '1, 2 and 3')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def seeds(count: int) -> str:
    """
    >>> seeds(1), seeds(2)
    ('1 seed', '2 seeds')
    """
    return f"{count} seed" if count == 1 else f"{count} seeds"
