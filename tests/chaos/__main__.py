"""Kill until so many kills are done, then say what they have cost; exit status 1 if they have cost anything."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from seedsweep.errors import listed
from tests.chaos import inline, onray
from tests.chaos.sweeps import KINDS
from tests.chaos.toll import Toll

MOST = 10
"""Kills of one inline sweep."""
MOST_ON_RAY = 25
"""The same on Ray, where coming up takes longer than training."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--ray", type=int, help="as many of them on Ray; by default half")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    on_ray = given.kills // 2 if given.ray is None else given.ray
    toll = Toll()
    with tempfile.TemporaryDirectory(prefix="seedsweep-chaos-", ignore_cleanup_errors=True) as place:
        with suppress(KeyboardInterrupt):  # what has been done until then is told all the same
            kill_inline(Path(place), given.seed, given.kills - on_ray, toll)
            kill_on_ray(Path(place), given.seed, on_ray, toll)
        print(toll, flush=True)
        print(toll.to_json(), flush=True)
    return 1 if toll.harm else 0


def kill_inline(place: Path, seed: int, kills: int, toll: Toll) -> None:
    """Sweep after sweep, of every kind in turn, until there were so many kills."""
    kinds = [inline.Kind(kind, place / kind) for kind in KINDS]
    number = 0
    before, began = toll.total, time.monotonic()
    while toll.total - before < kills:
        chance = random.Random(f"{seed} {number}")
        kind = kinds[number % len(kinds)]
        inline.sweep(kind, f"sweep-{number}", chance, toll, min(MOST, kills - (toll.total - before)))
        number += 1
        _tell(began, toll)


def kill_on_ray(place: Path, seed: int, kills: int, toll: Toll) -> None:
    """The same on Ray."""
    before, began, number = toll.total, time.monotonic(), 0
    kinds = [inline.Kind(kind, place / f"ray-{kind}", onray.SEEDS[kind]) for kind in KINDS if kills > 0]
    while toll.total - before < kills:
        kind = kinds[number % len(kinds)]
        chance, left = random.Random(f"{seed} ray {number}"), kills - (toll.total - before)
        onray.sweep(kind, f"sweep-{number}", chance, toll, min(MOST_ON_RAY, left))
        number += 1
        _tell(began, toll)


def _tell(began: float, toll: Toll) -> None:
    seconds = time.monotonic() - began
    print(f"{seconds:.0f} s: {toll.total} kills, harm: {listed(toll.harm)}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
