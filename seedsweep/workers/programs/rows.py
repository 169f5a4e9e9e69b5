"""From what a program writes to rows: which column counts the steps, which name a split, which are metrics."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from seedsweep.errors import listed
from seedsweep.population import ALL_ROWS

STEPS = ("step", "global_step", "_step", "iteration", "iter", "epoch")
"""Columns that count steps, the first that is there."""
EXAMPLES = "examples_seen"
SPLIT = "split"
CLOCKS = re.compile(
    r"(^|[_./-])(time|times|timestamp|walltime|wall_time|runtime|elapsed|duration|seconds|secs|eta|fps|per_second)$"
)
"""Names of metrics that say how fast the machine was, or when: no two runs agree in them."""


class Row(NamedTuple):
    """One value of one metric."""

    step: int
    examples: int
    split: str
    metric: str
    value: float
    """NaN if it was not finite: the seed has diverged."""


class MetricsError(ValueError):
    """What a program has written cannot be used; the message names file and line."""


class Columns:
    """Reads records, which are mappings of names to values, of one file.

    Parameters
    ----------
    step : str or None
        The column that counts steps; None: one of `STEPS`.
    last_step : int or None
        Step of records that have none, such as a file of final results.
    prefixes : sequence of str
        Beginnings of names that say a split: `eval_` as Hugging Face writes it.
    split : str
        Of metrics whose name and record say none.
    """

    def __init__(
        self,
        step: str | None,
        last_step: int | None,
        *,
        prefixes: Sequence[str] = (),
        split: str = ALL_ROWS,
    ) -> None:
        self._step = step
        self._last_step = last_step
        self._prefixes = tuple(prefixes)
        self._split = split
        self._metrics: set[str] = set()

    def rows(self, record: Mapping[str, Any], where: str) -> list[Row]:
        """The rows of one record. Raises MetricsError, which begins with `where`, if it cannot be used."""
        flat = dict(_flat(record))
        step = self._step_of(flat, where)
        split = str(flat.get(SPLIT) or self._split)
        seen = flat.get(EXAMPLES)
        examples = step if seen is None else _whole(seen, EXAMPLES, where)
        left_out = {SPLIT, EXAMPLES, *STEPS, self._step}
        rows: list[Row] = []
        words: dict[str, str] = {}
        for name, given in flat.items():
            if not name or name in left_out or given is None or given == "":  # pandas' index has no name
                continue
            value = _number(given)
            if value is not None:
                self._metrics.add(name)
                of_split, metric = self._named(name, split)
                rows.append(Row(step, examples, of_split, metric, value if math.isfinite(value) else math.nan))
            elif name in self._metrics:
                raise MetricsError(f"{where}: {name} is {given!r}, not a number")
            elif isinstance(given, str):
                words[name] = given
        if words and not rows:
            name, text = next(iter(words.items()))
            raise MetricsError(f"{where}: {name} is {text!r}, not a number")
        return rows

    def _step_of(self, record: Mapping[str, Any], where: str) -> int:
        if self._step is None:
            self._step = next((name for name in STEPS if record.get(name) is not None), None)
        given = record.get(self._step) if self._step is not None else None
        if given is not None and given != "":
            return _whole(given, str(self._step), where)
        if self._last_step is not None:
            return self._last_step
        wanted = f"no column {self._step!r}" if self._step else "no column counts the steps"
        raise MetricsError(
            f"{where}: {wanted}; it has {listed(record)}; name the one that does in program.metrics: "
            "{file: …, step: …}, or write one number per file and give program.steps"
        )

    def _named(self, name: str, split: str) -> tuple[str, str]:
        """Split and metric that a name means."""
        first, slash, rest = name.partition("/")
        if slash and first and rest:
            return first, rest
        for prefix in self._prefixes:
            if name.startswith(prefix) and name != prefix:
                return prefix.rstrip("_"), name.removeprefix(prefix)
        return split, name


def is_clock(metric: str) -> bool:
    """Whether a metric tells the time rather than what was learned."""
    return CLOCKS.search(metric) is not None


def _flat(record: Mapping[str, Any], above: str = "") -> Iterable[tuple[str, Any]]:
    """Nested mappings by the names on the way, with slashes: `{"test": {"loss": 1}}` has `test/loss`."""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}/")
        else:
            yield f"{above}{name}", value


def _number(given: Any) -> float | None:
    if not isinstance(given, bool | int | float | str):
        return None
    try:
        return float(given)
    except (ValueError, OverflowError):
        return None


def _whole(given: Any, name: str, where: str) -> int:
    value = _number(given)
    if value is None or not value.is_integer() or value < 0:
        raise MetricsError(f"{where}: {name} is {given!r}, not a whole number of 0 or more")
    return int(value)
