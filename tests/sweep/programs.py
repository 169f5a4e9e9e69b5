"""Programs as users write them, for sweeps in the tests: small scripts that import nothing heavy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec

STEPS = 6
HEAD = """\
import json, os, random, signal, sys, time
width, seed, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
again = "SEEDSWEEP_RESUME" in os.environ
def value(step):
    return random.Random(f"{width} {seed} {step}").random()
"""
TRAIN = """\
with open(f"{out}/metrics.jsonl", "w") as file:
    for step in range(7):
        file.write(json.dumps({"step": step, "test/accuracy": value(step)}) + "\\n")
"""
COMMAND = f"{sys.executable} -S train.py {{width}} {{seed}} {{dir}}"

MakeProgram = Callable[..., SweepSpec]


def write_program(folder: Path, body: str = TRAIN, **changes: Any) -> SweepSpec:
    """A script of this body in the folder and a sweep of it: four cells; with dotted changes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "train.py").write_text(HEAD + body)
    given: dict[str, Any] = {
        "program": {"command": COMMAND, "metrics": "metrics.jsonl", "directory": "."},
        "scale": {"field": "program.width", "values": [16, 32]},
        "seeds": "0:2",
        "success": {"metric": "accuracy", "split": "test", "at_least": 0.5},
    }
    for dotted, value in changes.items():
        section, _, key = dotted.partition(".")
        if key:
            given[section][key] = value
        else:
            given[section] = value
    file = folder / "sweep.yaml"
    YAML().dump(given, file)
    return read_spec(file).spec
