"""The repetitions of every population, in one process or several."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TypeAlias

from benchmarks.calibration.cases import Case
from benchmarks.calibration.direct import ask
from benchmarks.calibration.everything import CASES
from benchmarks.calibration.tally import Tally
from benchmarks.calibration.whole import examine

Part: TypeAlias = tuple[str, int, range, int]
"""Name of a case, seed, repetitions, and how many of all repetitions are studied whole."""


def repeat(case: Case, seed: int, repetitions: Sequence[int], whole: int) -> Tally:
    """Some repetitions of a case, of which those below `whole` are studied whole."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        for repetition in repetitions:
            population = case.population(seed, repetition, Path(folder))
            one = Tally()
            found = ask(case, population, one)
            if repetition < whole * case.whole:
                examine(case, population, one, found)
            tally.add(one)
    return tally


def _part(arguments: Part) -> tuple[str, Tally]:
    name, seed, repetitions, whole = arguments
    return name, repeat(CASES[name], seed, repetitions, whole)


def measure(
    cases: Sequence[Case], *, repetitions: int, whole: int, seed: int, processes: int
) -> Iterator[tuple[str, Tally]]:
    """Every case as soon as it is done, in the given order, on which its numbers do not depend."""
    size = 10
    starts = range(0, repetitions, size)
    parts = [
        (case.name, seed, range(first, min(first + size, repetitions)), whole)
        for case in cases
        for first in starts
    ]
    tally = Tally()
    for done, (name, part) in enumerate(_map(parts, processes), 1):
        tally.add(part)
        print(f"\r{done} of {len(parts)} parts, {name:40}", end="", file=sys.stderr, flush=True)
        if done % len(starts) == 0:
            yield name, tally
            tally = Tally()
    print(file=sys.stderr)


def _map(parts: Sequence[Part], processes: int) -> Iterator[tuple[str, Tally]]:
    """In the order of the parts, so that sums of numbers are the same in all digits."""
    if processes == 1:
        yield from map(_part, parts)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_part, parts)
