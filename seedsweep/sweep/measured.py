"""What cells turn out to be measured by, where no recipe could tell it beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pyarrow.parquet as pq

from seedsweep.cell import Pack
from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.measures import scale_text
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
    if success.split not in measured:
        raise InputError(
            f"success.split: {success.split!r} is not a split that the program writes"
            f"{did_you_mean(success.split, measured)}; it writes {listed(measured)}"
        )
    metrics = measured[success.split]
    if success.metric not in metrics:
        raise InputError(
            f"success.metric: {success.metric!r} is not a metric that the program writes"
            f"{did_you_mean(success.metric, metrics)}; on {success.split} it writes {listed(metrics)}"
        )
