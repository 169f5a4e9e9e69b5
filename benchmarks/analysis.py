"""What reading and analysing a large sweep costs: seconds and peak memory of each step.

    python benchmarks/analysis.py                       # 10 000 cells, 4 million rows
    python benchmarks/analysis.py --seeds 100           # a tenth of it

A synthetic sweep (10 scales × 1000 seeds, 40 evaluations, 2 splits × 5 metrics) is written with the project's own
store into a temporary directory, in packs of 4 seeds, the default on a CPU. The same rows are also written as one
Parquet file, and those of one metric and split as CSV, to be read as anyone's table. Every line is a process of
its own: seconds without, memory with the start of Python and the imports.

Recorded output: benchmarks/analysis.txt
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

import seedsweep
from seedsweep.analysis import figures  # noqa: F401  its import is not what is timed
from seedsweep.analysis.report.draw import draw
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.cell import Pack
from seedsweep.population import Population
from seedsweep.schema import FORMAT, METRICS, BlockInfo
from seedsweep.sweep.record import ScaleRecord, SweepRecord
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec
from seedsweep.sweep.store import Store

PACK = 4
OF_ALL = {"metric": "exact_match", "split": "length-16"}
OVERRIDES = ["task.test_lengths=[16]", "evaluate.every=24", "scale.values=[1,2,3,4,5,6,7,8,9,10]"]


def write_store(place: Path, seeds: int) -> None:
    """A finished sweep whose seeds end near zero or near one, the more of these the larger the scale."""
    spec = read_spec("pocket/count-depth", overrides=OVERRIDES, seeds=f"0:{seeds}").spec
    store = Store(place)
    scales = [
        ScaleRecord(scale=scale, steps=spec.train.steps, flop_per_seed_step=1) for scale in spec.scale.values
    ]
    store.write_record(
        SweepRecord(
            format=FORMAT,
            name="synthetic",
            fingerprint=spec.fingerprint(),
            created="",
            updated="",
            spec=spec.model_dump(mode="json"),
            settings=spec.identity(),
            splits=spec.task.splits(),
            metrics=spec.task.metrics(),
            scales=tuple(scales),
            runs=(),
        )
    )
    random = np.random.default_rng(0)
    for scale in spec.scale.values:
        for first in range(0, seeds, PACK):
            pack = Pack(spec.scale.field, scale, spec.seeds.pairs()[first : first + PACK], spec.fingerprint())
            write_pack(store, spec, pack, random)


def write_pack(store: Store, spec: SweepSpec, pack: Pack, random: np.random.Generator) -> None:
    """All rows of a pack in one block, in the order in which a worker writes them."""
    steps = np.array(spec.recipes[pack.scale].settings.evaluation_steps)
    metrics = [(split.name, metric.name) for split in spec.task.splits() for metric in spec.task.metrics()]
    shape = (len(steps), len(metrics), len(pack.seeds))
    ends = np.where(random.random(shape[2]) < pack.scale / 11, random.beta(8, 2, shape[2]), 0.0)
    values = np.abs(steps[:, None, None] / steps[-1] * ends + random.normal(0, 1e-3, shape))
    values = np.minimum(values, 2 - values)  # in [0, 1] without ties, like a probability
    values[:, ::5] = np.round(values[:, ::5] * 45) / 45  # exact match counts examples

    def column(of: object, axis: int) -> np.ndarray:
        of = np.asarray(of)
        return np.broadcast_to(of.reshape([-1 if i == axis else 1 for i in range(3)]), shape).ravel()

    seeds = column([seed.id for seed in pack.seeds], 2)
    rows = values.size
    columns = {
        "task": pa.repeat("count", rows),
        "scale_name": pa.repeat(pack.scale_name, rows),
        "scale": pa.repeat(pack.scale, rows),
        "seed": seeds,
        "init_seed": seeds,
        "data_seed": seeds,
        "step": column(steps, 0),
        "examples_seen": column(steps * 16, 0),
        "split": column([split for split, _ in metrics], 1),
        "metric": column([metric for _, metric in metrics], 1),
        "value": values.ravel(),
    }
    info = BlockInfo(
        fingerprint=pack.fingerprint,
        pack=pack.name,
        block=0,
        last=True,
        scale=pack.scale,
        seeds=tuple((seed.init, seed.data) for seed in pack.seeds),
        steps=(int(steps[0]), int(steps[-1])),
        provenance={},
    )
    store.write_block(info, pa.table(columns, schema=METRICS))


def write(place: Path) -> None:
    """The store, its rows as one Parquet file, and those of one metric and split as CSV."""
    write_store(place / "sweep", int((place / "seeds").read_text()))
    population = seedsweep.load(place / "sweep")
    rows = population.to_arrow()
    pq.write_table(rows, place / "rows.parquet")
    pa.csv.write_csv(population.to_arrow("exact_match", "ood").drop(["metric", "split"]), place / "rows.csv")
    blocks = len(list(place.glob("sweep/metrics/*/*.parquet")))
    print(f"{10 * len(population.seeds)} cells, {rows.num_rows} rows, {blocks} blocks")


def show(population: Population, place: Path) -> None:
    """What `seedsweep run` and `seedsweep analyze` do at their end."""
    draw(population, summarise_population(population), place / "figures")


def read_table(path: Path, where: dict[str, str]) -> Population:
    """Anyone's table, with curves."""
    return seedsweep.read_table(
        path, scale="scale", seed="seed", metric="value", step="step", threshold=0.5, where=where
    )


