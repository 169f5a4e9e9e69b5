"""What tasks draw for their rows: the words of a row, classes by how often they come, one of two with a chance.

Letters: X any shape, W words of a row, C classes, K classes that are drawn together.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedsweep.workers.philox import below, philox

WHOLE = 2**31
"""Weights are whole numbers that sum to about this or, if all are equal, to how many they are."""


def row_words(key: tuple[Tensor | int, int], row: Tensor, step: Tensor, count: int) -> Tensor:
    """`count` random words (X, W) for every row, whose key (seed, role), number and step broadcast to X.

    Row b draws the counters from (b · B, step) on, B of them a row.
    """
    blocks = -(-count // 4)  # philox gives four words at a time
    block_XB = row[..., None] * blocks + torch.arange(blocks, device=row.device)
    words_XW = philox((torch.as_tensor(key[0])[..., None], key[1]), (block_XB, step[..., None])).flatten(-2)
    return words_XW[..., :count]


def happens(words: Tensor, chance: float) -> Tensor:
    """True with that chance, of which it is decided by 2^-31."""
    return below(words, WHOLE) < round(chance * WHOLE)


def shuffled_places(words_XW: Tensor) -> Tensor:
    """A random order of W places."""
    return words_XW.argsort(dim=-1, stable=True)


class Frequencies:
    """How often each of C classes is drawn: p(c) ∝ (c + first)^−exponent, equally often with an exponent of 0."""

    def __init__(self, classes: int, device: torch.device, *, exponent: float = 0.0, first: int = 1) -> None:
        """Of unequal classes the shares are multiples of 2^-31, and none is less than one."""
        if exponent == 0:
            weights_C = torch.ones(classes, dtype=torch.int64)
        else:
            share_C = torch.arange(first, classes + first, dtype=torch.float64) ** -exponent
            weights_C = (share_C / share_C.sum() * (WHOLE - classes)).round().long().clamp(min=1)
        self._total = int(weights_C.sum())
        self._weights_C = weights_C.to(device)
        self._ends_C = self._weights_C.cumsum(0)

    def draw(self, words_X: Tensor) -> Tensor:
        """A class for every word."""
        return self._at(below(words_X, self._total))

    def different(self, words_XK: Tensor, given_X: Tensor | None = None) -> Tensor:
        """K different classes (X, K), each drawn as often as it is among those that are left.

        With `given_X`, different from that class, too.
        """
        taken = [] if given_X is None else [given_X]
        for word_X in words_XK.unbind(-1):
            if not taken:
                taken.append(self.draw(word_X))
                continue
            # A place among the classes that are left, which the others' weights push up, the lowest class first.
            taken_XK = torch.stack(taken, dim=-1).sort(dim=-1).values
            weights_XK = self._weights_C[taken_XK]
            starts_XK = self._ends_C[taken_XK] - weights_XK
            place_X = below(word_X, self._total - weights_XK.sum(-1))
            for start_X, weight_X in zip(starts_XK.unbind(-1), weights_XK.unbind(-1), strict=True):
                place_X = place_X + torch.where(place_X >= start_X, weight_X, 0)
            taken.append(self._at(place_X))
        return torch.stack(taken[-words_XK.shape[-1] :], dim=-1)

    def _at(self, place_X: Tensor) -> Tensor:
        return torch.searchsorted(self._ends_C, place_X, right=True)
