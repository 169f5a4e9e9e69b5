"""A pretrained model's directory, as Hugging Face writes it: where it is, what its config says, its digest.

`config.json` and `model.safetensors`, or several such files with `model.safetensors.index.json`; in old ones
`pytorch_model.bin`. The tensors are read by `seedsweep.workers.dialects.tensorfiles`.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from seedsweep import jsontext
from seedsweep.errors import InputError

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PICKLED = "pytorch_model.bin"
INDEX = ".index.json"
"""Behind either name, where the tensors are spread over several files."""
_PATTERNS = [CONFIG, "*.safetensors", WEIGHTS + INDEX, "tokenizer.json"]


def absolute(name: str) -> str:
    """A local directory by its absolute path, since workers may run in another one; a hub's name as it is."""
    path = Path(name).expanduser()
    return str(path.resolve()) if path.exists() else name


@lru_cache
def locate(name: str) -> Path:
    """The directory of a checkpoint: `name` itself, or the copy of a model of the Hugging Face hub by that name.

    Raises InputError if it is neither, or if the hub cannot be asked.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if path.exists() or not re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        raise InputError(f"{name}: not a directory, nor the name of a model on the hub (owner/model)")
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise InputError(
            f"{name}: no such directory; to fetch it from the hub: pip install 'seedsweep[llm]'"
        ) from None
    try:
        return Path(snapshot_download(name, allow_patterns=_PATTERNS))
    except Exception as error:  # the hub's client raises whatever its network library does
        reason = str(error).strip().partition("\n")[0]
        raise InputError(f"{name}: no such directory, and it does not come from the hub: {reason}") from None


def read_config(directory: Path) -> dict[str, Any]:
    """Content of `config.json`. Raises InputError if there is none or it is not a JSON object."""
    path = directory / CONFIG
    try:
        config = jsontext.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"{directory}: not a checkpoint: it has no {CONFIG}") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(config, dict):
        raise InputError(f"{path}: not a JSON object")
    return config


def weight_files(directory: Path, whole: str = WEIGHTS) -> list[Path]:
    """The files of tensors: the one of that name, or several. Raises InputError if one is missing."""
    index = directory / (whole + INDEX)
    if index.is_file():
        try:
            named = sorted(set(jsontext.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InputError(f"{index}: not the index of a sharded checkpoint") from None
    else:
        named = [whole]
    for name in named:
        if not (directory / name).is_file():
            raise InputError(f"{directory}: not a whole checkpoint: it has no {name}")
    return [directory / name for name in named]


def digest(directory: Path) -> str:
    """Hash of the config's and the weights' bytes."""
    files = [directory / CONFIG, *weight_files(directory)]
    return hashlib.sha256("".join(map(file_digest, files)).encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """SHA-256 of a file; computed once for as long as its size and time stay the same."""
    state = path.stat()
    return _file_digest(path, state.st_size, state.st_mtime_ns)


@cache
def _file_digest(path: Path, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
