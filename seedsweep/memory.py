"""Memory of this machine: how much is free, and whether its kernel had to kill for it."""

from __future__ import annotations

from pathlib import Path

GROUP_FILES = (
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)
"""Limit and use of a control group, of its second and its first version."""


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process and its children may still take: of the machine, or of its control group if that has
    less. None where neither says."""
    bounds = []
    try:
        fields = dict(line.split(":", 1) for line in (root / "proc/meminfo").read_text().splitlines())
        bounds.append(1024 * int(fields["MemAvailable"].split()[0]))
    except (OSError, KeyError):  # not Linux
        pass
    for limit, used in GROUP_FILES:
        try:
            most, now = ((root / "sys/fs/cgroup" / file).read_text().strip() for file in (limit, used))
        except OSError:
            continue
        if most != "max":
            bounds.append(max(0, int(most) - int(now)))
    return min(bounds, default=None)


def kernel_kills() -> int:
    """Processes that this machine's kernel has killed for lack of memory since it started; 0 if it does not say.

    A process that is killed leaves no word why. If this number has grown meanwhile, that was most likely why.
    """
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:  # not Linux
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
