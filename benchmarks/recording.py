"""Results of benchmarks as files: a table to read and JSON to draw from, with what they were measured on."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

from seedsweep.sweep.provenance import now, provenance

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """The processor, how many of its cores this process may use, versions and the commit; no host names."""
    origin = provenance()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "date": now(),
        "processor": _processor(),
        "cores": cores,
        "gpu": _gpu(),
        "python": origin["python"],
        "packages": origin["packages"],
        "commit": origin["commit"],
    }


def write(name: str, command: str, results: Any, table: str) -> None:
    """Keep `results` as results/NAME.json and the table as results/NAME.txt, below what it was measured on."""
    RESULTS.mkdir(exist_ok=True)
    where = machine()
    content = {"command": command, "machine": where, "results": results}
    (RESULTS / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
    versions = ", ".join(f"{name} {version}" for name, version in where["packages"].items() if version)
    device = where["gpu"] or f"{where['processor']}, {where['cores']} core(s)"
    header = (
        f"{command}\n{where['date']}, {device}\npython {where['python']}, {versions}, commit {where['commit']}\n"
    )
    (RESULTS / f"{name}.txt").write_text(f"{header}\n{table.rstrip()}\n")


def _processor() -> str:
    """Its name and the vector instructions that torch uses of it."""
    import torch

    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"


def _gpu() -> str | None:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
