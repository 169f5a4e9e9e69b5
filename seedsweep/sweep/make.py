"""A spec made in Python, of a function or a command: `seedsweep.sweep(train, scale={"width": [16, 32]}, …)`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
from pydantic import ValidationError

from seedsweep.criterion import Criterion
from seedsweep.errors import InputError
from seedsweep.sweep.programspec import ProgramSpec
from seedsweep.sweep.specerrors import explain
from seedsweep.workers.programs.loading import NOTEBOOK
from seedsweep.workers.programs.settings import FunctionSettings


def sweep(
    program: Callable[..., object] | str,
    *,
    scale: Mapping[str, Sequence[float] | npt.NDArray[Any]],
    seeds: int | str | Sequence[int] | npt.NDArray[Any] | Mapping[str, Any],
    success: Criterion | Mapping[str, Any],
    metrics: str | Mapping[str, Any] | None = None,
    last_step: int | None = None,
    directory: str | os.PathLike[str] | None = None,
    shell: bool = False,
    pinned: bool = False,
    execution: Mapping[str, Any] | None = None,
    **parameters: Any,
) -> ProgramSpec:
    """Make the spec of a sweep of your own training code; `run` trains it.

    Parameters
    ----------
    program : callable or str
        A function `train(width, lr, seed, report)`, which calls `report(step, accuracy=0.93, split="test")`
        whenever it has measured something. With `seeds` in place of `seed` one call trains several seeds: it is
        given an array (S,) of them and reports an array (S,) per metric. A function may also ask for `dir` (a
        folder of the cell's own, the same for every attempt), `resume` (whether an earlier attempt has left
        something there), `init_seed` and `data_seed`. It may be defined in a notebook. A text is a command,
        `python train.py --width {width} --seed {seed} --out {dir}`, or `module:name` of a function.
    scale : mapping of str to sequence of float
        The parameter that is scaled and the values it takes, `{"width": [16, 32, 64]}`.
    seeds : int, str, sequence or mapping
        The seeds at every scale: `"0:32"`, `range(32)`, a list, or `{"init": "0:8", "data": "0:8"}`; or a goal,
        `{"goal": {"p_success": 0.05}, "at_most": 640}`, for which seeds are added; that of a mean
        needs the range of the metric, `"bounds": [0, 1]`.
    success : Criterion or mapping
        What counts as success: `{"metric": "accuracy", "split": "test", "at_least": 0.9}`.
    metrics : str or mapping, optional
        Of a command: the file in `{dir}` into which it writes what it measures.
    last_step : int, optional
        `program.steps` of a spec: the last step that is reported, if that is known; progress is then a share of
        it. (`steps=` is a parameter like any other.)
    directory : path, optional
        Where the command runs, or the module is; by default the working directory.
    shell, pinned : bool
        As in a spec.
    execution : mapping, optional
        As in a spec: `{"cpus": 1, "gpus": 0.25, "pack": 8}`.
    **parameters
        What the function or the command is told besides, the same for all cells. Part of the sweep's identity.

    Returns
    -------
    ProgramSpec
        The `SweepSpec` that `run` takes.

    Raises
    ------
    InputError
        In one line that names the field, if anything is wrong with it. What only the function itself can tell,
        such as a parameter that it has no argument for, is told by `run`.

    Examples
    --------
    >>> import seedsweep as ss
    >>> def train(width, lr, seed, report):
    ...     for step in range(100):
    ...         report(step, accuracy=min(1, step * width * lr))
    >>> spec = ss.sweep(
    ...     train, scale={"width": [1, 2]}, seeds="0:4", success={"metric": "accuracy", "at_least": 0.5}, lr=0.01
    ... )
    >>> ss.run(spec, "runs/mine", executor="inline").trained  # doctest: +SKIP
    8
    """
    if not isinstance(scale, Mapping) or len(scale) != 1:
        raise InputError('scale: give one parameter and its values, for example {"width": [16, 32]}')
    ((name, values),) = scale.items()
    section: dict[str, Any] = {
        "parameters": {name: _plain(value) for name, value in parameters.items()},
        "pinned": pinned,
    }
    asked = {"steps": last_step, "directory": directory and os.fspath(directory), "metrics": metrics}
    section |= {key: value for key, value in asked.items() if value is not None}
    function = None
    if callable(program):
        function, named = _named(program)
        section |= named
    elif ":" in program and " " not in program:
        section["function"] = program
    else:
        section |= {"command": program, "shell": shell}
    if "function" in section and (metrics is not None or shell):
        raise InputError("metrics: a function has none, it calls report" if metrics else "shell: is for a command")
    given = {
        "program": section,
        "scale": {"field": f"program.{name}", "values": [_plain(value) for value in values]},
        "seeds": _seeds(seeds),
        "success": _success(success),
        "execution": dict(execution or {}),
    }
    try:
        spec = ProgramSpec.model_validate(given)
    except ValidationError as error:
        problem, *_ = explain(error, ProgramSpec, ProgramSpec.section_classes(given))
        raise InputError(f"{problem.field}: {problem.message}" if problem.field else problem.message) from None
    settings = spec.program
    if function is not None and isinstance(settings, FunctionSettings):
        return spec.model_copy(update={"program": settings.calling(function)})
    return spec


def _named(function: Callable[..., Any]) -> tuple[Callable[..., Any] | None, dict[str, str]]:
    """The function itself, if a worker could not import it, and what its section says."""
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", None)
    if not module or not name:
        raise InputError("program: give a function, defined with def")
    found: Any = sys.modules.get(module)
    file = getattr(found, "__file__", None)
    for part in name.split("."):
        found = getattr(found, part, None)
    section = {"function": f"{module}:{name}"}
    if module == NOTEBOOK or file is None or found is not function:
        return function, section
    home = Path(file).resolve().parents[module.count(".") + (Path(file).stem == "__init__")]
    return None, section | {"directory": str(home)}


def _seeds(given: Any) -> Any:
    """As a spec says them."""
    if isinstance(given, Mapping) and "goal" in given:
        return dict(given)
    if isinstance(given, Mapping):
        return {role: _seeds(seeds) for role, seeds in given.items()}
    return given if isinstance(given, int | str) else [_plain(seed) for seed in given]


def _success(given: Criterion | Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(given, Criterion):
        return dict(given)
    threshold = "at_least" if given.higher_is_better else "at_most"
    return {"metric": given.metric, "split": given.split, threshold: given.threshold}


def _plain(value: Any) -> Any:
    """What numpy has as what Python has."""
    return value.tolist() if hasattr(value, "tolist") else value
