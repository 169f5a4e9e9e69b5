"""Three small sweeps, one of every kind of cell: a folder with a spec each."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

KINDS = ("engine", "command", "function")
GOALS: Mapping[str, Mapping[str, Any]] = {
    "engine": {"goal": {"p_success": 0.2}, "at_most": 20, "batch": 4},
    "function": {"goal": {"mean": 0.16}, "at_most": 28, "batch": 4, "bounds": [0, 1]},
}
"""Of kinds whose seeds may be added for one."""

ENGINE = """\
task: {{name: count, vocabulary: 12, train_lengths: [1, 3], test_lengths: [5], context: 24}}
model: {{dialect: gpt-neox, depth: 1, heads: 2, head_dim: 8}}
train: {{steps: {steps}, batch: 4, learning_rate: 1.0e-2}}
keep_checkpoints: [0, 7]
scale: {{field: model.depth, values: [1, 2]}}
seeds: {seeds}
success: {{metric: exact_match, split: length-5, at_least: 0.5}}
execution: {{device: cpu, pack: 2}}
"""
# Goes on from a state of its own, and that is at times older than its last row: as real scripts do it.
SCRIPT = """\
import json, os, random, sys, time
width, seed, out, rows = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
state = f"{out}/state"
first = int(open(state).read()) if os.path.exists(state) else 0
with open(f"{out}/metrics.jsonl", "a") as file:
    for step in range(first, rows):
        row = {"step": step, "test/accuracy": random.Random(f"{width} {seed} {step}").random()}
        file.write(json.dumps(row) + "\\n")
        file.flush()
        if step % 3 == 0:
            with open(state + ".new", "w") as kept:
                kept.write(str(step))
            os.replace(state + ".new", state)
        time.sleep(0.01)
"""
FUNCTION = """\
import random, time

def train(width, seeds, report, rows):
    for step in range(rows):
        values = [random.Random(f"{width} {seed} {step}").random() for seed in seeds]
        report(step, accuracy=values, split="test")
        time.sleep(0.005)
"""


def write_sweep(kind: str, folder: Path, *, seeds: int | Mapping[str, Any], steps: int) -> Path:
    """Write the spec of a sweep with two scales, and its program; returns the spec's path.

    `seeds` are how many there are, or a goal as a spec has it.
    """
    wish: str | dict[str, Any] = f"0:{seeds}" if isinstance(seeds, int) else dict(seeds)
    folder.mkdir(parents=True)
    file = folder / "sweep.yaml"
    if kind == "engine":
        file.write_text(ENGINE.format(steps=steps, seeds=json.dumps(wish)))
        return file
    (folder / "train.py").write_text(SCRIPT if kind == "command" else FUNCTION)
    command = f"{sys.executable} -S train.py {{width}} {{seed}} {{dir}} {{rows}}"
    program = (
        {"command": command, "metrics": "metrics.jsonl"} if kind == "command" else {"function": "train:train"}
    )
    spec = {
        "program": {**program, "directory": str(folder), "parameters": {"rows": steps}},
        "scale": {"field": "program.width", "values": [16, 32]},
        "seeds": wish,
        "success": {"metric": "accuracy", "split": "test", "at_least": 0.5},
        "execution": {} if kind == "command" else {"pack": 2},
    }
    YAML().dump(spec, file)
    return file
