"""seedsweep: train populations of seeds, see whether a capability emerges smoothly, abruptly or by chance.

>>> import seedsweep as ss
>>> population = ss.load("runs/count-depth")                    # doctest: +SKIP
>>> final = population.final("exact_match", split="ood")        # scale × seed     # doctest: +SKIP
>>> ss.analysis.dip(final.at(2)).pvalue                         # doctest: +SKIP

`load` reads a sweep, `run` trains what a `SweepSpec` asks for, `analysis` has the statistics. They are imported
when first used: reading a population needs neither torch nor Ray.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedsweep import analysis
    from seedsweep.analysis.report import report
    from seedsweep.errors import InputError
    from seedsweep.population import Population
    from seedsweep.spec import SweepSpec
    from seedsweep.sweep.reader import load
    from seedsweep.sweep.run import run
    from seedsweep.sweep.specfile import read_spec
    from seedsweep.tables import read_table

__version__ = "0.1.0"
__all__ = ["InputError", "Population", "SweepSpec", "analysis", "load", "read_spec", "read_table", "report", "run"]

_HOMES = {
    "InputError": "seedsweep.errors",
    "Population": "seedsweep.population",
    "SweepSpec": "seedsweep.spec",
    "load": "seedsweep.sweep.reader",
    "read_spec": "seedsweep.sweep.specfile",
    "read_table": "seedsweep.tables",
    "report": "seedsweep.analysis.report",
    "run": "seedsweep.sweep.run",
}


def __getattr__(name: str) -> Any:
    if name == "analysis":
        return import_module("seedsweep.analysis")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'seedsweep' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
