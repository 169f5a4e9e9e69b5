"""In a process of a sweep: wraps what the product does at the places where a kill would hurt, and dies there.

The harness gives orders, a file each in the `orders` folder: at which moment, after having passed it how often,
and how long after it. Who meets the moment first claims the file (a rename: one process only), notes where it is,
and kills itself with SIGKILL, which nothing can catch or tidy up after. So a kill can hit what lasts microseconds,
such as the time between the writing of a temporary file and its renaming, as often as what lasts seconds, and the
product has no code for tests in it.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias

Role: TypeAlias = Literal["inline", "driver", "worker"]
"""inline: driver and worker in one process."""
VARIABLE = "SEEDSWEEP_CHAOS"
"""Holds the folder of a sweep's chaos. Whatever process was started by the sweep has it in its environment."""
ORDERS, CLAIMED, KILLS, MET = "orders", "claimed", "kills", "met"
START = "start"
"""The moment at which a process has been hooked."""
TRAINING, EVALUATION, ELSEWHERE = "training", "evaluation", "elsewhere"
HALF, WHOLE, RENAMED = "half written", "written, not renamed", "renamed"
"""Of a file: its temporary is cut in half, is complete, or has just been given its name."""
IN_A_WRITE = (HALF, WHOLE)

_FILES = {
    ".parquet": "block",
    "checkpoint.pt": "checkpoint",
    ".safetensors": "kept checkpoint",
    "progress.json": "progress",
    "pack.json": "pack.json",
    "sweep.json": "record",
    "merged.json": "record of merging",
    ".txt": "log",
}
"""What a file is, by the end of its name."""


@dataclass(frozen=True)
class Order:
    """That a process shall die."""

    moment: str
    passed: int = 0
    """Times that the process has passed the moment before."""
    delay: float = 0.0
    """Seconds from the moment to the kill."""
    role: Role = "inline"

    def give(self, folder: Path) -> Path:
        """To the processes of a sweep; returns the file, which is there until one carries it out."""
        order = folder / ORDERS / uuid.uuid4().hex
        _write(order, json.dumps(asdict(self)))
        return order


@dataclass(frozen=True)
class Kill:
    """One that has happened."""

    role: str
    moment: str
    pid: int


def kills(folder: Path) -> list[Kill]:
    """Those that processes of a sweep have carried out, in order of time."""
    return [Kill(**json.loads(path.read_text())) for path in sorted((folder / KILLS).iterdir())]


def make_folder(folder: Path) -> Path:
    """Where the processes of a sweep find their orders and note what they do."""
    for name in (ORDERS, CLAIMED, KILLS, MET):
        (folder / name).mkdir(parents=True)
    return folder


def _write(path: Path, text: str) -> None:
    """Whole or not at all: somebody looks for it."""
    hidden = path.parent.parent / uuid.uuid4().hex
    hidden.write_text(text)
    os.rename(hidden, path)


class Hook:
    """Of one process."""

    def __init__(self, folder: Path, role: Role) -> None:
        self._orders, self._claimed, self._kills, self._met = (
            folder / name for name in (ORDERS, CLAIMED, KILLS, MET)
        )
        self._role = role
        self._passed: Counter[str] = Counter()
        self.where = ELSEWHERE

    def meet(self, moment: str, harm: Callable[[], None] | None = None) -> None:
        """The process is at this moment: if it shall die here, it does; before that `harm` is done."""
        self._passed[moment] += 1
        for name in os.listdir(self._orders):
            try:
                order = Order(**json.loads((self._orders / name).read_text()))
                if order.moment != moment or self._passed[moment] <= order.passed or order.role != self._role:
                    continue
                os.rename(self._orders / name, self._claimed / name)
            except FileNotFoundError:  # another process was quicker
                continue
            if order.delay:
                threading.Thread(target=self._die_later, args=(order.delay,), daemon=True).start()
                continue
            if harm is not None:
                harm()
            self._die(moment)

    @contextmanager
    def at(self, moment: str) -> Iterator[None]:
        """While entered, the process is at this moment."""
        before, self.where = self.where, moment
        try:
            self.meet(moment)
            yield
        finally:
            self.where = before

    def note_met(self) -> None:
        """Write down how often each moment was met, for who wants to choose among them."""
        (self._met / str(os.getpid())).write_text(json.dumps(self._passed))

    def _die_later(self, delay: float) -> None:
        time.sleep(delay)
        self._die(self.where)

    def _die(self, moment: str) -> None:
        line = json.dumps({"role": self._role, "moment": moment, "pid": os.getpid()})
        _write(self._kills / f"{time.time_ns()}-{os.getpid()}", line)
        os.kill(os.getpid(), signal.SIGKILL)


