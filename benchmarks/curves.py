"""How seeds per hour change with the size of a pack, width, depth, context and the number of workers.

    python -m benchmarks.curves

One of them at a time, the others as in pocket/count-depth at depth 2: width 32, context 64, packs of 8, one
worker. Variants and rounds are those of `benchmarks.seeds_per_hour`.

Recorded: benchmarks/results/curves.*; drawn by `python docs/draw.py`.
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
from dataclasses import asdict, dataclass

from benchmarks import recording
from benchmarks.variants import Cells, Running, Variant
from seedsweep.sweep.specfile import read_spec

PRESET, DEPTH, PACK = "pocket/count-depth", 2, 8
CURVES: dict[str, tuple[int, ...]] = {
    "pack": (1, 2, 4, 8, 16, 32),
    "width": (16, 32, 64, 128, 256),
    "depth": (1, 2, 4, 8),
    "context": (32, 64, 128, 256),
    "workers": (1, 2),
}
HEAD = 16
"""Dimensions of a head, as in the preset."""
HEADER = f"{'curve':<8} {'value':>6} {'variant':<12} {'ms per seed-step':>16} {'seeds/hour':>10}"


@dataclass(frozen=True)
class Point:
    """One variant where one of the factors has this value."""

    curve: str
    value: int
    variant: str
    ms_per_seed_step: float
    seeds_per_hour: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--curves", nargs="+", choices=CURVES, default=list(CURVES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=10, help="of every variant in a round")
    parser.add_argument("--name", help="keep the results under benchmarks/results/NAME.*")
    arguments = parser.parse_args()
    print(HEADER, flush=True)
    points = []
    for curve in arguments.curves:
        for value in CURVES[curve]:
            for point in measured(curve, value, arguments):
                points.append(point)
                print(line(point), flush=True)
    if arguments.name:
        command = "python -m benchmarks.curves " + shlex.join(sys.argv[1:])
        table = "\n".join([HEADER, *map(line, points)])
        recording.write(arguments.name, command, [asdict(point) for point in points], table)


def measured(curve: str, value: int, arguments: argparse.Namespace) -> list[Point]:
    """A plain loop, a pack and a compiled pack."""
    depth = value if curve == "depth" else DEPTH
    seeds = value if curve == "pack" else PACK
    workers = value if curve == "workers" else 1
    changes = [f"scale.values=[{depth}]"]
    if curve == "width":
        changes.append(f"model.heads={value // HEAD}")
    if curve == "context":
        changes.append(f"task.context={value}")
    # A worker has a core of its own.
    cores = tuple(sorted(os.sched_getaffinity(0))[-workers:])
    cells = Cells(PRESET, tuple(changes), depth, "cpu", cores, arguments.steps)
    variants = [Variant("plain", processes=workers)] if curve != "pack" else []
    variants += [Variant(kind, seeds, workers) for kind in ("pack", "compiled")]
    steps = read_spec(PRESET, overrides=changes).spec.recipes[depth].settings.train.steps
    running: list[Running] = []
    try:
        running.extend(Running(variant, cells) for variant in variants)
        times: dict[Running, list[float]] = {one: [] for one in running}
        for _ in range(arguments.rounds):
            for one in running:
                times[one].append(one.seconds())
    finally:
        for one in running:
            one.stop()
    return [
        Point(curve, value, one.variant.kind, 1e3 * median, 3600 / (median * steps))
        for one, seconds in times.items()
        for median in [statistics.median(seconds)]
    ]


def line(point: Point) -> str:
    """Of the table."""
    return (
        f"{point.curve:<8} {point.value:6} {point.variant:<12} {point.ms_per_seed_step:16.3f} "
        f"{point.seeds_per_hour:10.0f}"
    )


if __name__ == "__main__":
    main()
