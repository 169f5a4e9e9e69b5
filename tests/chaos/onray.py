"""A driver with a local Ray of its own: its workers are killed, and at times the driver or the raylet."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.chaos import hook, inline
from tests.chaos.hook import Kill
from tests.chaos.toll import Toll, started_by

ROOT = Path(__file__).parents[2]
SEEDS = {"engine": 40, "command": 12, "function": 24}
"""So many that workers come up again several times before all is done: to start Ray takes longest."""
WORKERS = 2
LIVES = 20
SECONDS = 240.0
"""A life that takes longer is stuck."""
ORDER_SECONDS = 6.0
"""A worker that has not come to the moment of an order by then may be past it: another one is given."""
ENDED_SECONDS = 180.0
"""What a driver has left running counts as surviving after so long. Ray's agents take their time to notice."""


def sweep(kind: inline.Kind, name: str, chance: random.Random, toll: Toll, most: int) -> None:
    """One sweep on Ray that is killed until it is complete, at most so often (a little more, if many at once)."""
    out, folder = kind.place / name, hook.make_folder(kind.place / f"{name}-chaos")
    for life in range(LIVES):
        left = most - len(hook.kills(folder)) if life <= LIVES // 2 else 0
        ended = _live(kind, out, folder, chance, toll, left)
        _wait_for_the_end(folder, toll)
        toll.compare(out, kind.rows, complete=False)
        if ended == 0:
            toll.sweeps[f"{kind.kind} on Ray"] += 1
            break
    else:
        toll.stuck.append(name)
    inline.live(kind.spec, out, folder)  # nothing is missing
    toll.count(kind.kind, hook.kills(folder))
    toll.compare(out, kind.rows, complete=True)
    toll.look_for_files(out)


def _live(kind: inline.Kind, out: Path, folder: Path, chance: random.Random, toll: Toll, most: int) -> int | None:
    """Of one driver; returns its exit status, None if it hung."""
    workers = max(0, min(chance.randint(6, 20), most - 1))
    last = chance.choice(["", "driver", "raylet"]) if most > 0 else ""
    with (folder / "log.txt").open("ab") as log:
        driver = subprocess.Popen(_command(kind.spec, out), env=_environment(folder), stdout=log, stderr=log)
    try:
        _harass(driver, kind, out, folder, chance, workers, last, toll)
    finally:
        ended = driver.poll()
        driver.kill()
        driver.wait()
        for order in (folder / hook.ORDERS).iterdir():
            order.unlink(missing_ok=True)
    return ended


def _harass(
    driver: subprocess.Popen[bytes],
    kind: inline.Kind,
    out: Path,
    folder: Path,
    chance: random.Random,
    workers: int,
    last: str,
    toll: Toll,
) -> None:
    """Kill workers of a driver, so many, and then the driver itself or the raylet, if one of them is the last."""
    before = len(hook.kills(folder))
    deadline = time.monotonic() + SECONDS
    orders: dict[Path, float] = {}
    while driver.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
        killed = len(hook.kills(folder)) - before
        for order, given in list(orders.items()):
            if time.monotonic() - given > ORDER_SECONDS:
                order.unlink(missing_ok=True)
            if not order.exists():
                del orders[order]
        if len(orders) < WORKERS and killed + len(orders) < workers:
            orders[inline.an_order(kind, chance, "worker").give(folder)] = time.monotonic()
        if killed >= workers and last and any(out.glob("work/*/progress.json")):
            if last == "driver":
                inline.an_order(kind, chance, "driver").give(folder)
            elif raylet := _raylet(folder):
                os.kill(raylet, signal.SIGKILL)
                toll.count(kind.kind, [Kill("raylet", "with workers", raylet)])
            last = ""


def _raylet(folder: Path) -> int | None:
    raylets = [process.pid for process in started_by(folder) if process.command[0].endswith("/raylet")]
    return next(iter(raylets), None)


def _wait_for_the_end(folder: Path, toll: Toll) -> None:
    began = time.monotonic()
    while started_by(folder) and time.monotonic() - began < ENDED_SECONDS:
        time.sleep(0.1)
    toll.longest = max(toll.longest, time.monotonic() - began)
    toll.look_for_processes(folder)


def _command(spec: Path, out: Path) -> list[str]:
    return [
        sys.executable,
        "-m",
        "seedsweep",
        "run",
        str(spec),
        "--out",
        str(out),
        "--set",
        f"execution.workers={WORKERS}",
    ]


def _environment(folder: Path) -> dict[str, str]:
    paths = [str(Path(__file__).parent / "startup"), str(ROOT)]
    return os.environ | {hook.VARIABLE: str(folder), "PYTHONPATH": os.pathsep.join(paths)}
