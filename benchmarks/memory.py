"""Peak memory of packs against what `seedsweep.workers.cost` says: a process for every point.

    python -m benchmarks.memory                  # all points, some minutes of one core
    python -m benchmarks.memory --only count     # those whose name has this in it

The numbers of memory in `seedsweep.workers.cost` were fitted to these points but the last nine, which check them.
Each process trains a pack for three steps as a worker does, with an evaluation and a checkpoint after every step,
and then asks the kernel for the most memory that it ever had (VmHWM).

Recorded: benchmarks/results/memory.*
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import recording
from seedsweep.cell import Pack
from seedsweep.seeds import Seed
from seedsweep.sweep.job import Job, StoreSink
from seedsweep.sweep.store import Store
from tests.kinds import read_engine_spec

FEW = ("task.train_lines=10000", "task.test_lines=1000", "task.gen_lines=300")
STEPS = 3


@dataclass(frozen=True)
class Point:
    """A pack whose memory is measured."""

    preset: str
    scale: float
    seeds: tuple[int, ...]
    """Sizes of packs, a process each."""
    changes: tuple[str, ...] = ()


POINTS = (
    Point("pocket/count-depth", 1, (1, 2, 8, 16)),
    Point("pocket/count-depth", 5, (1, 2, 8, 16)),
    Point("pocket/count-depth", 5, (1, 8), ("train.compile=true",)),
    Point("pocket/addition-depth", 3, (1, 2, 8, 16)),
    Point("pocket/question-formation-mix", 0.5, (1, 2, 8, 16)),
    Point("pocket/question-formation-mix", 0.5, (1, 8), ("train.compile=true",)),
    Point("pocket/mmlu-mix", 0.01, (1, 2, 8, 16)),
    Point("pocket/mmlu-mix", 0.01, (2, 8), ("train.compile=true",)),
    Point("pocket/mmlu-mix", 0.01, (4,), ("model.d_model=256", "model.feed_forward=768")),
    Point("paper/question-formation-depth", 6, (1, 2, 8), ("model.d_model=256", *FEW)),
    Point("paper/question-formation-depth", 6, (1, 2), FEW),
    Point("paper/count-width", 8, (1,), ("train.batch=4",)),
    Point("paper/count-width", 8, (2,), ("train.batch=4",)),
    Point("paper/count-width", 2, (2,), ("train.batch=16",)),
    Point("paper/addition-depth", 2, (1,), ("train.batch=4", "task.evaluation_examples=200")),
    Point("pocket/count-depth", 3, (4,)),
    Point("pocket/addition-depth", 2, (6,)),
    Point("pocket/question-formation-mix", 0.5, (4,), ("model.d_model=128",)),
    Point("pocket/mmlu-mix", 0.01, (5,)),
)


def measure(point: Point, seeds: int) -> dict[str, Any]:
    """In a process of its own."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "benchmarks.memory", "--point", json.dumps([asdict(point), seeds])]
    told = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if told.returncode:
        raise SystemExit(told.stderr)
    found: dict[str, Any] = json.loads(told.stdout)
    return found


def train(point: Point, seeds: int) -> dict[str, Any]:
    """In this process: the memory that the pack has taken, and what was predicted."""
    changes = [*point.changes, f"train.steps={STEPS}", "train.warmup=0", "evaluate.every=1"]
    spec = read_engine_spec(point.preset, overrides=changes).resolve()
    settings = spec.recipes[point.scale].settings.from_scratch()
    from seedsweep.workers.cost import memory_on_cpu
    from seedsweep.workers.train import train_pack

    pack = Pack(spec.scale.field, point.scale, tuple(Seed(s, s) for s in range(seeds)), "0")
    with tempfile.TemporaryDirectory() as place:
        store = Store(place)
        store.begin(pack)
        sink = StoreSink(Job(place, spec.recipes[point.scale], pack, "cpu"), lambda progress: None)
        train_pack(settings, pack, sink, checkpoint_seconds=0.0)
    # `getrusage` would also count what the process that started this one had.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) * 1024
    predicted = memory_on_cpu(settings, seeds)
    return {"peak": peak, "predicted": predicted, "ratio": predicted / peak}


def name(point: Point) -> str:
    """For people."""
    words = [f"{point.preset} {point.scale:g}", *(change.rpartition(".")[2] for change in point.changes)]
    return " ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="points whose name has this in it; nothing is recorded")
    parser.add_argument("--point", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.point:
        given, seeds = json.loads(arguments.point)
        given |= {key: tuple(given[key]) for key in ("seeds", "changes")}
        print(json.dumps(train(Point(**given), seeds)))
        return
    rows: list[dict[str, Any]] = []
    lines = [f"{'point':70} {'seeds':>5} {'predicted':>10} {'measured':>10} {'ratio':>6}  (MiB)"]
    print(lines[0], flush=True)
    for point in POINTS:
        if arguments.only not in name(point):
            continue
        for seeds in point.seeds:
            row = {"name": name(point), "seeds": seeds, **measure(point, seeds)}
            rows.append(row)
            shown = f"{row['predicted'] / 2**20:10.0f} {row['peak'] / 2**20:10.0f} {row['ratio']:6.2f}"
            lines.append(f"{row['name'][:70]:70} {seeds:5} {shown}")
            print(lines[-1], flush=True)
    far = [row for row in rows if abs(row["ratio"] - 1) > 0.1]
    lines.append(f"within 10 %: {len(rows) - len(far)} of {len(rows)}")
    print(lines[-1])
    if not arguments.only:
        recording.write("memory", "python -m benchmarks.memory", rows, "\n".join(lines))


if __name__ == "__main__":
    main()
