"""Where the time of a training step goes: torch's profiler over some steps of a pack, as a table and a trace.

    python -m benchmarks.profile_step --preset paper/count-width --scale 1 --pack 16 --trace step.json.gz

The steps before are warm-up, the compiling and capturing of a graph among it. The table is printed, sorted by the
device's own time (the CPU's without a GPU); the trace opens in a browser, at chrome://tracing.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from seedsweep.seeds import Seed
from seedsweep.sweep.specfile import read_spec
from seedsweep.workers.cudagraph import GraphedStep
from seedsweep.workers.device import choose_device, reproducible
from seedsweep.workers.engine import EngineRecipe
from seedsweep.workers.trainer import PackTrainer

STEPS = 5
MOST_SEEDS = 16
ROWS = 30
"""Of the table."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", required=True)
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument(
        "--pack", type=int, help=f"seeds; default: as execution.pack: auto has it, at most {MOST_SEEDS}"
    )
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="changes of the spec")
    parser.add_argument("--trace", type=Path, help="where the trace is written, FILE.json.gz")
    arguments = parser.parse_args()

    device = choose_device("auto")
    recipe = read_spec(arguments.preset, overrides=arguments.set).spec.recipes[arguments.scale]
    assert isinstance(recipe, EngineRecipe)
    settings, pack = recipe.settings, arguments.pack or min(MOST_SEEDS, recipe.pack_size(device))
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device == "cuda" else [])]
    with reproducible(device, settings.train.precision):
        trainer = PackTrainer(settings.from_scratch(), [Seed(s, s) for s in range(pack)], device)
        trainer.train_to(trainer.warm_up)
        _wait(device)
        began = time.perf_counter()
        trainer.train_to(trainer.step + STEPS)
        _wait(device)
        seconds = time.perf_counter() - began
        with profile(activities=activities) as profiled:
            trainer.train_to(trainer.step + STEPS)
            _wait(device)
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    print(f"{arguments.preset} at {arguments.scale:g}, {pack} seeds, {STEPS} steps on {name}")
    print(f"{seconds / STEPS * 1e3:.2f} ms a step without the profiler; steps are {_taken(trainer)}")
    by = "self_device_time_total" if device == "cuda" else "self_cpu_time_total"
    print(profiled.key_averages().table(sort_by=by, row_limit=ROWS, max_name_column_width=80))
    if arguments.trace is not None:
        profiled.export_chrome_trace(str(arguments.trace))


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def _taken(trainer: PackTrainer) -> str:
    """As what: a fall-back that nobody sees would be no measurement."""
    if not isinstance(trainer._take, GraphedStep):
        return "single operations"
    refused = trainer._take.refused
    return "a CUDA graph" if refused is None else f"single operations, since no graph can be captured: {refused}"


if __name__ == "__main__":
    main()
