"""What this machine says of its memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from seedsweep.memory import free_memory, kernel_kills

MAX, CURRENT = "sys/fs/cgroup/memory.max", "sys/fs/cgroup/memory.current"
MEMINFO = "MemTotal:       16000000 kB\nMemAvailable:    8000000 kB\n"
FIRST = {"memory/memory.limit_in_bytes": "3000\n", "memory/memory.usage_in_bytes": "1000\n"}


@pytest.mark.parametrize(
    ("files", "free"),
    [
        ({}, None),
        ({"proc/meminfo": MEMINFO}, 8_192_000_000),
        ({"proc/meminfo": MEMINFO, MAX: "max", CURRENT: "5"}, 8_192_000_000),
        ({"proc/meminfo": MEMINFO, MAX: "900", CURRENT: "500"}, 400),
        ({MAX: "900", CURRENT: "950"}, 0),
        ({"proc/meminfo": MEMINFO} | {f"sys/fs/cgroup/{name}": text for name, text in FIRST.items()}, 2000),
    ],
)  # fmt: skip
def test_what_is_free_is_the_least_of_what_is_said(
    files: dict[str, str], free: int | None, tmp_path: Path
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert free_memory(tmp_path) == free


def test_this_machine_is_asked() -> None:
    assert kernel_kills() >= 0
    free = free_memory()
    assert free is None or free > 2**20
