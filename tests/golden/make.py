"""The golden runs: what small sweeps gave when ENGINE was last raised. `make golden` stores what they give now.

Every JSON file here holds the sections of a spec, the ENGINE it was run with, and numbers of its two seeds,
trained in one pack on a CPU: the loss of every step, and the evaluations before the first step and after the last.
A new file, or one whose spec has changed, needs nothing but the spec.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedsweep.seeds import Seed
from seedsweep.sweep.enginespec import EngineSpec
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.device import reproducible
from seedsweep.workers.settings import ENGINE
from seedsweep.workers.trainer import PackTrainer

HERE = Path(__file__).parent
GOLDEN = sorted(HERE.glob("*.json"))

RELATIVE = 1e-5
ABSOLUTE = 1e-6
"""How far a number may be from the stored one, since processors sum in different orders. Measured with the kernels
for SSE, AVX2 and AVX-512, and with noise of 1e-7 in all weights after every step: 6e-7 at most. The floor is for a
likelihood near 0, whose rounding is that of the logits, around 1, of which it is the difference.

A share of right answers has no slack: one answer more or less is a difference. In none of these measurements did
one change; there are few answers in a run, and the two likeliest tokens are never as close as rounding. Before a
new file is kept it should be tried like that, and take other seeds if one of its shares changes."""


def compute(sections: Mapping[str, Any]) -> dict[str, float]:
    """Train the seeds of a spec at the first value of its ladder: every number by its name, as time goes on."""
    with contextlib.chdir(HERE):  # to which the places of its files are relative
        spec = EngineSpec.model_validate(sections).resolve()
    settings = next(iter(spec.recipes.values())).settings
    numbers = {}
    with reproducible("cpu", settings.train.precision):
        trainer = PackTrainer(settings, spec.seeds.pairs(), "cpu", _base(settings))
        for step in range(settings.train.steps + 1):
            trainer.train_to(step)
            for (split, metric), value_S in trainer.evaluate().items():
                if step in (0, settings.train.steps) or (split, metric) == ("train", "loss"):
                    for seed, value in zip(trainer.seeds, value_S, strict=True):
                        numbers[f"{split} {metric} of seed {seed.id} at step {step}"] = float(f"{value:.8g}")
    return numbers


def _base(settings: CellSettings) -> bytes | None:
    """The model that all seeds start from, if there is one. Trained here: a cache may hold an older one."""
    if settings.base is None:
        return None
    trainer = PackTrainer(settings.of_base(), [Seed(settings.base.seed, settings.base.seed)], "cpu")
    trainer.train_to(settings.base.train.steps)
    return trainer.decoder.to_base().weights


def problem(path: Path) -> str | None:
    """What is wrong with a file, in a sentence, or None: another ENGINE, other numbers, too few or too many."""
    golden, place = json.loads(path.read_text()), _place(path)
    if golden["engine"] < ENGINE:
        return f"{place} was made with ENGINE {golden['engine']}, and ENGINE is {ENGINE} now: `make golden`"
    if golden["engine"] > ENGINE:
        return (
            f"{place} was made with ENGINE {golden['engine']}, and ENGINE is only {ENGINE}: "
            "raise ENGINE, or take the file back"
        )
    stored, found = golden["numbers"], compute(golden["spec"])
    if differs := _difference(path, stored, found):
        return differs
    if unmatched := sorted(stored.keys() ^ found.keys()):
        return f"{place} and its run do not have the same metrics, {unmatched[0]} is in one only: `make golden`"
    return None


def remake(path: Path) -> None:
    """Store what the seeds of a file give now; ValueError if they train differently under the same ENGINE."""
    golden = json.loads(path.read_text())
    stored, found = golden.get("numbers", {}), compute(golden["spec"])
    if golden.get("engine") == ENGINE and (differs := _difference(path, stored, found)):
        raise ValueError(differs)
    # What holds stays to its last digit, so that the file's changes are those of the training.
    numbers = {what: stored[what] if _holds(stored.get(what), value) else value for what, value in found.items()}
    content = {"spec": golden["spec"], "engine": ENGINE, "numbers": numbers}
    path.write_text(json.dumps(content, indent=1, allow_nan=False) + "\n")


def _difference(path: Path, stored: Mapping[str, float], found: Mapping[str, float]) -> str | None:
    """The first number that no longer holds, in a sentence. A metric that only one of the two has is none."""
    for what, value in found.items():
        if what in stored and not _holds(stored[what], value):
            return (
                f"{_place(path)}: {what} is {value:.8g}, and was {stored[what]:.8g}: "
                "unless that is a mistake, raise ENGINE, then `make golden`"
            )
    return None


def _holds(stored: float | None, found: float) -> bool:
    return stored is not None and math.isclose(stored, found, rel_tol=RELATIVE, abs_tol=ABSOLUTE)


def _place(path: Path) -> str:
    return f"tests/golden/{path.name}"


if __name__ == "__main__":
    for path in GOLDEN:
        try:
            remake(path)
        except ValueError as error:
            sys.exit(str(error))
        print(path.name)
