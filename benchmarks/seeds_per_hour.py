"""Seeds per hour: packs of this package beside what a competent user would do instead.

    python -m benchmarks.seeds_per_hour                         # the pocket presets, one core of a CPU
    python -m benchmarks.seeds_per_hour --preset pocket/count-depth --scales 1 5
    python -m benchmarks.seeds_per_hour --preset paper/count-width --scales 1 2 8          # on a GPU

Variants, every one in a process of its own, of which only one works at a time:

matmul          one large product: what the device can do
plain           one seed in an eager PyTorch loop: Hugging Face's model, or torch.nn's (rivals/torch_loop.py)
plain-compiled  the same under torch.compile (reduce-overhead on a GPU)
plain × k       k processes that share the device, a seed each
jax k           the same model and optimiser in JAX, jitted, steps in a scan, k seeds vmapped (rivals/jax_scan.py)
pack k          this package; k grows until throughput no longer does, or memory ends
compiled k      this package with train.compile

In every round every variant takes some steps, forwards in one round and backwards in the next, so that a machine
that is busy for a while is busy for all. Ratios are made within rounds, against `plain` (or `pack 1` if there is
no plain); told are their median and quartiles. Setting up and compiling is told apart. FLOP are those of the model
at the preset's full rows, whatever a variant leaves out of them.

Recorded: benchmarks/results/seeds_per_hour.*
"""

from __future__ import annotations

import argparse
import os
import shlex
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from benchmarks import recording
from benchmarks.variants import MATMUL, Cells, Running, Variant
from seedsweep.sweep.specfile import read_spec
from seedsweep.workers.cost import flop_per_seed_step

PRESETS = ("pocket/count-depth", "pocket/addition-depth", "pocket/mmlu-mix", "pocket/question-formation-mix")
BETTER = 1.02
"""A pack of twice the size is worth trying again only if it trains so many times as many seeds per hour."""


@dataclass(frozen=True)
class Row:
    """One variant at one scale."""

    preset: str
    scale: float
    variant: str
    seeds: int
    ms_per_seed_step: float
    seeds_per_hour: float
    ratio: float
    """Median over rounds of seeds per hour against the base; then its quartiles."""
    ratio_low: float
    ratio_high: float
    matmul_share: float
    """FLOP per second, as a share of a large product's."""
    setup_seconds: float
    peak_mib: float
    parts: dict[str, float]


def main() -> None:
    arguments = _arguments()
    rows: list[Row] = []
    print(HEADER, flush=True)
    for preset in arguments.preset:
        spec = read_spec(preset, overrides=arguments.set).spec
        values = arguments.scales or sorted({spec.scale.values[0], spec.scale.values[-1]})
        for scale in values:
            cells = Cells(preset, tuple(arguments.set), scale, arguments.device, arguments.cores, arguments.steps)
            for row in measured(cells, arguments):
                rows.append(row)
                print(line(row), flush=True)
    if arguments.name:
        command = "python -m benchmarks.seeds_per_hour " + shlex.join(sys.argv[1:])
        table = "\n".join([HEADER, *(line(row) for row in rows), "", parts_table(rows)])
        recording.write(arguments.name, command, [asdict(row) for row in rows], table)
        print(f"\nwritten: {recording.RESULTS / arguments.name}.json and .txt")


def measured(cells: Cells, arguments: argparse.Namespace) -> list[Row]:
    """All variants of one scale."""
    settings = read_spec(cells.preset, overrides=cells.overrides).spec.recipes[cells.scale].settings
    running: list[Running] = []
    try:
        for variant in rivals(arguments):
            _start(variant, cells, running)
        compiles = arguments.compiled and (settings.train.unpadded or not settings.model.drops)
        for kind in ("pack", "compiled") if compiles else ("pack",):
            _grow(kind, cells, arguments.packs, running)
        times: dict[Running, list[float]] = {one: [] for one in running}
        for number in range(arguments.rounds):
            for one in running if number % 2 == 0 else reversed(running):
                times[one].append(one.seconds())
        return _rows(cells, settings.train.steps, flop_per_seed_step(settings.from_scratch()), times)
    finally:
        for one in running:
            one.stop()


def rivals(arguments: argparse.Namespace) -> list[Variant]:
    """In the order of the table."""
    found = [Variant("matmul"), Variant("plain")]
    if arguments.compiled:
        found.append(Variant("plain-compiled"))
    if arguments.processes > 1:
        found.append(Variant("plain", processes=arguments.processes))
    return found + [Variant("jax", seeds) for seeds in arguments.jax]


