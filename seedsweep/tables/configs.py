"""The config that lies by a run: what its program was started with, flat, nested keys joined by dots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from seedsweep import jsontext
from seedsweep.errors import InputError
from seedsweep.yamlnodes import refuse_bombs

NAMES = (
    *("args.json", "args.yaml", "args.yml", "params.json", "params.yaml", "hparams.yaml", "hparams.json"),
    *("hyperparameters.json", "hyperparameters.yaml", "flags.json"),
    *("config.yaml", "config.yml", ".hydra/config.yaml", "config.json"),  # the last may be that of a model
)
"""In the folder of a run, or one above it; of what several say the first counts."""

FILE_NAMES = frozenset(name.rpartition("/")[2] for name in NAMES)


MOST_BYTES = 1 << 24


class ConfigError(InputError):
    """The config of a run is damaged."""


Config = tuple[Mapping[str, Any], Path]
"""What a config says, and where it lies."""


class Configs:
    """Of the runs below a place; a config is read when it is asked for, and the last ones are kept."""

    def __init__(self, root: Path) -> None:
        self._root = root if root.is_dir() else root.parent
        self.of = lru_cache(maxsize=256)(self._of)

    def _of(self, folder: Path) -> Sequence[Config]:
        """The configs in a folder, then those above it, nearest first.

        Raises
        ------
        InputError
            If one is damaged.
        """
        own = [(_flat(folder / name), folder / name) for name in NAMES if (folder / name).is_file()]
        above = folder != self._root and self._root in folder.parents
        return [*own, *(self.of(folder.parent) if above else ())]


def _flat(path: Path) -> dict[str, Any]:
    content = _load(path)
    try:
        return flat(content)
    except RecursionError:
        raise ConfigError(f"{path}: cannot be read as a config: nested too deeply") from None


def _load(path: Path) -> Any:
    try:
        if path.suffix == ".json":
            return jsontext.loads(path.read_bytes())
        return _load_yaml(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as a config: {str(error).partition(chr(10))[0]}") from None


def _load_yaml(path: Path) -> Any:
    import yaml

    text = path.read_bytes()
    if len(text) > MOST_BYTES:
        raise ValueError(f"it has {len(text):,} bytes, more than any config")
    try:
        if b"*" in text:  # else no alias is in it
            refuse_bombs(yaml.compose(text, Loader=_loader()))
        return yaml.load(text, Loader=_loader())
    except RecursionError:
        raise ValueError("nested too deeply") from None
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
