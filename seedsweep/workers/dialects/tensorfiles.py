"""Tensors in the files of a Hugging Face checkpoint: safetensors, or what `torch.save` has written."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from seedsweep.errors import InputError
from seedsweep.workers import pretrained


def read_safetensors(directory: Path) -> Iterator[tuple[str, Tensor]]:
    """Every tensor with its name, on the CPU, in the precision of its file, one after the other.

    Raises InputError if a file is missing, damaged or something else.
    """
    for file in pretrained.weight_files(directory):
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118
                    yield name, opened.get_tensor(name)
        except (SafetensorError, OSError) as error:
            _refuse(file, "safetensors", error)


def read_pickled(directory: Path) -> Iterator[tuple[str, Tensor]]:
    """As `read_safetensors`, of `pytorch_model.bin`. Of a pickle only tensors are read; it can run nothing."""
    for file in pretrained.weight_files(directory, pretrained.PICKLED):
        try:
            content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
            _refuse(file, "a torch file of tensors", error)
        if not isinstance(content, dict) or not all(isinstance(tensor, Tensor) for tensor in content.values()):
            raise InputError(f"{file}: does not hold tensors by name")
        yield from content.items()


def _refuse(file: Path, what: str, error: Exception) -> NoReturn:
    reason = str(error).strip().partition("\n")[0]
    raise InputError(f"{file}: damaged or not {what}: {reason}") from None
