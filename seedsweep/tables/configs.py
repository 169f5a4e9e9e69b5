"""The config that lies by a run: what its program was started with, flat, nested keys joined by dots."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from seedsweep.errors import InputError

NAMES = (
    *("config.yaml", "config.yml", ".hydra/config.yaml", "config.json"),
    *("args.json", "args.yaml", "params.json", "params.yaml", "hparams.yaml", "hparams.json"),
    *("hyperparameters.json", "hyperparameters.yaml", "flags.json"),
)
"""Below the folder of a run, or one above it; the first is taken."""

FILE_NAMES = frozenset(name.rpartition("/")[2] for name in NAMES)


class Configs:
    """Of the runs below a place; a config is read when it is asked for, and the last ones are kept."""

    def __init__(self, root: Path) -> None:
        self._root = root if root.is_dir() else root.parent
        self._nearest = lru_cache(maxsize=256)(self._find)

    def of(self, folder: Path) -> tuple[Mapping[str, Any], Path | None]:
        """The nearest config at a folder or above it, and where it lies; empty if there is none.

        Raises
        ------
        InputError
            If it is damaged.
        """
        return self._nearest(folder)

    def _find(self, folder: Path) -> tuple[Mapping[str, Any], Path | None]:
        for name in NAMES:
            if (folder / name).is_file():
                return flat(_load(folder / name)), folder / name
        above = folder != self._root and self._root in folder.parents
        return self._nearest(folder.parent) if above else ({}, None)


def _load(path: Path) -> Any:
    try:
        if path.suffix == ".json":
            return json.loads(path.read_bytes())
        return _load_yaml(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as a config: {str(error).partition(chr(10))[0]}") from None


def _load_yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.load(path.read_bytes(), Loader=_loader())
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


@cache
def _loader() -> Any:
    """PyYAML's, which writes the configs of runs and reads thousands of them in a second.

    Objects of somebody's classes are taken for what they hold.
    """
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    def unknown(loader: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.MappingNode):
            return loader.construct_mapping(node, deep=True)
        if isinstance(node, yaml.SequenceNode):
            return loader.construct_sequence(node, deep=True)
        return loader.construct_scalar(node)

    Loader.add_multi_constructor("", unknown)
    return Loader


def flat(content: Any, before: str = "") -> dict[str, Any]:
    """Numbers, texts and truth values by dotted name; lists and what is empty are left out.

    Examples
    --------
    >>> flat({"model": {"width": 64}, "lr": 0.1, "layers": [1, 2]})
    {'model.width': 64, 'lr': 0.1}
    >>> flat({"width": {"desc": None, "value": 64}})      # as Weights & Biases writes it
    {'width': 64}
    """
    if not isinstance(content, Mapping):
        return {before: content} if isinstance(content, str | int | float) and before else {}
    if before and content.keys() <= {"desc", "value"} and "value" in content:
        return flat(content["value"], before)
    found: dict[str, Any] = {}
    for name, value in content.items():
        found |= flat(value, f"{before}.{name}" if before else str(name))
    return found
