"""Lives of a driver that trains in its own process; each may end by a kill at a moment chosen beforehand.

The processes are forked from a server that has imported all they need, so that a life costs little.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from tests.chaos import hook
from tests.chaos.hook import Order, Role
from tests.chaos.sweeps import write_sweep
from tests.chaos.toll import Toll, rows

SEEDS, STEPS = 4, 24
LIVES = 60
"""A sweep that is not complete after so many is stuck."""
SECONDS = 120.0
"""A life that takes longer is stuck."""
LASTING = {hook.TRAINING: 0.03, hook.EVALUATION: 0.01, hook.START: 1.0}
"""Moments that last, in seconds: a kill comes anywhen after they have begun."""
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    [
        "seedsweep.sweep.run",
        "seedsweep.sweep.programspec",
        "seedsweep.workers.tasks.count",
        "torch._inductor.config",  # which torch imports when it is told to be deterministic
    ]
)


class Kind:
    """The sweeps of one kind of cell: the spec, and what an undisturbed run gives and passes."""

    def __init__(self, kind: str, place: Path, seeds: int | Mapping[str, Any] = SEEDS, steps: int = STEPS) -> None:
        self.kind, self.place = kind, place
        self.spec = write_sweep(kind, place / "spec", seeds=seeds, steps=steps)
        folder = hook.make_folder(place / "undisturbed-chaos")
        assert live(self.spec, place / "undisturbed", folder) == 0
        self.rows: pa.Table = rows(place / "undisturbed")
        (met,) = (folder / hook.MET).iterdir()
        self.met: dict[str, int] = json.loads(met.read_text())
        """Moments that a run passes, and how often."""


def sweep(kind: Kind, name: str, chance: random.Random, toll: Toll, most: int) -> None:
    """One sweep that is killed until it is complete, at most so often."""
    out, folder = kind.place / name, hook.make_folder(kind.place / f"{name}-chaos")
    for life in range(LIVES):
        order = an_order(kind, chance).give(folder) if life < most else None
        # Also with packs of another size, as on another machine: begun packs are grouped anew then.
        pack = chance.choice([1, 3]) if kind.kind != "command" and chance.random() < 0.3 else None
        ended = live(kind.spec, out, folder, pack)
        toll.compare(out, kind.rows, complete=False)
        if order is not None:
            order.unlink(missing_ok=True)
        if ended == 0:
            toll.sweeps[kind.kind] += 1
            break
    else:
        toll.stuck.append(name)
    live(kind.spec, out, folder)  # nothing is missing
    toll.count(kind.kind, hook.kills(folder))
    toll.compare(out, kind.rows, complete=True)
    toll.look_for_files(out)
    toll.look_for_processes(folder)


def an_order(kind: Kind, chance: random.Random, role: Role = "inline") -> Order:
    """A death at some moment of a run: of all moments, those inside a write as often as the others together."""
    moments = [moment for moment in kind.met if role in ("inline", _meets(moment))]
    inside = [moment for moment in moments if moment.endswith(hook.IN_A_WRITE)]
    others = [moment for moment in moments if moment not in inside]
    moment = chance.choice(inside if chance.random() < 0.5 else others)
    delay = chance.uniform(0, LASTING[moment]) if moment in LASTING else 0.0
    most = max(1, kind.met[moment] // 2) if role == "inline" else 3  # what one process does of it, nobody knows
    return Order(moment, chance.randrange(most), delay, role)


def _meets(moment: str) -> Role:
    """Whose moment it is, where driver and worker are processes of their own."""
    return "driver" if moment.startswith(("record", "pack.json", "a deletion")) else "worker"


def live(spec: Path, out: Path, folder: Path, pack: int | None = None) -> int | None:
    """Run in a process of its own until that ends or is killed; returns its exit status, None if it hung."""
    process = _FORKS.Process(target=_run, args=(spec, out, folder, pack))
    process.start()
    process.join(SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
        return None
    return process.exitcode


def _run(spec: Path, out: Path, folder: Path, pack: int | None) -> None:
    os.environ[hook.VARIABLE] = str(folder)
    log = os.open(folder / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 2)
    hooked = hook.install(folder, "inline")
    from seedsweep.sweep.run import run
    from seedsweep.sweep.specfile import read_spec

    overrides = [f"execution.pack={pack}"] if pack else []
    result = run(read_spec(spec, overrides=overrides).spec, out, executor="inline")
    hooked.note_met()
    sys.exit(1 if result.missing else 0)
