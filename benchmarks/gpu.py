"""All that this project wants to know of a GPU, in one command that may be stopped and goes on where it was.

    make bench-gpu MINUTES=60
    python -m benchmarks.gpu --rehearse --out DIRECTORY     # all stages on a CPU, small: whether the command works

In this order, each stage a command of its own whose output is kept in benchmarks/results/gpu: tests on the GPU,
the engine's other tests, `verify`, seeds per hour at the paper's sizes, profiles of a step, and then, with the
time that is left, real cells of the paper: count over width, from one head on. A stage that has ended is not run
again as long as code and GPU are the same. It needs neither Ray nor the network; docs/how-to/gpu.md says what it
needs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results" / "gpu"
CODE = ("seedsweep", "benchmarks", "presets", "tests/workers", "tests/golden")
"""What decides the results."""
GRACE = 60.0
"""Seconds in which a command that is interrupted may write a checkpoint."""
SPEEDS = {
    "count-width": ("paper/count-width", ("1", "2", "8")),
    "addition-width": ("paper/addition-width", ("1", "8")),
    "question-formation": ("paper/question-formation-mix", ("0.5",)),
}
"""Presets whose speed is measured, and at which scales."""
VERIFIED = {"count-depth": "2", "question-formation-mix": "0.5"}
"""Pocket presets, and at which scale: where a single seed takes no time, for every one is trained alone."""
ENGINE_TESTS = (
    *("-n", "logical", "--maxprocesses", "8", "-m", "not heavy"),
    *("tests/workers", "tests/test_golden.py", "--ignore", "tests/workers/programs"),
)
POPULATION = "paper/count-width"
LATER = "later"


@dataclass(frozen=True)
class Stage:
    """A command, as the words behind `python -m`."""

    name: str
    command: tuple[str, ...]


def stages(out: Path) -> list[Stage]:
    """On a GPU, in the order in which they are wanted."""
    pytest = ("pytest", "-q", "-p", "no:cacheprovider")
    found = [
        Stage("tests-gpu", (*pytest, "tests/workers/test_cuda.py")),
        Stage("tests-engine", (*pytest, *ENGINE_TESTS)),
    ]
    for name, scale in VERIFIED.items():
        one_scale = ("--set", f"scale.values=[{scale}]")
        verify = ("seedsweep", "verify", f"pocket/{name}", *one_scale, "--steps", "200", "--json")
        found.append(Stage(f"verify-{name}", verify))
    for name, (preset, scales) in SPEEDS.items():
        speed = (
            "benchmarks.seeds_per_hour",
            "--preset",
            preset,
            "--scales",
            *scales,
            "--name",
            f"{out}/speed-{name}",
        )
        found.append(Stage(f"speed-{name}", speed))
    for name, (preset, scales) in SPEEDS.items():
        for scale in scales:
            found.append(_profile(f"profile-{name}-{scale}", preset, scale, out))
    from seedsweep.sweep.specfile import read_spec

    ladder = [f"{value:g}" for value in read_spec(POPULATION).spec.scale.values]
    return found + [_population(POPULATION, ladder[: last + 1], out) for last in range(len(ladder))]


def rehearsal(out: Path) -> list[Stage]:
    """The same commands on a CPU, each with as little work as it takes."""
    preset, one_scale = "pocket/count-depth", ("--set", "scale.values=[1]")
    least = ("--packs", "1", "--jax", "--processes", "1", "--no-compiled", "--steps", "1", "--rounds", "2")
    return [
        Stage("tests-gpu", ("pytest", "-q", "-p", "no:cacheprovider", "tests/workers/test_cuda.py")),
        Stage("verify", ("seedsweep", "verify", preset, *one_scale, "--steps", "2", "--json")),
        Stage(
            "speed",
            ("benchmarks.seeds_per_hour", "--preset", preset, "--scales", "1", *least, "--name", f"{out}/speed"),
        ),
        _profile("profile", preset, "1", out),
        _population(preset, ["1"], out, "--seeds", "0:2", "--set", "train.steps=4", "--set", "train.warmup=1"),
    ]


def _profile(name: str, preset: str, scale: str, out: Path) -> Stage:
    which = ("--preset", preset, "--scale", scale)
    return Stage(name, ("benchmarks.profile_step", *which, "--trace", f"{out}/{name}.trace.json.gz"))


def _population(preset: str, scales: list[str], out: Path, *changes: str) -> Stage:
    """A ladder up to some scale; what is there of it already is not trained again."""
    ladder = f"scale.values=[{','.join(scales)}]"
    place = str(out / preset.rpartition("/")[2])
    words = ("seedsweep", "run", preset, "--executor", "inline", "--out", place, "--set", ladder, *changes)
    return Stage(f"population-to-{scales[-1]}", words)


def main() -> int:
    """The exit status: 0 if nothing failed, also where the time did not suffice; 1; 2 for bad input."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=60.0, help="for all stages together; default: 60")
    parser.add_argument("--rehearse", action="store_true", help="on a CPU, small")
    parser.add_argument("--out", type=Path, default=RESULTS, help="default: benchmarks/results/gpu")
    arguments = parser.parse_args()
    if not arguments.minutes > 0:
        return _refuse(f"--minutes: {arguments.minutes:g} is no time; give at least 1")
    try:
        import torch

        import seedsweep.sweep.specfile  # noqa: F401
    except ModuleNotFoundError as error:
        return _refuse(f"{error.name} is not installed; docs/how-to/gpu.md says what is needed")
    if not (torch.cuda.is_available() or arguments.rehearse):
        return _refuse("torch sees no CUDA device; on a CPU --rehearse goes through all stages")
    if arguments.rehearse and arguments.out == RESULTS:
        return _refuse("--out: a rehearsal measures nothing that is to be kept here; name another directory")
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    device = "a CPU, rehearsing" if arguments.rehearse else torch.cuda.get_device_name()
    origin = {"gpu": device, "code": code_digest()}
    print(f"{device}, {arguments.minutes:g} minutes; results are kept in {out}", flush=True)
    ends = time.monotonic() + 60 * arguments.minutes
    states = {}
    for stage in (rehearsal if arguments.rehearse else stages)(out):
        states[stage.name] = state = run(stage, out, origin, ends)
        print(f"{stage.name:<32} {state}", flush=True)
    failed = [name for name, state in states.items() if state.startswith("failed")]
    if LATER in states.values():
        print("the time is over; the same command goes on where it was")
    return 1 if failed else 0


