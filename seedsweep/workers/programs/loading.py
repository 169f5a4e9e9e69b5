"""Find the user's function by its name, and see whether it can be called with what the spec gives it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any, TypeAlias

from seedsweep.errors import InputError, did_you_mean
from seedsweep.workers.programs.settings import FunctionSettings

Function: TypeAlias = Callable[..., object]
NOTEBOOK = "__main__"
"""Module of what is defined in a notebook, or in the script that is run."""


def load_function(settings: FunctionSettings) -> Function:
    """The function that the settings name, its module imported as `python -m` would from the program's directory.

    Raises
    ------
    InputError
        Naming the field, if there is no such module or function, or importing it fails.
    """
    if settings.called is not None:
        return settings.called
    module, _, name = settings.function.partition(":")
    directory = Path(settings.directory or ".")
    field = f"program.function: {settings.function}"
    with on_path(directory):
        try:
            found: Any = import_module(module)
        except ModuleNotFoundError as error:
            if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
                raise InputError(
                    f"{field}: no module {error.name} in {directory}; run seedsweep there, or give "
                    "program.directory"
                ) from None
            raise InputError(f"{field}: cannot be imported: {error}; install it") from None
        except Exception as error:
            place = _place_of(error)
            raise InputError(f"{field}: cannot be imported: {type(error).__name__}: {error}{place}") from None
    _refuse_namesake(found, module, directory, field)
    if module == NOTEBOOK and not hasattr(found, name.partition(".")[0]):
        raise InputError(f"{field}: was defined in a notebook or a script; run it there")
    for part in name.split("."):
        known = [key for key, value in vars(found).items() if callable(value)]
        found = getattr(found, part, None)
        if found is None:
            raise InputError(f"{field}: {module} has no {name}{did_you_mean(part, known)}")
    if not callable(found):
        raise InputError(f"{field}: is no function")
    function: Function = found
    return function


@contextmanager
def on_path(directory: Path) -> Iterator[None]:
    """While entered, modules are found in this directory first."""
    entry = str(directory)
    invalidate_caches()  # a file may have come since the directory was looked at
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)


def takes_several(function: Function) -> bool:
    """Whether one call of the function trains several seeds."""
    names = arguments_of(function)
    return "seeds" in names or "init_seeds" in names


def arguments_of(function: Function) -> Mapping[str, inspect.Parameter]:
    """What the function can be given. Raises InputError if Python cannot tell."""
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):
        raise InputError(
            f"program.function: {function!r} does not tell its arguments; wrap it into a def"
        ) from None


def check_call(function: Function, settings: FunctionSettings, *, crossed: bool) -> None:
    """Raise InputError, naming the field, if the function cannot be called for a cell."""
    names = arguments_of(function)
    shown = f"{settings.function}({', '.join(names)})"
    _refuse_positional(names, shown)
    if "report" not in names:
        raise InputError(
            f"program.function: {shown} has no argument report; with it the function says what it measures: "
            "report(step, accuracy=0.93)"
        )
    several = takes_several(function)
    _check_seeds(set(names), shown, several, crossed)
    own = set(_own(several))
    if strange := (set(names) & set(settings.own)) - own:
        name = min(strange)
        right = f"{name}s" if several else name.removesuffix("s")
        raise InputError(f"program.function: {shown}: {name} does not go with the other seeds; write {right}")
    any_name = any(argument.kind is argument.VAR_KEYWORD for argument in names.values())
    wanted = {name: argument for name, argument in names.items() if name not in own and _named(argument)}
    for name in settings.parameters:
        if name not in wanted and not any_name:
            raise InputError(
                f"program.parameters: {name} is no argument of {shown}{did_you_mean(name, wanted)}; leave it out"
            )
    for name, argument in wanted.items():
        if argument.default is argument.empty and name not in settings.parameters:
            near = did_you_mean(name, settings.parameters)
            raise InputError(f"program.parameters: {shown} wants {name}{near}; give parameters: {{{name}: …}}")


def _own(several: bool) -> tuple[str, ...]:
    """What the function may ask for besides the spec's parameters."""
    many = "s" if several else ""
    return (f"seed{many}", f"init_seed{many}", f"data_seed{many}", "report", "dir", "resume")


def _named(argument: inspect.Parameter) -> bool:
    return argument.kind not in (argument.VAR_KEYWORD, argument.VAR_POSITIONAL)


def _refuse_positional(names: Mapping[str, inspect.Parameter], shown: str) -> None:
    for name, argument in names.items():
        if argument.kind is argument.POSITIONAL_ONLY:
            raise InputError(f"program.function: {shown}: {name} cannot be given by its name; leave out the /")


def _check_seeds(names: Iterable[str], shown: str, several: bool, crossed: bool) -> None:
    plain, init, data = _own(several)[:3]
    if crossed and plain in names:
        raise InputError(
            f"program.function: {shown}: the seeds are crossed: take {init} and {data} in place of {plain}"
        )
    if not {plain, init, data} & set(names):
        raise InputError(f"program.function: {shown} has no argument seed, nor seeds")


def _refuse_namesake(module: Any, name: str, directory: Path, field: str) -> None:
    """Of two modules of the same name Python keeps the one that was imported first."""
    file = getattr(module, "__file__", None)
    for place in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"):
        wanted = directory / place
        if file is not None and wanted.is_file() and not wanted.samefile(file):
            raise InputError(f"{field}: {file} is loaded under this name already; rename one of the two")


def _place_of(error: BaseException) -> str:
    """Where in the user's files an exception comes from."""
    trace = error.__traceback__
    place = ""
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if not file.startswith("<frozen") and Path(file).name != Path(__file__).name:
            place = f" ({Path(file).name} line {trace.tb_lineno})"
        trace = trace.tb_next
    if isinstance(error, SyntaxError) and error.filename:
        return ""  # its own message has the place
    return place
