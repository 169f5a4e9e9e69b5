"""A real disk that is full: one line that names the place, status 3, and the same command goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from seedsweep.cli import STORAGE
from tests.cli.test_commands import COUNT, SPEC

MOUNT = "mkdir d && mount -t tmpfs -o size={size} tmpfs d"
ALLOWED = subprocess.run(
    ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
).returncode


def in_a_small_disk(script: str, where: Path) -> list[str]:
    """What a script prints that may mount a disk of its own; errors go between."""
    command = ["unshare", "-rm", "bash", "-c", script.replace("seedsweep", f"{sys.executable} -m seedsweep")]
    return subprocess.run(
        command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ).stdout.splitlines()


pytestmark = pytest.mark.skipif(ALLOWED != 0, reason="mounting a small disk needs user namespaces (unshare -rm)")


def test_a_run_stops_with_a_word_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SPEC)
    run = "seedsweep run small.yaml --executor inline --out d/sw"
    script = f"""
        {MOUNT.format(size="64k")}; head -c 56K /dev/zero > d/fill
        {run}; echo status $?
        mount -o remount,size=50M d; rm d/fill
        {run}; echo status $?
    """
    lines = in_a_small_disk(script, tmp_path)
    assert not [line for line in lines if "Traceback" in line or "Error" in line]
    first = lines[: lines.index(f"status {STORAGE}")]
    place = tmp_path / "d" / "sw"
    expected = (
        f"seedsweep: {place}: cannot be written: No space left on device; once it can, the same command goes on"
    )
    assert first[-1] == expected
    assert sum(line.startswith("seedsweep:") for line in first) == 1
    assert "trained 8 seeds" in "\n".join(lines)
    assert lines[-1] == "status 0"


def test_a_report_leaves_the_page_that_is_there(tmp_path: Path) -> None:
    script = f"""
        {MOUNT.format(size="64k")}; echo mine > d/report.html; head -c 56K /dev/zero > d/fill
        seedsweep report {COUNT} --out d/report.html > out.txt; echo status $?
        cat d/report.html; ls -A d
    """
    *said, status, page, files, more = in_a_small_disk(script, tmp_path)
    assert status == f"status {STORAGE}"
    assert "seedsweep: d/report.html: cannot be written: No space left on device" in said[-1]
    assert (page, files, more) == ("mine", "fill", "report.html")
