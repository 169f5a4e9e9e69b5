"""Sizes of YAML documents whose aliases would be written out: a few lines may stand for billions of values."""

from __future__ import annotations

from typing import Any

MOST_VALUES = 1_000_000
"""No file of settings has more."""


def refuse_bombs(root: Any) -> None:
    """Raise ValueError if a document has too many values, its aliases written out, or one that holds itself.

    Parameters
    ----------
    root : Node or None
        As `compose` of PyYAML or ruamel.yaml returns it.
    """
    sizes: dict[int, int] = {}
    begun: set[int] = set()
    waiting = [root]
    while waiting:  # not by recursion, which is a bomb of its own
        node = waiting[-1]
        inside = _inside(node)
        new = [part for part in inside if id(part) not in sizes]
        if id(node) not in begun and new:
            begun.add(id(node))
            if any(id(part) in begun for part in new):
                raise ValueError("an alias in it stands for what it is in")
            waiting += new
            continue
        waiting.pop()
        if any(id(part) not in sizes for part in inside):
            raise ValueError("an alias in it stands for what it is in")
        sizes[id(node)] = 1 + sum(sizes[id(part)] for part in inside)
        if sizes[id(node)] > MOST_VALUES:
            raise ValueError(f"with its aliases written out it has over {MOST_VALUES:,} values")


def _inside(node: Any) -> list[Any]:
    value = getattr(node, "value", None)
    if not isinstance(value, list):
        return []
    return [part for item in value for part in (item if isinstance(item, tuple) else (item,))]
