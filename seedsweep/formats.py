"""How numbers are written, wherever a person reads them: page, terminal, notes, figures.

    measured     three digits: 0.379, 12.3, 1.5e-5; whole numbers in full, from 10,000 on with commas
    given        as it was given, such as a threshold: 2.555
    share        42 %
    interval     in brackets after its estimate: 0.379 (0.293–0.464), 42 % (31–54 %), −0.2 (−0.3 to 0.1)
    p-value      p = 0.012, p < 4e-5
    scale, step  in full below 100,000, then 250k, 12.8M, 1.5B
    duration     42 s, 3 min 05 s, 2 h 10 min

A test holds that nothing else in the package formats a number for a reader.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence


def number(value: float) -> str:
    """A measured number, to three digits.

    >>> number(0.5), number(12.3456), number(12800.0), number(2.5e7), number(1.5e-5), number(float("nan"))
    ('0.5', '12.3', '12,800', '2.5e7', '1.5e-5', '–')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == round(value) and abs(value) < 1e6:
        return minus(count(round(value)))
    return minus(_exponent(f"{value:.3g}"))


def given(value: float) -> str:
    """A number that somebody gave, such as a threshold.

    >>> given(0.5), given(2.555), given(-3.0), given(1e-7)
    ('0.5', '2.555', '−3', '1e-7')
    """
    return minus(_exponent(f"{value:.6g}"))


def short(value: float) -> str:
    """A measured number for the columns of a terminal: two decimals where that says something.

    >>> short(0.379), short(12.0), short(1234.5), short(0.00012)
    ('0.38', '12.00', '1200', '0.00012')
    """
    if math.isnan(value) or math.isinf(value):
        return number(value)
    if value == 0 or 0.01 <= abs(value) < 100:
        return minus(f"{value:.2f}")
    return number(float(f"{value:.2g}"))


def short_interval(low: float, high: float) -> str:
    """An interval for the columns of a terminal, without the zeros in front where it lies within 0 and 1.

    >>> short_interval(0.294, 1.0), short_interval(1.5, 2.25), short_interval(-0.2, 0.1)
    ('.29–1.0', '1.50–2.25', '−0.20 to 0.10')
    """
    if low >= 0 and (high == 0 or 0.01 <= high < 1.005):
        return "–".join(f"{end:.2f}".removeprefix("0") if end < 0.995 else f"{end:.1f}" for end in (low, high))
    return interval(low, high, short)


def minus(number: str) -> str:
    """A minus sign in front of a number; the one of an exponent stays.

    >>> minus("-1.5e-5")
    '−1.5e-5'
    """
    return re.sub(r"(?<!e)-", "−", number)


def _exponent(number: str) -> str:
    """Without the plus and the zeros that Python puts there."""
    return re.sub(r"e\+?(-?)0*", r"e\1", number)


def percent(share: float) -> str:
    """A share of one.

    >>> percent(0.5), percent(0.004), percent(0.9999), percent(float("nan"))
    ('50 %', '0.4 %', '99.99 %', '–')
    """
    if math.isnan(share):
        return "–"
    if 0 < share < 0.01 or 0.99 < share < 1:
        return f"{100 * share:.2g} %" if share < 0.5 else f"{100 - float(f'{100 * (1 - share):.1g}'):g} %"
    return f"{100 * share:.0f} %"


def percent_interval(low: float, high: float) -> str:
    """An interval of a share.

    >>> percent_interval(0.3644, 0.6356)
    '36–64 %'
    """
    return "–" if math.isnan(low) else f"{100 * low:.0f}–{100 * high:.0f} %"


def interval(low: float, high: float, written: Callable[[float], str] = number) -> str:
    """Two ends; with a dash, unless one of them is negative or has an exponent.

    >>> interval(0.33, 0.53), interval(-0.1, 0.2), interval(1e-7, 0.1), interval(3, float("inf"))
    ('0.33–0.53', '−0.1 to 0.2', '1e-7 to 0.1', '3–∞')
    """
    if math.isnan(low) and math.isnan(high):
        return "–"
    ends = written(low), written(high)
    return (" to " if any("−" in end or "e" in end for end in ends) else "–").join(ends)


