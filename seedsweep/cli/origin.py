"""What the commands make of where a population comes from: where its pages and pictures go, how it is extended."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedsweep.population import Population


def directory(population: Population) -> Path:
    """Where report and figures go: a sweep's directory; of a table `NAME-analysis` here.

    Of a sweep in an object store that with letters that no other URL has: two sweeps never overwrite each other's.
    """
    if population.spec is None:
        return Path(f"{population.name}-analysis")
    if "://" not in population.path:
        return Path(population.path)
    place = population.path.partition("?")[0].rstrip("/")
    letters = hashlib.sha256(place.encode()).hexdigest()[:8]
    return Path(f"{place.rpartition('/')[2]}-analysis-{letters}")


def extending_command(population: Population) -> str | None:
    """The command that trains more seeds of a sweep, to which ``--seeds A:B`` is to be added.

    It is the latest command recorded, without its seeds and with the sweep's place as ``--out``. None for a table,
    if that command is not `seedsweep run`, and if the seeds are crossed: those are extended in the spec.
    """
    origin = population.origin
    if not origin.runs or origin.spec is None or not isinstance(origin.spec["seeds"], str):
        return None
    words = shlex.split(origin.runs[-1]["command"])
    if len(words) < 3 or Path(words[0]).name != "seedsweep" or words[1] != "run":
        return None
    kept = []
    skipped = False
    for word in words[2:]:
        if skipped:
            skipped = False
        elif word in ("--seeds", "--out"):
            skipped = True
        elif not word.startswith(("--seeds=", "--out=")):
            kept.append(word)
    return shlex.join(["seedsweep", "run", *kept, "--out", population.path])
