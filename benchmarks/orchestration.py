"""What it costs to keep the books of a sweep: the driver, the store and status, without what is trained.

    python -m benchmarks.orchestration --name orchestration              # 10,000 cells, stores of up to 100,000
    python -m benchmarks.orchestration --cells 1000 --stores 1000 10000  # minutes less

idle      cells that train nothing and write one row each, in this process: the books alone
one step  the engine's cells of pocket/count-depth, of one optimiser step each, in this process
ray       the same two on two of Ray's workers
tune      a hundred trials of Ray Tune that report one number and return: what starting a trial costs there
store     plan, status, load and one metric's final values of stores of so many cells: a block a pack, and merged

Each part works in a process of its own, one after another. Told are seconds of CPU of the driver's process and of
the clock, which knows of the disk too: `write` is what this one takes to keep a small file for good, and every
pack has one. RSS is the driver's, when the first tenth of the packs had ended and at the end.

Recorded: benchmarks/results/orchestration.*
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks import recording
from benchmarks.idle import Idle, sweep_of, write_store
from benchmarks.rivals import tune_trials
from seedsweep.sweep.compact import compact
from seedsweep.sweep.events import Event
from seedsweep.sweep.files import Files
from seedsweep.sweep.find import Found, find
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.status import status

TRIALS = 100
PARTS = ("idle", "one step", "idle, ray", "one step, ray", "tune", "store")


def main() -> None:
    arguments = _arguments()
    if arguments.part:
        print(json.dumps(_measured(arguments)))
        return
    rows: list[dict[str, Any]] = []
    print(HEADER, flush=True)
    for part, cells in _parts(arguments):
        rows += _in_own_process(part, cells, arguments)
        print("\n".join(map(line, rows[-2:] if part == "store" else rows[-1:])), flush=True)
    if arguments.name:
        command = "python -m benchmarks.orchestration " + shlex.join(sys.argv[1:])
        recording.write(arguments.name, command, rows, "\n".join([HEADER, *map(line, rows)]))
        print(f"\nwritten: {recording.RESULTS / arguments.name}.json and .txt")


def _parts(arguments: argparse.Namespace) -> Iterator[tuple[str, int]]:
    for part in arguments.parts:
        if part == "store":
            yield from ((part, cells) for cells in arguments.stores)
        else:
            yield part, TRIALS if part == "tune" else arguments.cells


def _in_own_process(part: str, cells: int, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "benchmarks.orchestration", "--part", part, "--cells", str(cells)]
    command += ["--pack", str(arguments.pack), *(["--place", arguments.place] if arguments.place else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise SystemExit(f"{part}: ended with status {done.returncode}")
    found: list[dict[str, Any]] = json.loads(done.stdout.strip().rpartition("\n")[2])
    return found


def _measured(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=arguments.place) as folder:
        place = Path(folder)
        if arguments.part == "tune":
            return [tune_trials.take(place, arguments.cells)]
        if arguments.part == "store":
            return _store(place, arguments.cells, arguments.pack)
        kind, _, executor = arguments.part.partition(", ")
        return [_run(place, kind, executor or "inline", arguments.cells, arguments.pack)]


def _run(place: Path, kind: str, executor: str, cells: int, pack: int) -> dict[str, Any]:
    """A sweep from nothing to its end."""
    spec = sweep_of(cells, pack, steps=1)
    resident: list[tuple[int, float]] = []

    def note(event: Event) -> None:
        if event.kind == "ready":
            times["ready"] = _now()
        if event.kind == "finish" and event.status.done % (cells // 10) < pack:
            resident.append((event.status.done, _resident_mib()))

    times = {"began": _now()}
    with mock.patch("seedsweep.sweep.run.find", _idle if kind == "idle" else find):
        result = run(spec, place / "sweep", executor=executor, on_progress=note)
    times["ended"] = _now()
    assert result.trained == cells, result
    assert status(place / "sweep").complete
    seconds, cpu = (times["ended"][i] - times["ready"][i] for i in (0, 1))
    return {
        "part": f"{kind}, {executor}",
        "cells": cells,
        "pack": pack,
        "start_seconds": times["ready"][0] - times["began"][0],
        "seconds": seconds,
        "cpu_seconds": cpu,
        "cells_per_second": cells / seconds,
        "cells_per_cpu_second": cells / cpu,
        "rss_first_mib": resident[0][1],
        "rss_last_mib": resident[-1][1],
        "write_ms": _write_ms(place),
    }


def _idle(*args: Any) -> Found:
    """What `find` finds, of cells that train nothing."""
    found = find(*args)
    return dataclasses.replace(found, recipes={scale: Idle() for scale in found.recipes})


def _store(place: Path, cells: int, pack: int) -> list[dict[str, Any]]:
    """How long reading takes of a store as the packs of a run leave it, and of the same when merged."""
    spec = sweep_of(cells, pack, steps=400)
    sweep = place / "sweep"
    write_store(spec, sweep, pack)
    rows = [_reading(spec, sweep, "store of blocks", cells, pack)]
    merging, _ = _timed(lambda: compact(sweep))
    return [*rows, _reading(spec, sweep, "store, merged", cells, pack) | {"merging_cpu_seconds": merging}]


def _reading(spec: Any, sweep: Path, part: str, cells: int, pack: int) -> dict[str, Any]:
    plan, planned = _timed(lambda: find(spec, sweep).plan(lambda recipe: pack))
    assert (planned.missing, len(planned.present)) == (0, cells)
    counting, now = _timed(lambda: status(sweep))
    assert now.complete
    loading, population = _timed(lambda: load(sweep))
    final, table = _timed(lambda: population.final("exact_match"))
    assert table.present.sum() == cells
    return {
        "part": part,
        "cells": cells,
        "pack": pack,
        "files": sum(1 for _ in sweep.glob("metrics/**/*.parquet")),
        "mib": sum(file.stat().st_size for file in sweep.glob("metrics/**/*.parquet")) / 2**20,
        "plan_cpu_seconds": plan,
        "status_cpu_seconds": counting,
        "load_cpu_seconds": loading,
        "final_cpu_seconds": final,
        "rss_last_mib": _resident_mib(),
    }


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    result = call()
    return time.process_time() - began, result


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _write_ms(place: Path) -> float:
    began = time.perf_counter()
    for number in range(20):
        Files(place).write(f"small-{number}", b"small")
    return (time.perf_counter() - began) / 20 * 1000


HEADER = (
    f"{'part':17} {'cells':>8} {'start s':>8} {'s':>8} {'CPU s':>8} {'cells/s':>8} {'per CPU s':>9} "
    f"{'RSS MiB':>13} {'write ms':>8}\n"
    f"{'store':17} {'cells':>8} {'files':>8} {'MiB':>8} {'plan':>8} {'status':>8} {'load':>9} {'final':>8} "
    f"{'merging':>8}  (CPU s)"
)


def line(row: dict[str, Any]) -> str:
    """A row of the table."""
    head = f"{row['part']:17} {row['cells']:8,}"
    if "files" in row:
        merging = f"{row['merging_cpu_seconds']:8.2f}" if "merging_cpu_seconds" in row else ""
        return (
            f"{head} {row['files']:8,} {row['mib']:8.1f} {row['plan_cpu_seconds']:8.2f} "
            f"{row['status_cpu_seconds']:8.2f} {row['load_cpu_seconds']:9.2f} {row['final_cpu_seconds']:8.2f} "
            f"{merging}"
        )
    rss = f"{row['rss_first_mib']:.0f} to {row['rss_last_mib']:.0f}" if "rss_first_mib" in row else ""
    write = f"{row['write_ms']:8.2f}" if "write_ms" in row else ""
    return (
        f"{head} {row['start_seconds']:8.1f} {row['seconds']:8.1f} {row['cpu_seconds']:8.1f} "
        f"{row['cells_per_second']:8.1f} {row['cells_per_cpu_second']:9.1f} {rss:>13} {write}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cells", type=int, default=10_000, help="of the sweeps that are run; a multiple of 40")
    parser.add_argument("--pack", type=int, default=4, help="seeds in a pack")
    parser.add_argument(
        "--stores", type=int, nargs="*", default=[1_000, 10_000, 100_000], help="cells of the stores"
    )
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument(
        "--place", help="a folder to work in, on the disk that is meant  [default: a temporary one]"
    )
    parser.add_argument("--name", help="record as benchmarks/results/NAME.json and .txt")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)  # this process measures one
    return parser.parse_args()


if __name__ == "__main__":
    main()