def pvalue(p: float, floor: float = 0.0) -> str:
    """A p-value, of which nothing is known below a floor.

    >>> pvalue(0.0123), pvalue(0.0, 4e-5), pvalue(float("nan"))
    ('p = 0.012', 'p < 4e-5', 'no test')
    """
    if math.isnan(p):
        return "no test"
    return f"p < {_exponent(f'{floor:.0e}')}" if p < floor else f"p = {_exponent(f'{p:.2g}')}"


def scale(value: float) -> str:
    """A scale or a step in figures, tables and sentences: short enough for eight on an axis.

    Its exact text, for file names and keys, is `seedsweep.measures.scale_text`.

    >>> scale(0.025), scale(512.0), scale(220_000.0), scale(12_800_000.0), scale(1.5e9)
    ('0.025', '512', '220k', '12.8M', '1.5B')
    """
    if abs(value) < 1e5:
        return given(value)
    for unit, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(float(f"{value:.3g}")) >= unit:
            return minus(f"{float(f'{value:.3g}') / unit:g}{letter}")
    return given(value)


def count(things: int) -> str:
    """How many.

    >>> count(256), count(12800)
    ('256', '12,800')
    """
    return str(things) if abs(things) < 10_000 else f"{things:,}"


def seeds(things: int) -> str:
    """
    >>> seeds(1), seeds(2)
    ('1 seed', '2 seeds')
    """
    return f"{count(things)} seed" if things == 1 else f"{count(things)} seeds"


def listed(words: Sequence[str]) -> str:
    """
    >>> listed(["1"]), listed(["1", "2", "3"])
    ('1', '1, 2 and 3')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def shortened(name: str, most: int = 36) -> str:
    """A name where there is little room, such as an axis; its ends tell more than its middle.

    >>> shortened("depth"), shortened("number_of_parameters_without_embeddings", 20)
    ('depth', 'number_of…embeddings')
    """
    if len(name) <= most:
        return name
    last = most // 2
    return f"{name[: most - 1 - last]}…{name[-last:]}"


def quantity(number: float | None, unit: str) -> str:
    """With an SI prefix; a dash for what is not known.

    >>> quantity(12_800_000, "").strip(), quantity(2.6e16, "FLOP"), quantity(None, "B")
    ('12.8 M', '26 PFLOP', '–')
    """
    if number is None:
        return "–"
    for factor, prefix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            return f"{number / factor:.3g} {prefix}{unit}"
    return f"{number:.0f} {unit}".strip()


def duration(seconds: float | None) -> str:
    """How long.

    >>> duration(42.0), duration(185.0), duration(7800.0), duration(8.6e8), duration(None)
    ('42 s', '3 min 05 s', '2 h 10 min', '27.3 years', '–')
    """
    if seconds is None:
        return "–"
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    days = hours / 24
    return f"{days:.3g} days" if days < 730 else f"{days / 365.25:.3g} years"


def duration_range(low: float, high: float) -> str:
    """How long, when that is known roughly: outwards to full units.

    >>> duration_range(250, 350), duration_range(250, 299), duration_range(31, 58), duration_range(3, 12)
    ('4–6 min', '5 min', '30–60 s', 'under 20 s')
    >>> duration_range(4000, 12000), duration_range(200_000, 300_000)
    ('1.1–3.4 h', '2.3–3.5 days')
    """
    if high < 120:
        step, of, unit = 10.0, 1.0, "s"
    elif high < 90 * 60:
        step, of, unit = 60.0, 60.0, "min"
    elif high < 48 * 3600:
        step, of, unit = 360.0, 3600.0, "h"
    else:
        step, of, unit = 8640.0, 86400.0, "days"
    first, last = math.floor(low / step), math.ceil(high / step)
    if first == 0:
        return f"under {last * step / of:.3g} {unit}"
    ends = (last,) if last - first < 2 and first > 2 else (first, last)
    return "–".join(f"{end * step / of:.3g}" for end in ends) + f" {unit}"
