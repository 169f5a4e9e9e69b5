"""Rates of everything that an analysis says, on populations with known truth.

    python -m benchmarks.calibration --processes 2           # 200 repetitions, 20 of them studied whole
    python -m benchmarks.calibration --repetitions 10        # a minute or two
    python -m benchmarks.calibration --only stuck groups-far --repetitions 50 --whole 10

The populations and what is true of them are in benchmarks/calibration/. Every repetition is drawn by itself,
written as CSV, and read with `seedsweep.read_table`. Single statistics are called directly (`direct`), as a study
calls them; the first repetitions, a tenth by default, get the whole `study`, `verdict` and `findings` as well.
Every rate has its 95 % Wilson limits; "asked" counts repetitions, or scales of all repetitions ("covers"). The
numbers follow from the seed alone.

Recorded output: benchmarks/calibration.txt and .json, made in three runs on two virtual cores of an AMD EPYC that
had much other work, each stopped where the next one begins:

    python -m benchmarks.calibration --processes 2 --repetitions 100 --whole 10
    python -m benchmarks.calibration --processes 2 --repetitions 50 --whole 5     # from null-fifties-128 on
    python -m benchmarks.calibration --processes 2 --repetitions 20 --whole 2     # from intervals-rise-100 on

and, for the populations with streams, in one on one such core:

    python -m benchmarks.calibration --only inside- --repetitions 20 --whole 0

and, for the populations that come and go or do not, in one of half a minute of CPU:

    python -m benchmarks.calibration --only transient- --repetitions 40 --whole 0

Every population says in the .json how many repetitions it had. 0 of 100 is 0 to 4 %, 0 of 50 is 0 to 7 %, 0 of 20
is 0 to 16 %. benchmarks/calibration/targets.py has what is promised, and makes a table of it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.calibration.everything import CASES, named
from benchmarks.calibration.run import measure
from benchmarks.calibration.tally import Tally, wilson


def lines(name: str, tally: Tally) -> list[str]:
    """A case as rows of a plain table. Sentences that were not said and need not be checked are left out."""
    rows = []
    for question, (yes, asked) in sorted(tally.counts.items()):
        if question.startswith("not checked") and yes == 0:
            continue
        rate, low, high = wilson(yes, asked)
        rows.append(f"{name:30} {question:50} {rate:6.3f} {low:6.3f} {high:6.3f} {yes:6} {asked:6}")
    for number, (total, many) in sorted(tally.sums.items()):
        rows.append(f"{name:30} {number:50} {total / many:6.3f} {'':13} {'':6} {many:6}")
    for question, words in sorted(tally.words.items()):
        said = ", ".join(f"{word} {many}" for word, many in words.most_common())
        rows.append(f"{name:30} {question}: {said}")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="how names begin; * is anything")
    parser.add_argument("--repetitions", type=int, default=200, metavar="R")
    parser.add_argument("--whole", type=int, metavar="R", help="repetitions studied whole (default: a tenth)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("calibration.json"), help="where all numbers go")
    parser.add_argument("--list", action="store_true", help="print the names of the populations")
    options = parser.parse_args()
    if options.list:
        print("\n".join(CASES))
        return
    whole = max(1, options.repetitions // 10) if options.whole is None else options.whole
    print(f"seed {options.seed}, {options.repetitions} repetitions, {whole} studied whole")
    print(f"{'population':30} {'question':50} {'rate':>6} {'low':>6} {'high':>6} {'yes':>6} {'asked':>6}")
    populations = {}
    for name, tally in measure(
        named(options.only),
        repetitions=options.repetitions,
        whole=whole,
        seed=options.seed,
        processes=options.processes,
    ):
        print("\n".join(lines(name, tally)), flush=True)  # what is done survives an interruption
        populations[name] = {"repetitions": options.repetitions, "whole": whole, **tally.to_dict()}
    made = {"seed": options.seed, "populations": populations}
    options.json.write_text(_by_line(made) + "\n")


def _by_line(made: dict[str, Any]) -> str:
    """JSON with a line per population, so that a difference shows where it is."""
    head = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in made.items() if name != "populations"]
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in made["populations"].items())
    return "{" + ", ".join(head) + ',\n "populations": {\n' + rows + "\n}}"


if __name__ == "__main__":
    main()
