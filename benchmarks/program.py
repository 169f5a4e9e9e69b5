"""What a sweep of one's own script costs beside the script itself: 200 seeds on Ray, against a plain loop.

    python benchmarks/program.py

The script writes five rows and does nothing else, so that all that is measured is overhead; the loop starts it for
every seed, one after another, as one would in a shell. Then the rows are counted: none may be missing or doubled.

Recorded output: benchmarks/program.txt
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import seedsweep as ss
from seedsweep.sweep.events import Event

SEEDS, STEPS = 200, 5
SCRIPT = f"""\
import json, random, sys
width, seed, out = sys.argv[1:]
with open(out + "/metrics.jsonl", "w") as file:
    for step in range({STEPS}):
        accuracy = random.Random(f"{{width}} {{seed}} {{step}}").random()
        file.write(json.dumps({{"step": step, "accuracy": accuracy}}) + "\\n")
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "train.py").write_text(SCRIPT)
        began = time.perf_counter()
        for seed in range(SEEDS):
            out = place / "loop" / str(seed)
            out.mkdir(parents=True)
            subprocess.run([sys.executable, "train.py", "16", str(seed), str(out)], cwd=place, check=True)
        loop = time.perf_counter() - began

        spec = ss.sweep(
            f"{sys.executable} train.py {{width}} {{seed}} {{dir}}",
            scale={"width": [16]},
            seeds=range(SEEDS),
            success={"metric": "accuracy", "at_least": 0.5},
            metrics="metrics.jsonl",
            directory=place,
        )
        began = time.perf_counter()
        ready = 0.0

        def note(event: Event) -> None:
            nonlocal ready
            if event.kind == "ready":
                ready = time.perf_counter() - began

        result = ss.run(spec, place / "sweep", on_progress=note)
        seconds = time.perf_counter() - began
        rows = ss.load(place / "sweep").to_arrow("accuracy").select(["seed", "step"]).to_pylist()
    cells = {(row["seed"], row["step"]) for row in rows}
    assert (result.trained, len(rows), len(cells)) == (SEEDS, SEEDS * STEPS, SEEDS * STEPS)
    cores = len(os.sched_getaffinity(0))
    print(f"{SEEDS} seeds of a script, {cores} cores, {platform.machine()}, Python {platform.python_version()}")
    print(f"loop        {loop:6.1f} s  {1000 * loop / SEEDS:6.0f} ms a seed")
    print(f"Ray         {seconds:6.1f} s, of which {ready:.1f} s until its workers are up")
    print(f"            {1000 * (seconds - ready) / SEEDS:6.0f} ms a seed thereafter")
    print(f"rows        {len(rows)} of {SEEDS * STEPS}, none doubled")


if __name__ == "__main__":
    main()
