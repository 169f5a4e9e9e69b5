"""Dropout without a generator: which values are dropped is a pure function of (seed, step, site, position).

A site is one place of the network at which values are dropped. Philox gives every (seed, step) a key; site *i*
starts at word *i* of the SplitMix64 stream of that key (Steele, Lea & Flood, "Fast splittable pseudorandom number
generators", OOPSLA 2014), and each word of the site's own stream decides over four neighbouring values by 16 bits
each. Philox for every value would cost more than the model's own arithmetic; this takes a dozen integer
operations for four values.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedsweep.workers.philox import Role, philox, splitmix64


def dropout_keys(seeds_S: Tensor, steps: Tensor) -> Tensor:
    """int64, of the shape to which seeds and steps broadcast: what decides which values of a seed are dropped at a
    step. Steps are int64, on the seeds' device."""
    first = torch.zeros((), dtype=torch.int64, device=seeds_S.device)
    return philox((seeds_S, Role.DROPOUT), (first, steps))[..., 0]


class Dropout:
    """The masks of S seeds at one step, which is in their keys (`dropout_keys`)."""

    def __init__(self, keys_S: Tensor) -> None:
        self._keys_S = keys_S

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
        start_S = splitmix64(self._keys_S, site + 1, site + 2)[:, 0]
        return splitmix64(start_S, 1, -(-count // 4) + 1).view(torch.int16)[:, :count]
