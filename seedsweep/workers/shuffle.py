"""Every seed's own order of a data set, without a list of it: where a line stands is a pure function.

The swap-or-not shuffle (Hoang, Morris & Rogaway, "An enciphering scheme based on a card shuffle", CRYPTO 2012) is
a permutation of any number of things that can be asked for one place at a time. So there is nothing to sort, to
keep or to save, and nothing for which the host has to know the step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seedsweep.workers.philox import below, mix64, philox

ROUNDS = 64
"""Every round halves what is left of an element's memory of where it was: 64 leave less than 2^-20 of it."""


def shuffled(seeds_S: Tensor, role: int, epochs_N: Tensor, places_NB: Tensor, count: int) -> Tensor:
    """Which of `count` things stands at each place, in the order of every seed and epoch: (N, S, B).

    Places and results are in [0, count). Round *r* of an epoch draws the Philox counter (r, epoch).
    """
    rounds = torch.arange(ROUNDS, device=seeds_S.device)
    words_NSRX = philox((seeds_S[None, :, None], role), (rounds, epochs_N[:, None, None]))
    pivots_NSR, salts_NSR = below(words_NSRX[..., 0], count), words_NSRX[..., 1]
    x_NSB = places_NB[:, None].expand(-1, len(seeds_S), -1)
    for number in range(ROUNDS):
        # Pairs of things whose sum is the pivot, and a coin for each pair: swap or not.
        partner_NSB = pivots_NSR[..., number, None] - x_NSB
        partner_NSB = torch.where(partner_NSB < 0, partner_NSB + count, partner_NSB)
        coin_NSB = mix64(salts_NSR[..., number, None] + torch.maximum(x_NSB, partner_NSB))
        x_NSB = torch.where(coin_NSB < 0, partner_NSB, x_NSB)
    return x_NSB
