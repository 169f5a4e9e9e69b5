"""What a pack costs besides its steps: setting up, drawing rows, evaluations, blocks, checkpoints.

    python -m benchmarks.overhead                       # a pack of 8 at the ends of the pocket presets' ladders

Trains whole packs through `seedsweep.run` with the inline executor into a directory that is removed afterwards,
and times the parts of it in this process (CPU seconds). "Drawing rows" is part of a training step and told apart.

Recorded: benchmarks/results/overhead.*
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from benchmarks import recording
from benchmarks.seeds_per_hour import PRESETS
from seedsweep.sweep.job import StoreSink
from seedsweep.sweep.run import run
from seedsweep.sweep.specfile import read_spec
from seedsweep.workers.trainer import PackTrainer

PARTS: dict[str, tuple[type, str]] = {
    "set-up": (PackTrainer, "__init__"),
    "steps": (PackTrainer, "train_to"),
    "drawing rows": (PackTrainer, "inputs"),
    "evaluations": (PackTrainer, "evaluate"),
    "blocks": (StoreSink, "write_block"),
    "checkpoints": (StoreSink, "save_checkpoint"),
}
HEADER = f"{'preset':<28} {'scale':>6} {'total s':>8} " + " ".join(f"{part:>12}" for part in [*PARTS, "rest"])


@contextmanager
def timed(spent: dict[str, float]) -> Iterator[None]:
    """Adds up the CPU seconds of every part."""

    def wrapped(part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            began = time.process_time()
            try:
                return method(*arguments, **named)
            finally:
                spent[part] = spent.get(part, 0.0) + time.process_time() - began

        return call

    with ExitStack() as patches:
        for part, (owner, name) in PARTS.items():
            patches.enter_context(patch.object(owner, name, wrapped(part, getattr(owner, name))))
        yield


def measured(preset: str, scale: float, seeds: int, overrides: list[str]) -> dict[str, Any]:
    """CPU seconds of one pack, by part."""
    pack = [f"scale.values=[{scale:g}]", f"execution.pack={seeds}"]
    spec = read_spec(preset, overrides=[*overrides, *pack], seeds=f"0:{seeds}").spec
    spent: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, timed(spent):
        began = time.process_time()
        run(spec, folder + "/sweep", executor="inline")
        total = time.process_time() - began
    spent = {part: spent.get(part, 0.0) for part in PARTS}
    spent["steps"] -= spent["drawing rows"]
    return {"preset": preset, "scale": scale, "seeds": seeds, "total": total, "parts": spent}


def line(row: dict[str, Any]) -> str:
    """Of the table: shares of the total."""
    shares = [row["parts"][part] / row["total"] for part in PARTS]
    cells = " ".join(f"{share:12.1%}" for share in [*shares, 1 - sum(shares)])
    return f"{row['preset']:<28} {row['scale']:6g} {row['total']:8.1f} {cells}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", nargs="+", default=PRESETS)
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="changes of the specs")
    parser.add_argument("--scales", type=float, nargs="+", help="default: the ends of the ladder")
    parser.add_argument("--seeds", type=int, default=8, help="in the pack")
    parser.add_argument("--name", help="keep the results under benchmarks/results/NAME.*")
    arguments = parser.parse_args()
    print(HEADER, flush=True)
    rows = []
    for preset in arguments.preset:
        values = read_spec(preset, overrides=arguments.set).spec.scale.values
        for scale in arguments.scales or sorted({values[0], values[-1]}):
            rows.append(measured(preset, scale, arguments.seeds, arguments.set))
            print(line(rows[-1]), flush=True)
    if arguments.name:
        command = "python -m benchmarks.overhead " + shlex.join(sys.argv[1:])
        recording.write(arguments.name, command, rows, "\n".join([HEADER, *map(line, rows)]))


if __name__ == "__main__":
    main()