def install(folder: Path, role: Role) -> Hook:
    """Hook this process, once: what it has imported already, and what it will import."""
    hook = Hook(folder, role)
    wrappers = {name: functools.partial(wrap, hook) for name, wrap in _WRAPPERS.items()}
    for name, wrap in wrappers.items():
        if name in sys.modules:
            wrap(sys.modules[name])
    sys.meta_path.insert(0, _Finder({name: wrap for name, wrap in wrappers.items() if name not in sys.modules}))
    hook.meet(START)
    return hook


class _Finder(importlib.abc.MetaPathFinder):
    """Wraps modules as soon as they are imported."""

    def __init__(self, wrappers: dict[str, Callable[[ModuleType], None]]) -> None:
        self._wrappers = wrappers

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        wrap = self._wrappers.pop(name, None)
        spec = importlib.machinery.PathFinder.find_spec(name, path) if wrap else None
        if wrap is None or spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_wrap(module: ModuleType) -> None:
            execute(module)
            wrap(module)

        spec.loader.exec_module = execute_and_wrap  # type: ignore[method-assign]
        return spec


class _WatchedOs:
    """`os` for the file that writes: all as it is, but a rename is three moments and a deletion is one."""

    def __init__(self, hook: Hook) -> None:
        self._hook = hook

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def replace(self, source: Path, target: Path) -> None:
        file = next((kind for end, kind in _FILES.items() if target.name.endswith(end)), "other file")
        self._hook.meet(f"{file} {HALF}", harm=lambda: os.truncate(source, os.path.getsize(source) // 2))
        self._hook.meet(f"{file} {WHOLE}")
        os.replace(source, target)
        self._hook.meet(f"{file} {RENAMED}")


def _watch_disk(hook: Hook, module: Any) -> None:
    module.os = _WatchedOs(hook)


def _watch_files(hook: Hook, module: Any) -> None:
    _around(hook, module.Files, "delete", "a deletion")
    _around(hook, module.Files, "delete_folder", "a deletion")


def _watch_job(hook: Hook, module: Any) -> None:
    module.REPORT_SECONDS = 0.1
    report = module.StoreSink.report

    @functools.wraps(report)
    def met_report(*arguments: Any, **named: Any) -> None:
        hook.meet(TRAINING)
        report(*arguments, **named)

    module.StoreSink.report = met_report


def _watch_trainer(hook: Hook, module: Any) -> None:
    _around(hook, module.PackTrainer, "evaluate", EVALUATION)


def _small_blocks(hook: Hook, module: Any) -> None:
    module.ROWS_PER_BLOCK = 100


def _watch_engine(hook: Hook, module: Any) -> None:
    _around(hook, module.EngineRecipe, "train", TRAINING)
    module.train_pack = functools.partial(module.train_pack, checkpoint_seconds=0.02)


def _watch_command(hook: Hook, module: Any) -> None:
    _around(hook, module.ProgramRecipe, "train", TRAINING)


def _watch_function(hook: Hook, module: Any) -> None:
    _around(hook, module.FunctionRecipe, "train", TRAINING)


def _keep_often(hook: Hook, module: Any) -> None:
    """Programs last milliseconds here: what is done every second or so, is done more often."""
    module.FIRST_WRITTEN = 0.05
    module.written_next = lambda elapsed: elapsed + 0.1
    for name in ("LOOK_SECONDS", "READ_SECONDS"):
        if hasattr(module, name):
            setattr(module, name, 0.02)


_WRAPPERS: dict[str, Callable[[Hook, Any], None]] = {
    "seedsweep.sweep.disk": _watch_disk,
    "seedsweep.sweep.files": _watch_files,
    "seedsweep.sweep.job": _watch_job,
    "seedsweep.workers.trainer": _watch_trainer,
    "seedsweep.workers.recorder": _small_blocks,
    "seedsweep.workers.engine": _watch_engine,
    "seedsweep.workers.programs.recipe": _watch_command,
    "seedsweep.workers.programs.functionrecipe": _watch_function,
    "seedsweep.workers.programs.command": _keep_often,
    "seedsweep.workers.programs.function": _keep_often,
}


def _around(hook: Hook, owner: Any, name: str, moment: str) -> None:
    honest = getattr(owner, name)

    @functools.wraps(honest)
    def watched(*arguments: Any, **named: Any) -> Any:
        with hook.at(moment):
            return honest(*arguments, **named)

    setattr(owner, name, watched)
