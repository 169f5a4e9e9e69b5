"""All populations by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from benchmarks.calibration.cases import Case
from benchmarks.calibration.curves import CURVES
from benchmarks.calibration.groups import GROUPS
from benchmarks.calibration.inside import SEEN
from benchmarks.calibration.ladders import LADDERS
from benchmarks.calibration.nulls import NULLS
from benchmarks.calibration.transients import TRANSIENTS

CASES: Final[Mapping[str, Case]] = {
    case.name: case for case in (*NULLS, *GROUPS, *LADDERS, *CURVES, *SEEN, *TRANSIENTS)
}


def named(patterns: Sequence[str]) -> list[Case]:
    """Those whose names begin like one of the patterns; `*` stands for anything. All without patterns."""
    chosen = [
        case
        for name, case in CASES.items()
        if not patterns or any(fnmatchcase(name, f"{pattern}*") for pattern in patterns)
    ]
    if not chosen:
        raise SystemExit(f"no population is named {' or '.join(patterns)}; there are {', '.join(CASES)}")
    return chosen