def run(stage: Stage, out: Path, origin: dict[str, str], ends: float) -> str:
    """Run a stage if it has not ended yet and there is time: how it stands, in a few words."""
    marker = out / f"{stage.name}.done.json"
    if marker.exists():
        done: dict[str, Any] = json.loads(marker.read_text())
        if done["origin"] == origin:
            return f"done before, in {done['seconds']:.0f} s"
    if time.monotonic() >= ends:
        return LATER
    print(f"{stage.name} …", file=sys.stderr, flush=True)
    began = time.monotonic()
    with (out / f"{stage.name}.out").open("wb") as said, (out / f"{stage.name}.log").open("wb") as log:
        # A session of its own: what it has started goes with it, and Ctrl-C reaches it through us alone.
        process = subprocess.Popen(
            [sys.executable, "-m", *stage.command], cwd=ROOT, stdout=said, stderr=log, start_new_session=True
        )
        try:
            status = process.wait(max(0.0, ends - time.monotonic()))
        except subprocess.TimeoutExpired:
            _end(process)
            return LATER
        except BaseException:
            _end(process)
            raise
    seconds = time.monotonic() - began
    if status:
        return f"failed with exit status {status} after {seconds:.0f} s, see {stage.name}.log and .out"
    from seedsweep.sweep.provenance import now, provenance

    command = shlex.join(("python", "-m", *stage.command))
    made_by = {key: value for key, value in provenance().items() if key in ("python", "packages", "commit")}
    content = {"command": command, "date": now(), "seconds": seconds, "origin": origin} | made_by
    marker.write_text(json.dumps(content, indent=1) + "\n")
    return f"done in {seconds:.0f} s"


def _end(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does it; what is then left of it, with all that it started, is killed."""
    process.send_signal(signal.SIGINT)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        pass
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        process.wait()


def code_digest() -> str:
    """Of all files that decide the results."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".yaml", ".json") and RESULTS.parent not in path.parents:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _refuse(message: str) -> int:
    print(f"bench-gpu: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("interrupted; the same command goes on where it was", file=sys.stderr)
        sys.exit(130)
