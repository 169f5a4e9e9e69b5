"""What cells turn out to be measured by, where no recipe could tell it beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow.parquet as pq

from seedsweep.cell import Pack
from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.measures import scale_text
from seedsweep.population import ALL_ROWS, of_split
from seedsweep.sweep.sections import SuccessSettings
from seedsweep.sweep.store import Store


def measured_by(store: Store, packs: Iterable[Pack]) -> dict[str, list[str]]:
    """The metrics of every split that the blocks of these packs hold."""
    found: dict[str, list[str]] = {}
    for pack in packs:
        for entry in store.files.listing(f"metrics/scale-{scale_text(pack.scale)}"):
            if not entry.name.rpartition("/")[2].startswith(f"{pack.name}-block-"):
                continue
            with store.files.filesystem.open_input_file(store.files.path(entry.name)) as file:
                rows = pq.read_table(file, columns=["split", "metric"])
            names = (rows[name].to_pylist() for name in rows.column_names)
            for split, metric in dict.fromkeys(zip(*names, strict=True)):
                if metric not in found.setdefault(split, []):
                    found[split].append(metric)
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
