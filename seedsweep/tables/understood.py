"""What was understood of the results at a place, in one line, and what was left out and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from seedsweep import formats
from seedsweep.errors import listed
from seedsweep.population import Bools
from seedsweep.tables.choosing import WITHOUT_ROWS, Chosen
from seedsweep.tables.columns import ranked
from seedsweep.tables.evaluations import Evaluations
from seedsweep.tables.roles import Roles

SHOWN_SCALES = 8
"""How many scales the line names."""


def understood(chosen: Chosen, roles: Roles, evaluations: Evaluations, present: Bools) -> dict[str, str]:
    """For people to read: what was read and, where there is any, what was not.

    Parameters
    ----------
    chosen : Chosen
        The tables.
    roles : Roles
        Which column is what.
    evaluations : Evaluations
        What was read.
    present : array of shape (scales, seeds)
        Whether there is the seed at the scale.

    Returns
    -------
    dict
        `read`; `left out`, `contradicted` and `diverged` where something was, or did.
    """
    scales = np.unique(evaluations.scale)
    shown = [formats.scale(scale) for scale in scales[:SHOWN_SCALES].tolist()]
    more = ", …" if len(scales) > len(shown) else ""
    runs = present.sum(axis=1)
    seeds = str(runs.max()) if (runs == runs.max()).all() else f"{runs.min()} to {runs.max()}"
    read = (
        f"{_several(int(present.sum()), 'run')} read as {_several(len(scales), 'scale')} "
        f"({roles.scale} {', '.join(shown)}{more}) × {seeds} {'seed' if seeds == '1' else 'seeds'}"
    )
    read += f", {listed(roles.metrics)}"
    if roles.step is not None:
        measured = np.logical_or.reduce(list(evaluations.has_value.values()))
        steps = evaluations.step[measured]
        read += f" at {roles.step} {formats.scale(steps.min())}–{formats.scale(steps.max())}"
    parameters = chosen.files[0].parameters
    sources = {
        name: source
        for name in (roles.scale, roles.seed)
        if name not in chosen.files[0].names
        and (source := parameters.source(name)) not in (None, "what was given")
    }
    if sources:
        read += "; " + ", ".join(f"{name} from {source}" for name, source in sources.items())
    told = {"read": read}
    contradicted = [file.parameters.contradicted for file in chosen.files if file.parameters.contradicted]
    if contradicted:
        told["contradicted"] = f"{_several(len(contradicted), 'run')}: {next(iter(contradicted[0].values()))}"
    if left_out := _left_out(chosen):
        told["left out"] = left_out
    if evaluations.infinite.any():
        first = int(np.flatnonzero(evaluations.infinite)[0])
        row = chosen.files[evaluations.file[first]].row(int(evaluations.index[first]))
        _, seed = ranked(evaluations.seed)
        cells = {
            (scale, of)
            for scale, of in zip(evaluations.scale[evaluations.infinite], seed[evaluations.infinite], strict=True)
        }
        told["diverged"] = f"infinite values of {_several(len(cells), 'run')} are taken for diverged ({row})"
    return told


def without_rows(chosen: Chosen, evaluations: Evaluations, roles: Roles) -> Chosen:
    """The same, with the files that gave no row among those that are left out."""
    gave = set(np.unique(evaluations.file).tolist())
    empty = [file.path for number, file in enumerate(chosen.files) if number not in gave]
    why = "without a row that was chosen" if roles.where else WITHOUT_ROWS
    left_out = {**chosen.left_out, why: [*chosen.left_out.get(why, []), *empty]}
    return replace(chosen, left_out=left_out)


def sentence(told: Mapping[str, str]) -> str:
    """All of it as one line."""
    words = [told["read"]]
    words += [f"{what}: {told[what]}" for what in ("left out",) if what in told]
    words += [told[what] for what in ("contradicted", "diverged") if what in told]
    return "; ".join(words)


def _left_out(chosen: Chosen) -> str:
    reasons = {why: _files(paths) for why, paths in chosen.left_out.items() if paths}
    cut = [file.path for file in chosen.files if file.cut]
    words = [f"{what} {why}" for why, what in reasons.items()]
    if cut:
        words.append(f"the last row of {_files(cut)}, cut off")
    return ", ".join(words)


def _files(paths: Sequence[Path]) -> str:
    return f"{paths[0]}" if len(paths) == 1 else f"{len(paths)} files ({paths[0]}, …)"


def _several(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
