"""Formats: who wrote the results that are read. A new one is one file here, or a class in a package of yours.

A format finds its files among those of a folder, by what they hold, and reads each as a table. To bring your own,
subclass `Format` and `TableFile` in your package and name the former under the entry-point group
`seedsweep.formats`::

    [project.entry-points."seedsweep.formats"]
    mytracker = "mypackage.mytracker:MyTracker"

Formats of installed packages come before the built-in ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points

from seedsweep.errors import InputError, did_you_mean, listed
from seedsweep.tables.formats.format import Format

__all__ = ["Format", "formats"]

BUILT_IN = {
    "ray": "seedsweep.tables.formats.ray_tune:RayTune",
    "trainer": "seedsweep.tables.formats.trainer_state:TrainerState",
    "lm-eval": "seedsweep.tables.formats.lm_eval:LmEval",
    "tensorboard": "seedsweep.tables.formats.tensorboard:TensorBoard",
    "mlflow": "seedsweep.tables.formats.mlflow_files:MlflowFiles",
    "mlflow-sqlite": "seedsweep.tables.formats.mlflow_sqlite:MlflowSqlite",
    "tensorboard-csv": "seedsweep.tables.formats.tensorboard_csv:TensorBoardCsv",
    "csv": "seedsweep.tables.formats.plain:Csv",
    "json": "seedsweep.tables.formats.plain:Json",
    "parquet": "seedsweep.tables.formats.plain:Parquet",
}
"""In this order each takes its files, of those that none before it took."""

GROUP = "seedsweep.formats"


def formats(name: str | None = None) -> Mapping[str, Format]:
    """All formats by name, or the one that is asked for.

    Raises
    ------
    InputError
        If there is none of that name, or what a package brings is no `Format`.
    """
    found: dict[str, Format] = {}
    plugins = {point.name: point for point in entry_points(group=GROUP)}
    known = [*plugins, *(built_in for built_in in BUILT_IN if built_in not in plugins)]
    if name is not None and name not in known:
        raise InputError(f"--format {name}: unknown{did_you_mean(name, known)}; there are {listed(known)}")
    for wanted in known if name is None else [name]:
        made = plugins[wanted].load() if wanted in plugins else _built_in(BUILT_IN[wanted])
        if not (isinstance(made, type) and issubclass(made, Format)):
            raise InputError(f"format {wanted!r}: {made!r} is not a subclass of seedsweep.tables.formats.Format")
        found[wanted] = made()
    return found


def _built_in(place: str) -> object:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)
