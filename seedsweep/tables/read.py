"""The population in anyone's results: where they lie, which column is what, and what was understood."""

from __future__ import annotations

import glob
import math
import os
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import get_args

from seedsweep.criterion import Criterion
from seedsweep.errors import InputError, listed
from seedsweep.population import ALL_ROWS, Origin, Population, Taken, observed_metric
from seedsweep.tables.choosing import choose
from seedsweep.tables.distinct import one_row_each
from seedsweep.tables.evaluations import read_evaluations
from seedsweep.tables.finding import open_tables
from seedsweep.tables.meant import complete
from seedsweep.tables.reader import TableReader
from seedsweep.tables.roles import Roles
from seedsweep.tables.spelling import scale_of
from seedsweep.tables.understood import understood, without_rows


def read_table(
    path: str | os.PathLike[str],
    *,
    scale: str | None = None,
    seed: str | None = None,
    metric: str | Sequence[str] | None = None,
    step: str | None = None,
    threshold: float | None = None,
    higher_is_better: bool = True,
    where: Mapping[str, object] | None = None,
    unfinished: Taken = "dropped",
    pattern: str | None = None,
    format: str | None = None,
) -> Population:
    """The population in anyone's results of many seeds: a table, a folder of runs, a tracker's store.

    Parameters
    ----------
    path : str or path
        A file, a directory, or a pattern of files such as ``runs/*/metrics.parquet``. Tables are CSV (.csv, .tsv,
        .txt), JSON (.json, .jsonl, .ndjson) and Parquet; all but Parquet may be packed (.gz). TensorBoard's,
        MLflow's files or database, Ray Tune's, Hugging Face's Trainer's and lm-evaluation-harness's files are
        recognised by what they hold (`seedsweep.tables.formats`).
    scale, seed : str, optional
        Columns, or parameters of the runs; see below. A scale is a number, 70m, 1.5B, 0.5x, or a name with one
        number such as pythia-70m; a seed is anything that names the run. ``width=64`` is a scale that all have.
    metric : str or sequence of str, optional
        Columns of numbers; the first decides about success. NaN and infinity are a diverged seed. Of scale, seed
        and metric any may be left out where only one can be meant.
    step : str, optional
        Column of the training step, written as scales are, for learning curves; without it every (scale, seed) has
        one row. Where the metric is empty it was not measured then, in a row of its own as in a column per run.
    threshold : float, optional
        From which value of the first metric on a seed is a success; by default the analysis chooses one.
    higher_is_better : bool
        False for a loss: success is then a value of at most the threshold.
    where : mapping of column to value, optional
        Which rows to take: ``{"split": "test"}``.
    unfinished : {"dropped", "failed", "last"}
        What becomes of a seed that ends before the others of its scale: it is left out, it counts as a failure
        without a value, as a diverged one does, or its last value stands for its final one.
    pattern : str, optional
        Read the files only whose path ends so, and take what the fields stand for as parameters of the run:
        ``w{width}_s{seed}/log.csv``. ``*`` is any text without a slash, ``**`` any folders.
    format : str, optional
        Read what is of this format only (`seedsweep.tables.formats.BUILT_IN`, or one that a package brings).

    Returns
    -------
    Population
        Named as the file without its endings, or as the folder before the first wildcard of a pattern. The bounds
        of a metric are 0 and 1 if all final values are in there, else those observed. `origin.facts` say what was
        understood (`read`), which files were not read and why (`left out`), and which values were infinite.

    Raises
    ------
    InputError
        In one line with file, column and row: a missing column (with the nearest name), text in a column of
        numbers, an empty table, a (scale, seed, step) with several rows, an unreadable file, several formats that
        tell of the same runs.

    Notes
    -----
    *Parameters of a run*, where no column has the name, are from `pattern`; else from what the format itself knows
    of the run, from the nearest config beside or above its file (``config.yaml``, ``.hydra/config.yaml``,
    ``hparams.yaml``, ``params.json`` and others, nested keys joined by dots), and from the names of its folders
    and its file: `width=64/seed=3/metrics.csv`, `ppo_width128_seed0`. A config beside the file counts for more
    than the names, and these for more than a config above; where they contradict each other it is told. ``run`` is
    a run's own name.

    *Runs that were never measured.* Of files that are called alike, one that lacks the metric is a seed without a
    value. Files that lack anything else are left out.

    *The step of comparison* of a scale is the latest that at least half of its seeds reach; of seeds that go on,
    the value then is taken. A seed is unfinished if its last value is more than 1 % of that step before it, and
    no NaN: a seed whose last value is NaN diverged, and so did one that never has a value. pandas writes NaN as
    an empty field; ``to_csv(..., na_rep="NaN")`` keeps the two apart.

    *A column per run.* Where no column has the name of `scale`, `seed` or `metric`, the columns `RUN - METRIC` (as
    Weights & Biases exports them; `__MIN` and `__MAX` are ignored), or just `RUN`, are the runs. Scale and seed
    are the numbers after their words in RUN, or before them: with ``scale="depth", seed="seed"``, `depth=2,seed=7`
    and `sweep-3_depth-2_seed-7` are seed 7 of depth 2. Where there is a column of scales the names need the seed
    alone, as `seed_7` or `7`; and the other way round.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> table = "depth,run,accuracy\\n1,a,0.1\\n1,b,0.2\\n2,a,0.1\\n2,b,0.9\\n"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "study.csv")
    ...     _ = file.write_text(table)
    ...     population = read_table(file, scale="depth", seed="run", metric="accuracy")
    >>> population.final("accuracy").at(2)
    array([0.1, 0.9])
    """
    metrics = (metric,) if isinstance(metric, str) else tuple(metric or ())
    if metric is not None and not metrics:
        raise InputError("metric: give at least one column")
    if threshold is not None and not math.isfinite(threshold):
        raise InputError(f"threshold: {threshold} is not a finite number")
    if unfinished not in get_args(Taken):
        raise InputError(f"unfinished: {unfinished!r} is not one of {listed(get_args(Taken))}")
    chosen = {column: str(value) for column, value in (where or {}).items()}
    place = os.fspath(path)
    scale, fixed = _fixed(scale)
    found = open_tables(place, pattern, format, fixed)
    scale, seed, metrics = complete(place, found, scale, seed, metrics, [*chosen, *([step] if step else [])])
    roles = Roles(scale, seed, metrics, step, chosen)
    _refuse_two_roles(roles)
    tables = choose(place, found, roles)
    for name, value in fixed.items():
        if any(name in file.names for file in tables.files):
            raise InputError(f"--scale {name}={value}: there is a column {name}; give --scale {name}")
    rows = read_evaluations(tables.files, roles)
    evaluations = one_row_each(tables.files, roles, rows)

    rows_read = ", ".join(f"{column}={value}" for column, value in chosen.items()) or ALL_ROWS
    facts = {"table": place, "scale": scale, "seed": seed, "metric": listed(metrics)}
    if step is not None:
        facts["step"] = step
    reader = TableReader(roles, rows_read, evaluations, unfinished)
    told = understood(without_rows(tables, rows, roles), roles, evaluations, reader.present)
    return Population(
        name=_name(place),
        path=place,
        scale_name=scale,
        scales=reader.scales,
        seeds=tuple(reader.seeds.tolist()),
        cells=int(reader.present.sum()),
        splits={},
        metrics={name: observed_metric(reader.final(name, rows_read)) for name in metrics},
        criterion=Criterion(metrics[0], rows_read, threshold, higher_is_better),
        origin=Origin(facts | {"rows": rows_read} | told),
        reader=reader,
    )


def _name(path: str) -> str:
    """Of the file without its endings; of the folder before the first wildcard of a pattern."""
    name = list(takewhile(lambda part: not glob.has_magic(part), Path(path).absolute().parts))[-1]
    return name.partition(".")[0] or name


def _fixed(scale: str | None) -> tuple[str | None, dict[str, str]]:
    """The name of a scale, and its value if all runs have the same: `width=64`."""
    if scale is None:
        return None, {}
    name, equals, value = scale.partition("=")
    return (name, {name: value}) if equals and name and scale_of(value) is not None else (scale, {})


def _refuse_two_roles(roles: Roles) -> None:
    named = {"scale": roles.scale, "seed": roles.seed, "step": roles.step}
    named |= {f"metric {number}" if number else "metric": name for number, name in enumerate(roles.metrics)}
    taken: dict[str, str] = {}
    for role, name in named.items():
        if name is not None and (other := taken.setdefault(name, role)) != role:
            raise InputError(f"column {name!r} is named as {other} and as {role}; they are different columns")