def _start(variant: Variant, cells: Cells, running: list[Running]) -> bool:
    print(f"{variant}: setting up …", file=sys.stderr)
    try:
        running.append(Running(variant, cells))
    except RuntimeError as error:
        print(f"left out: {error}", file=sys.stderr)
        return False
    return True


def _grow(kind: str, cells: Cells, sizes: Sequence[int], running: list[Running]) -> None:
    """Packs of the sizes given, or of 1, 2, 4 … until twice the size is no better or does not fit."""
    if sizes:
        for size in sizes:
            _start(Variant(kind, size), cells, running)
        return
    size, best = 1, float("inf")
    while _start(Variant(kind, size), cells, running):
        seconds = min(running[-1].seconds() for _ in range(3))
        if seconds * BETTER > best:
            return
        size, best = 2 * size, seconds


def _rows(cells: Cells, steps: int, flop: float, times: dict[Running, list[float]]) -> list[Row]:
    by_name = {str(one.variant): seconds for one, seconds in times.items()}
    product = statistics.median(by_name.pop("matmul"))
    rate = 2.0 * MATMUL[cells.device] ** 3 / product
    base = by_name.get("plain") or next(iter(by_name.values()))
    rows = []
    for one, seconds in times.items():
        if one.variant.kind == "matmul":
            continue
        median = statistics.median(seconds)
        low, ratio, high = statistics.quantiles([b / s for b, s in zip(base, seconds, strict=True)], n=4)
        rows.append(
            Row(
                preset=cells.preset,
                scale=cells.scale,
                variant=str(one.variant),
                seeds=one.variant.seeds * one.variant.processes,
                ms_per_seed_step=median * 1e3,
                seeds_per_hour=3600 / (median * steps),
                ratio=ratio,
                ratio_low=low,
                ratio_high=high,
                matmul_share=flop / median / rate,
                setup_seconds=one.setup,
                peak_mib=one.peak_bytes() / 2**20,
                parts=one.parts(),
            )
        )
    return rows


HEADER = (
    f"{'preset':<28} {'scale':>6} {'variant':<24} {'ms per seed-step':>16} {'seeds/hour':>10} "
    f"{'ratio':>6} {'(quartiles)':>13} {'of matmul':>9} {'set-up s':>8} {'peak MiB':>8}"
)


def line(row: Row) -> str:
    """Of the table."""
    quartiles = f"({row.ratio_low:.2f}–{row.ratio_high:.2f})"
    return (
        f"{row.preset:<28} {row.scale:6g} {row.variant:<24} {row.ms_per_seed_step:16.3f} "
        f"{row.seeds_per_hour:10.0f} {row.ratio:6.2f} {quartiles:>13} {row.matmul_share:9.0%} "
        f"{row.setup_seconds:8.1f} {row.peak_mib:8.0f}"
    )


def parts_table(rows: Sequence[Row]) -> str:
    """Where a step's time goes, of the packs."""
    lines = ["where a step's time goes"]
    for row in rows:
        if row.parts:
            parts = ", ".join(f"{kind} {share:.0%}" for kind, share in row.parts.items())
            lines.append(f"{row.preset:<28} {row.scale:6g} {row.variant:<24} {parts}")
    return "\n".join(lines)


def _arguments() -> argparse.Namespace:
    import torch

    on_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", nargs="+", default=PRESETS)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="changes of the spec")
    parser.add_argument("--scales", type=float, nargs="+", help="default: the ends of the ladder")
    parser.add_argument("--packs", type=int, nargs="+", help="default: 1, 2, 4 … until it is no better")
    parser.add_argument("--jax", type=int, nargs="*", default=[] if on_gpu else [1, 8], help="seeds")
    parser.add_argument("--processes", type=int, default=8 if on_gpu else 2, help="that share the device")
    parser.add_argument("--no-compiled", dest="compiled", action="store_false")
    parser.add_argument("--steps", type=int, default=10, help="of every variant in a round")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--name", help="keep the results under benchmarks/results/NAME.*")
    arguments = parser.parse_args()
    arguments.device = "cuda" if on_gpu else "cpu"
    pinned = not on_gpu and hasattr(os, "sched_getaffinity")
    arguments.cores = (max(os.sched_getaffinity(0)),) if pinned else ()
    return arguments


if __name__ == "__main__":
    main()
