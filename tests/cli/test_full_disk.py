"""A real disk that is full, read-only or gone: a line names the place, status 3, and the same command goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seedsweep.cli import STORAGE
from tests.cli.test_commands import COUNT, SPEC

MOUNT = "mkdir d && mount -t tmpfs -o size={size} tmpfs d"
ALLOWED = subprocess.run(
    ["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
).returncode


def in_a_namespace(script: str, where: Path, allow: str = "-rm") -> list[str]:
    """What a script prints that may, unless told otherwise, mount a disk of its own; errors go between."""
    command = ["unshare", allow, "bash", "-c", script.replace("seedsweep", f"{sys.executable} -m seedsweep")]
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
    lines = in_a_namespace(script, tmp_path)
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
    *said, status, page, files, more = in_a_namespace(script, tmp_path)
    assert status == f"status {STORAGE}"
    assert "seedsweep: d/report.html: cannot be written: No space left on device" in said[-1]
    assert (page, files, more) == ("mine", "fill", "report.html")


FUNCTION = """
import time
def train(width, seed, report):
    for step in range(60):
        report(step, accuracy=(width * seed * step) % 7 / 7, split="test")
        time.sleep(SECONDS)
"""
PROGRAM = """
program: {function: "steps:train", directory: .}
scale: {field: program.width, values: [16]}
seeds: 0:2
success: {metric: accuracy, split: test, at_least: 0.5}
"""
WAYS = {
    # A folder that may not be written any more; `unshare -U` makes root somebody who is held to it.
    "Permission denied": ("-U", "chmod -R a-w d/sw", "chmod -R u+w d/sw"),
    # As a mount that has become read-only after an error of its disk.
    "Read-only file system": (
        "-rm", "mount --bind d d && mount -o remount,bind,ro d", "mount -o remount,bind,rw d"
    ),
    # As a network disk that is gone.
    "the directory is gone": ("-rm", "mount -t tmpfs nothing d", "umount d"),
}  # fmt: skip


@pytest.mark.parametrize("why", WAYS)
def test_a_store_that_fails_in_the_middle_ends_in_a_line_and_costs_no_attempt(why: str, tmp_path: Path) -> None:
    allow, spoil, mend = WAYS[why]
    (tmp_path / "steps.py").write_text(FUNCTION.replace("SECONDS", "0.1"))
    (tmp_path / "program.yaml").write_text(PROGRAM)
    script = f"""
        mkdir d
        seedsweep run program.yaml --executor inline --out d/sw & run=$!
        until ls d/sw/work/*/progress.json; do sleep 0.1; done >/dev/null 2>&1
        {spoil}; wait $run; echo status $?
        {mend}; sed -i s/0.1/0/ steps.py; ls d/sw/failures 2>/dev/null
        seedsweep run program.yaml --executor inline --out d/sw; echo status $?
    """
    lines = in_a_namespace(script, tmp_path, allow)
    assert not [line for line in lines if "Traceback" in line or "attempt" in line]
    told = [line for line in lines if line.startswith("seedsweep:")]
    place = tmp_path / "d" / "sw"
    assert told == [f"seedsweep: {place}: cannot be written: {why}; once it can, the same command goes on"]
    assert [line for line in lines if line.startswith("status")] == [f"status {STORAGE}", "status 0"]
    table = pq.read_table(place / "metrics", columns=["seed", "step", "value"]).sort_by(
        [("seed", "ascending"), ("step", "ascending")]
    )
    assert table.column("step").to_pylist() == [*range(60), *range(60)]


SCRIPT = """
import json, sys
with open(f"{sys.argv[1]}/metrics.jsonl", "w") as file:
    file.write(json.dumps({"step": 1, "test/accuracy": 0.5}) + chr(10))
with open(f"{sys.argv[1]}/weights", "wb") as file:
    file.write(bytes(1_000_000))
"""


def test_a_program_that_finds_no_room_fails_for_the_disk_and_not_for_itself(tmp_path: Path) -> None:
    """Its folder is on the disk of the sweep."""
    (tmp_path / "fill.py").write_text(SCRIPT)
    command = f"{sys.executable} -S fill.py {{dir}} {{width}}"
    program = f'program: {{command: "{command}", metrics: metrics.jsonl, directory: .}}'
    _, _, *rest = PROGRAM.splitlines()
    (tmp_path / "program.yaml").write_text("\n".join([program, *rest]))
    run = "seedsweep run program.yaml --executor inline --out d/sw"
    script = f"""
        {MOUNT.format(size="300k")}
        {run}; echo status $?; ls -A d/sw/failures 2>/dev/null
        mount -o remount,size=50M d
        {run}; echo status $?
    """
    lines = in_a_namespace(script, tmp_path)
    assert not [line for line in lines if "Traceback" in line or "attempt" in line]
    assert [line for line in lines if line.startswith(("seedsweep:", "status"))] == [
        f"seedsweep: {tmp_path}/d/sw: cannot be written: No space left on device; once it can, the same command "
        "goes on",
        f"status {STORAGE}",
        "status 0",
    ]
