"""Seeds of one model and step, stacked: what they take of memory, and their weights out of the files."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seedsweep.errors import InputError
from seedsweep.formats import quantity, scale
from seedsweep.memory import free_memory
from seedsweep.workers.cost import FLOAT, IMPORT_BYTES
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.gpt_neox_files import Config, read_tensors
from seedsweep.workers.probing.checkpoints import Checkpoint
from seedsweep.workers.probing.measure import LOGITS_AT_ONCE

SHARE = 0.8
"""Of the free memory, that a pack may take."""


def seed_bytes(config: Config, tokens: int) -> int:
    """Bytes that one more seed in a pack takes: its weights and the embedding once more, which is copied to be one
    table of all seeds; a forward pass of so many tokens."""
    model, rows = config.model, config.vocabulary
    floats = model.parameters(rows) + rows * model.width + tokens * model.evaluation_activations()
    return round(FLOAT * floats)


def process_bytes(config: Config, tokens: int, seeds: int) -> int:
    """Bytes of a process on a CPU with a pack of so many seeds: with logits, four times as they are.

    While weights are read the pages of their file come on top, which the system takes back where it needs them.
    """
    return IMPORT_BYTES + 4 * FLOAT * LOGITS_AT_ONCE * config.vocabulary + seeds * seed_bytes(config, tokens)


def seeds_at_once(config: Config, tokens: int, wanted: int, device: str) -> int:
    """How many of the seeds fit into the memory that is free. Raises InputError if not one does."""
    free = free_memory() if device == "cpu" else torch.cuda.mem_get_info()[0]
    if free is None:
        return wanted
    one = seed_bytes(config, tokens)
    fit = int(SHARE * free) // one
    if fit == 0:
        size = scale(config.model.parameters(config.vocabulary))
        raise InputError(
            f"a model of {size} parameters takes {quantity(one, 'B')} of memory, and of what is free on this "
            f"{device} {quantity(SHARE * free, 'B')} may be taken; use a machine with more"
        )
    return min(wanted, fit)


class Pack:
    """Room for the weights of some seeds, used for one step after the other."""

    def __init__(self, config: Config, seeds: int, device: torch.device) -> None:
        self._decoder = StackedDecoder(config.model, config.vocabulary, seeds, device)

    @torch.no_grad()
    def load(self, checkpoints: Sequence[Checkpoint]) -> tuple[StackedDecoder, list[Checkpoint], dict[str, str]]:
        """A decoder of the seeds that can be read; which these are; of the others why not, by their directory."""
        stacked, refused = self._decoder.parameters, {}
        read: list[Checkpoint] = []
        for one in checkpoints:
            try:
                for name, tensor in read_tensors(one.path, self._decoder.shapes):
                    stacked[name][len(read)].copy_(tensor)  # to float32
            except InputError as error:
                refused[str(one.path)] = str(error)
            else:
                read.append(one)
        some = {name: tensor[: len(read)] for name, tensor in stacked.items()}
        return self._decoder.with_parameters(some), read, refused
