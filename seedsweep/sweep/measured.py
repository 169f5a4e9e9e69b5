"""What cells turn out to be measured by, where no recipe could tell it beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow.parquet as pq

from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.population import ALL_ROWS, of_split
from seedsweep.sweep.sections import SuccessSettings
from seedsweep.sweep.store import Store


def measured_by(store: Store, files: Iterable[str]) -> dict[str, list[str]]:
    """The metrics of every split that these files of blocks hold."""
    found: dict[str, list[str]] = {}
    for name in files:
        with store.files.filesystem.open_input_file(store.files.path(name)) as file:
            rows = pq.read_table(file, columns=["split", "metric"])
        for row in rows.group_by(rows.column_names, use_threads=False).aggregate([]).to_pylist():
            if row["metric"] not in found.setdefault(row["split"], []):
                found[row["split"]].append(row["metric"])
    return found


def refuse_unknown_success(success: SuccessSettings, measured: Mapping[str, Sequence[str]]) -> None:
    """Raise InputError if success is to be judged by what the cells do not write."""
    split, _, name = success.metric.rpartition("/")
    if name in measured.get(split, ()):
        raise InputError(f"success.metric: {success.metric!r} has two parts; write metric: {name}, split: {split}")
    metrics = measured.get(success.split, ())
    if success.metric in metrics:
        return
    elsewhere = [split for split, names in measured.items() if success.metric in names]
    named = listed(split for split in measured if split != ALL_ROWS)
    if success.split == ALL_ROWS and elsewhere:
        raise InputError(f"success.split: is missing; {success.metric} is measured on {listed(elsewhere)}")
    if success.split == ALL_ROWS and not metrics:
        raise InputError(f"success.split: is missing; the program measures on {named}")
    if not metrics:
        writes = f"it writes {named}" if measured.keys() - {ALL_ROWS} else "it names none: leave success.split out"
        raise InputError(
            f"success.split: {success.split!r} is not a split that the program writes"
            f"{did_you_mean(success.split, measured)}; {writes}"
        )
    raise InputError(
        f"success.metric: {success.metric!r} is not a metric that the program writes"
        f"{did_you_mean(success.metric, metrics)}; it writes {listed(metrics)}{of_split(success.split)}"
    )