def write_report(population: Population, place: Path) -> None:
    """What `seedsweep report` does."""
    page = seedsweep.report(population).write(place / "report.html")
    print(f"{page.stat().st_size / 1e6:.1f} MB of HTML")


STEPS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "write": ("write", lambda place: write(place)),
    "load": ("load the sweep", lambda place: seedsweep.load(place / "sweep")),
    "final": ("… and final values", lambda place: seedsweep.load(place / "sweep").final("exact_match")),
    "curves": (
        "… and all curves of a metric",
        lambda place: seedsweep.load(place / "sweep").curves("exact_match"),
    ),
    "summary": ("… and the summary", lambda place: summarise_population(seedsweep.load(place / "sweep"))),
    "show": ("… and figures", lambda place: show(seedsweep.load(place / "sweep"), place)),
    "report": ("the report, all of it", lambda place: write_report(seedsweep.load(place / "sweep"), place)),
    "parquet": (
        "the same of one Parquet file",
        lambda place: show(read_table(place / "rows.parquet", OF_ALL), place),
    ),
    "continuous": (
        "the same of a continuous metric",
        lambda place: show(read_table(place / "rows.parquet", OF_ALL | {"metric": "min_probability"}), place),
    ),
    "report of a table": (
        "the report of the same metric",
        lambda place: write_report(
            read_table(place / "rows.parquet", OF_ALL | {"metric": "min_probability"}), place
        ),
    ),
    "csv": (
        "read the CSV of one metric and split",
        lambda place: read_table(place / "rows.csv", {}).final("value"),
    ),
}


def measure(step: str, place: Path) -> None:
    """One step, in this process."""
    began = time.perf_counter()
    STEPS[step][1](place)
    seconds = time.perf_counter() - began
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # KiB on Linux
    print(f"{STEPS[step][0]:40} {seconds:7.2f} s {megabytes:7.0f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=1000, help="per scale")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        measure(options.step, options.place)
        return
    versions = f"Python {platform.python_version()}, pyarrow {pa.__version__}, numpy {np.__version__}"
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, {versions}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "seeds").write_text(str(options.seeds))
        for step in STEPS:  # memory of a child counts from that of its parent, which therefore does nothing itself
            subprocess.run([sys.executable, __file__, "--step", step, "--place", folder], check=True)


if __name__ == "__main__":
    main()
