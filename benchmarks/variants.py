"""One way of training, timed in a process of its own, which waits while others are timed.

So that what one library keeps in memory or does to the processor's state is no other's burden, and the peak memory
of each can be told.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

MATMUL = {"cpu": 2048, "cuda": 8192}
"""Rows of the square matrices whose product measures what the device can do."""


@dataclass(frozen=True)
class Cells:
    """What is trained, as text, so that every process reads it for itself."""

    preset: str
    overrides: tuple[str, ...]
    scale: float
    device: str
    cores: tuple[int, ...]
    """That the process may use; none: all."""
    steps: int
    """Taken at a time."""
    threads: int = 1
    """Of torch, in every process."""


@dataclass(frozen=True)
class Variant:
    """How it is trained."""

    kind: str
    """`matmul`, `plain`, `plain-compiled`, `pack`, `compiled`, `jax`."""
    seeds: int = 1
    """Together in one process."""
    processes: int = 1
    """At the same time."""

    def __str__(self) -> str:
        name = f"{self.kind} {self.seeds}" if self.kind in ("pack", "compiled", "jax") else self.kind
        return name if self.processes == 1 else f"{name} × {self.processes} processes"


@dataclass(frozen=True)
class Ready:
    """A process has taken its first steps."""

    seconds: float
    """Of setting up and compiling, imports apart."""


class Running:
    """The processes of a variant."""

    def __init__(self, variant: Variant, cells: Cells) -> None:
        """Raises RuntimeError with the reason if the variant cannot be had: a library is missing, memory ends."""
        self.variant, self._cells = variant, cells
        context = multiprocessing.get_context("spawn")
        self._ends: list[Connection] = []
        self._processes: list[Any] = []
        for _ in range(variant.processes):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, variant, cells), daemon=True)
            process.start()
            there.close()
            self._ends.append(here)
            self._processes.append(process)
        try:
            self.setup = max(self._receive(end).seconds for end in self._ends)
        except RuntimeError:
            self.stop()
            raise

    def seconds(self) -> float:
        """Of one seed and step (of one product for `matmul`), all processes at work."""
        for end in self._ends:
            end.send("steps")
        longest: float = max(self._receive(end) for end in self._ends)
        return longest / self._cells.steps / self.variant.seeds / self.variant.processes

    def parts(self) -> dict[str, float]:
        """Where a step's time goes: shares by kind of operation."""
        self._ends[0].send("parts")
        found: dict[str, float] = self._receive(self._ends[0])
        return found

    def peak_bytes(self) -> int:
        """Memory of all its processes at most: resident, or of the GPU where there is one."""
        for end in self._ends:
            end.send("peak")
        return sum(self._receive(end) for end in self._ends)

    def stop(self) -> None:
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.join(10)
            process.kill()

    def _receive(self, end: Connection) -> Any:
        try:
            answer = end.recv()
        except EOFError:
            raise RuntimeError(f"{self.variant}: its process has ended, perhaps for lack of memory") from None
        if isinstance(answer, BaseException):
            raise RuntimeError(f"{self.variant}: {type(answer).__name__}: {answer}")
        return answer


def _serve(end: Connection, variant: Variant, cells: Cells) -> None:
    """The process: sets up, then does what it is asked to until nobody asks any more."""
    if cells.cores:
        os.sched_setaffinity(0, cells.cores)
    try:
        take, parts, began = _made(variant, cells)
        take()
        end.send(Ready(time.perf_counter() - began))
    except Exception as error:
        end.send(RuntimeError(f"{type(error).__name__}: {error}"))
        return
    while True:
        try:
            asked = end.recv()
        except EOFError:
            return
        if asked == "steps":
            began = time.perf_counter()
            take()
            end.send(time.perf_counter() - began)
        elif asked == "parts":
            end.send(parts())
        else:
            end.send(_peak_bytes(cells.device))


def _made(variant: Variant, cells: Cells) -> tuple[Callable[[], None], Callable[[], dict[str, float]], float]:
    """What takes the steps, what tells where their time goes, and when setting up began."""
    import torch

    from seedsweep.seeds import Seed
    from seedsweep.sweep.specfile import read_spec
    from seedsweep.workers.device import reproducible
    from seedsweep.workers.trainer import PackTrainer

    torch.set_num_threads(cells.threads)
    compiled = ["train.compile=true"] if variant.kind == "compiled" else []
    spec = read_spec(cells.preset, overrides=[*cells.overrides, *compiled]).spec
    settings = spec.recipes[cells.scale].settings.from_scratch()
    began = time.perf_counter()
    synchronise = torch.cuda.synchronize if cells.device == "cuda" else lambda: None

    def nothing() -> dict[str, float]:
        return {}

    if variant.kind == "matmul":
        size = MATMUL[cells.device]
        kind = torch.bfloat16 if settings.train.precision == "bfloat16" else torch.float32
        matrix = torch.randn(size, size, device=cells.device, dtype=kind)

        def products() -> None:
            for _ in range(cells.steps):
                torch.mm(matrix, matrix)
            synchronise()

        return products, nothing, began
    if variant.kind == "jax":
        from benchmarks.rivals import jax_scan

        if not jax_scan.knows(settings.model):
            raise NotImplementedError("this model is not written in JAX here")
        return jax_scan.scan(settings, variant.seeds, cells.steps), nothing, began
    if variant.kind.startswith("plain"):
        from benchmarks.rivals.torch_loop import loop

        steps = loop(settings, cells.device, compiled=variant.kind == "plain-compiled")

        def plain() -> None:
            steps(cells.steps)
            synchronise()

        return plain, nothing, began

    for_life = ExitStack()
    for_life.enter_context(reproducible(cells.device, settings.train.precision))
    trainer = PackTrainer(settings, [Seed(s, s) for s in range(variant.seeds)], cells.device)

    def packed(_settings_stay: ExitStack = for_life) -> None:
        if trainer.step + cells.steps > settings.train.steps:
            trainer.step = 0
        trainer.train_to(trainer.step + cells.steps)
        synchronise()

    return packed, lambda: _parts(packed), began


KINDS = {
    "matrix products": ("mm", "addmm", "gemm", "cutlass", "linear", "seedsweep::product"),
    "attention": ("attention", "flash", "softmax"),
    "optimiser": ("adamw", "vector_norm"),
    "layer norms": ("layer_norm", "rsqrt"),
}
"""Parts of names of operations and kernels."""


def _parts(take: Callable[[], None]) -> dict[str, float]:
    from torch.profiler import profile

    with profile() as recorded:
        take()
    seconds: dict[str, float] = {}
    for event in recorded.key_averages():
        kind = next((k for k, names in KINDS.items() if any(name in event.key.lower() for name in names)), "rest")
        own = event.self_device_time_total or event.self_cpu_time_total
        seconds[kind] = seconds.get(kind, 0.0) + own
    total = sum(seconds.values())
    return {kind: own / total for kind, own in sorted(seconds.items(), key=lambda item: -item[1])}


def _peak_bytes(device: str) -> int:
    if device == "cuda":
        import torch

        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
