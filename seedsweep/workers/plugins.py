"""Classes by name: built in, or named by an installed package under an entry-point group."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from seedsweep.errors import InputError, did_you_mean


def find_class(kind: str, name: str, built_in: Mapping[str, str], group: str, base: Any) -> Any:
    """The subclass of `base` of that name; `built_in` has places as `module:Class`, `kind` is the word for it.

    Raises InputError, with the nearest name, if there is none, or if what is there is no such class.
    """
    plugins = {point.name: point for point in entry_points(group=group)}
    if name in built_in:
        module, _, attribute = built_in[name].partition(":")
        found = getattr(import_module(module), attribute)
    elif name in plugins:
        found = plugins[name].load()
    else:
        known = [*built_in, *plugins]
        raise InputError(f"unknown {kind} {name!r}{did_you_mean(name, known)}; there are: {', '.join(known)}")
    if not (isinstance(found, type) and issubclass(found, base)):
        raise InputError(f"{kind} {name!r}: {found!r} is not a subclass of {base.__module__}.{base.__name__}")
    return found
