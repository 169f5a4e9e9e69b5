"""Which code a function of a notebook is: there is no file that would say it."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

from seedsweep.cell import Code

_PLAIN = (bool, int, float, str, bytes, tuple, type(None))


def code_of_function(function: Callable[..., object]) -> Code:
    """The function's name, and a digest of its source and of what it names of the same notebook.

    That is other functions, classes, and plain values such as `STEPS = 100`. No commit: a notebook's file changes
    whenever it is run.
    """
    texts: dict[str, str] = {}
    waiting: list[Any] = [inspect.unwrap(function)]
    module = waiting[0].__module__
    while waiting:
        found = waiting.pop()
        name = found.__qualname__
        if name in texts:
            continue
        texts[name] = _source(found)
        for key, value in _named_in(found):
            value = inspect.unwrap(value) if callable(value) else value
            if getattr(value, "__module__", None) == module and hasattr(value, "__qualname__"):
                waiting.append(value)
            elif isinstance(value, _PLAIN):
                texts[f"{name} {key}"] = repr(value)
    content = "\n".join(f"{name}: {texts[name]}" for name in sorted(texts))
    return Code(
        script=f"the function {function.__name__}",
        script_sha256=hashlib.sha256(content.encode()).hexdigest()[:16],
        commit=None,
        changes=None,
    )


def _named_in(found: Any) -> Iterator[tuple[str, Any]]:
    """What the code of a function, or of a class's methods, takes from around it."""
    if inspect.isclass(found):
        for member in vars(found).values():
            if inspect.isfunction(member):
                yield from _named_in(member)
        return
    for name in sorted(_names(found.__code__)):
        if name in found.__globals__:
            yield name, found.__globals__[name]
    for name, cell in zip(found.__code__.co_freevars, found.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not set yet
            continue


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            names |= _names(inner)
    return names


def _source(found: Any) -> str:
    try:
        return inspect.getsource(found)
    except (OSError, TypeError):  # typed at a prompt
        return _compiled(found.__code__) if hasattr(found, "__code__") else repr(found)


def _compiled(code: CodeType) -> str:
    inner = [_compiled(const) if isinstance(const, CodeType) else repr(const) for const in code.co_consts]
    return f"{code.co_code.hex()} {code.co_names} {inner}"
