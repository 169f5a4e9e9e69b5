"""The device a pack runs on: choosing it, setting it up for reproducible arithmetic, describing it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seedsweep.errors import InputError
from seedsweep.workers import heap


def choose_device(wanted: str) -> str:
    """`auto` is `cuda` where there is one, else `cpu`; InputError if a device is asked for that is not there."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cuda" and not torch.cuda.is_available():
        raise InputError("execution.device: cuda is asked for but torch sees no CUDA device; use auto or cpu")
    return wanted


def broken_device(device: str) -> str | None:
    """Why this process cannot compute on a device, after a small product; None if it can."""
    if device == "cuda" and not torch.cuda.is_available():
        return "torch sees no CUDA device there"
    try:
        ones = torch.ones(8, 8, device=device)
        product = float((ones @ ones).sum())
    except RuntimeError as error:  # a driver that is too old, a GPU that this torch has no kernels for, …
        return f"torch cannot compute on its CUDA device: {str(error).strip().partition(chr(10))[0]}"
    return None if product == 512.0 else f"its CUDA device gives {product} for a sum that is 512"


def count_devices(device: str) -> int:
    """Packs that this machine can train at a time: its GPUs, or the CPU cores this process may use."""
    if device == "cuda":
        return torch.cuda.device_count()
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_precision(precision: str, device: str) -> None:
    """InputError if the device does not have the precision."""
    if precision == "tf32" and device == "cpu":
        raise InputError("train.precision: tf32 exists on CUDA devices only; use float32 on a CPU")


@contextmanager
def reproducible(device: str, precision: str) -> Iterator[None]:
    """Arithmetic whose result does not depend on luck; what was set before is put back afterwards.

    On a CPU one thread: seeds are spread over processes instead, and two thread pools on two cores are many
    times slower than none. Denormal numbers are flushed to zero there, as CUDA's fast paths do: a step took
    1.4 times as long with them. On CUDA deterministic kernels, but not what torch does besides for those who read
    memory that nobody has written: it fills every new tensor first.
    """
    deterministic_mode: Any = torch.utils.deterministic  # a module with properties, of which mypy knows nothing
    threads, matmul = torch.get_num_threads(), torch.get_float32_matmul_precision()
    deterministic = torch.are_deterministic_algorithms_enabled()
    filling = deterministic_mode.fill_uninitialized_memory
    flushing = bool(torch.tensor(1e-39) * 1.0 == 0.0)  # torch has no way to ask
    try:
        torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
        if device == "cpu":
            torch.set_num_threads(1)
            torch.set_flush_denormal(True)
        else:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True)
            deterministic_mode.fill_uninitialized_memory = False
        with heap.kept() if device == "cpu" else nullcontext():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(flushing)
        torch.set_float32_matmul_precision(matmul)
        torch.use_deterministic_algorithms(deterministic)
        deterministic_mode.fill_uninitialized_memory = filling


def to_host(*tensors: Tensor) -> list[np.ndarray]:
    """The values of all these tensors. A GPU copies them into page-locked memory, and is waited for once."""
    copies = [tensor.to("cpu", non_blocking=True) for tensor in tensors]
    if any(tensor.is_cuda for tensor in tensors):
        torch.cuda.current_stream().synchronize()
    return [copy.numpy() for copy in copies]


def describe(device: str) -> dict[str, Any]:
    """What the arithmetic depends on besides the settings, for the provenance of every block."""
    name = torch.cuda.get_device_name() if device == "cuda" else platform.processor() or platform.machine()
    return {
        "device": device,
        "device_name": name,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "python": platform.python_version(),
        "host": platform.node(),
    }
