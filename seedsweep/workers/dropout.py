"""Dropout without a generator: which values are dropped is a pure function of (seed, step, site, position).

A site is one place of the network at which values are dropped. Philox gives every (seed, step) a key; site *i*
starts at word *i* of the SplitMix64 stream of that key (Steele, Lea & Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), and each word of the site's own stream decides over four neighbouring values by 16 bits
each. Philox for every value would cost more than the model's own arithmetic; this takes a dozen integer
operations for four values.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from seedsweep.workers.philox import Role, philox, splitmix64


class Dropout:
    """The masks of S seeds at one step."""

    def __init__(self, seeds_S: Tensor, step: Tensor) -> None:
        """`step` has no dimensions: a number would be another constant in the graph of every step."""
        self._seeds_S = seeds_S
        self._step = step

    def __call__(self, x: Tensor, site: int, share: float) -> Tensor:
        """`x` (S, …) with about `share` of its values 0 and the others scaled up to keep the mean.

        The share is rounded to a multiple of 2^-16, and that is what the others are scaled by.
        """
        limit = round(share * 2**16)
        keep = self.words(x[0].numel(), site) >= limit - 2**15
        # A product: on a CPU a step with `where` took a third longer.
        return x * (keep.reshape(x.shape).to(x.dtype) * (2**16 / (2**16 - limit)))

    def words(self, count: int, site: int) -> Tensor:
        """int16 (S, count), uniform: the first `count` 16-bit words of every seed's stream at this site."""
        start_S = splitmix64(self._key_S, site + 1, site + 2)[:, 0]
        return splitmix64(start_S, 1, -(-count // 4) + 1).view(torch.int16)[:, :count]

    @cached_property
    def _key_S(self) -> Tensor:
        return philox((self._seeds_S, Role.DROPOUT), (torch.zeros_like(self._step), self._step))[:, 0]
