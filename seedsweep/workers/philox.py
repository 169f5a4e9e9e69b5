"""Counter-based randomness: Philox 4x64-10 as torch integer arithmetic.

What seed *s* draws at step *t* is a pure function of (seed, role, position, step). No generator has a state,
so a resumed run draws what an undisturbed one would, the draws do not depend on who shares the pack, and CPU
and GPU draw the same integers.

The words are those of `numpy.random.Philox` (which the tests compare with), reference: Salmon, Moraes, Dror &
Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

torch has no 64-bit unsigned arithmetic. Its signed int64 wraps modulo 2^64 like an unsigned one, so additions,
products and xors of bit patterns are exact; only right shifts and comparisons need care.
"""

from __future__ import annotations

from enum import IntEnum

import torch
from torch import Tensor


class Role(IntEnum):
    """What a draw is for. The role is half of the key: draws of two roles never meet."""

    INIT = 1
    DATA = 2
    EVALUATION = 3
    """Evaluation data that are drawn: the key's seed is then a fixed one, not that of a cell."""
    DROPOUT = 4
    CORPUS = 5
    """Data sets that are generated: the key's seed is a fixed one too."""
    PATTERN = 6
    """Which tokens a task's outputs depend on: the key's seed is the task's `pattern_seed`."""


def _signed(word: int) -> int:
    return word - 2**64 if word >= 2**63 else word


_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_LOW = 0xFFFFFFFF


def _shift_right_32(x: Tensor) -> Tensor:
    return (x >> 32) & _LOW


def _multiply_high(x: Tensor, constant: int) -> Tensor:
    """Upper 64 bits of the 128-bit product of two unsigned words, by schoolbook on 32-bit halves."""
    x_high, x_low = _shift_right_32(x), x & _LOW
    c_high, c_low = constant >> 32, constant & _LOW
    low_high, high_low = x_low * c_high, x_high * c_low
    carry = _shift_right_32(x_low * c_low) + (low_high & _LOW) + (high_low & _LOW)
    return x_high * c_high + _shift_right_32(low_high) + _shift_right_32(high_low) + (carry >> 32)


def philox(key: tuple[Tensor | int, int], counter: tuple[Tensor | int, Tensor | int]) -> Tensor:
    """Four random 64-bit words for every key and counter.

    Parameters
    ----------
    key : (seed, role)
        Seeds as an int64 tensor of any shape, or one seed.
    counter : (position, step)
        int64 tensors that broadcast with the seeds. Together with two zero words they are the counter *before*
        numpy's increment: `numpy.random.Philox(key=[seed, role], counter=[position, step, 0, 0])`'s next four
        words are the ones returned for `position`.

    Returns
    -------
    Tensor
        int64, shape (*broadcast, 4): the bit patterns of unsigned words.
    """
    position, step = torch.as_tensor(counter[0]), torch.as_tensor(counter[1])
    seed = torch.as_tensor(key[0], device=position.device)
    c0, c1, k0 = torch.broadcast_tensors(position + 1, step.to(position.device), seed)
    c2 = c3 = torch.zeros_like(c0)
    k1 = key[1]
    for number in range(10):
        if number:
            k0 = k0 + _signed(_WEYL[0])
            k1 = (k1 + _WEYL[1]) % 2**64
        high0, low0 = _multiply_high(c0, _MULTIPLIERS[0]), c0 * _signed(_MULTIPLIERS[0])
        high1, low1 = _multiply_high(c2, _MULTIPLIERS[1]), c2 * _signed(_MULTIPLIERS[1])
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ _signed(k1), low0
    return torch.stack((c0, c1, c2, c3), dim=-1)


_GAMMA = _signed(0x9E3779B97F4A7C15)


def mix64(z: Tensor) -> Tensor:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection of 64-bit words that scrambles them."""
    z = (z ^ ((z >> 30) & (2**34 - 1))) * _signed(0xBF58476D1CE4E5B9)
    z = (z ^ ((z >> 27) & (2**37 - 1))) * _signed(0x94D049BB133111EB)
    return z ^ ((z >> 31) & (2**33 - 1))


def splitmix64(start_S: Tensor, first: int, last: int) -> Tensor:
    """int64 (S, last − first): words `first` (from 1) to before `last` of the streams that start so."""
    return mix64(start_S[:, None] + torch.arange(first, last, device=start_S.device) * _GAMMA)


def below(words: Tensor, bound: Tensor | int) -> Tensor:
    """Integers in [0, bound) from random words: the upper 32 bits times the bound, shifted down.

    The bound is at most 2^31; the bias is at most bound / 2^32.
    """
    return (_shift_right_32(words) * bound) >> 32


DIGITS_PER_WORD = 12


def low_digits(words: Tensor, base: int) -> Tensor:
    """Twelve digits to a base of at most 10 from every random word: shape (*shape, 12), the lowest digit first.

    They are the last digits of the word in two's complement. The bias is at most base^12 / 2^64 (6e-8 for
    decimal digits) of the probability of any twelve digits together.
    """
    powers = base ** torch.arange(DIGITS_PER_WORD, device=words.device)
    return words[..., None] // powers % base  # both round down, so a negative word has no negative digits


def uniform(seed: int, role: int, tensor_number: int, count: int, device: torch.device) -> Tensor:
    """`count` float32 values, uniform in [0, 1), for one seed and one numbered tensor."""
    blocks = torch.arange((count + 3) // 4, device=device)
    words = philox((seed, role), (blocks, torch.tensor(tensor_number, device=device)))
    # float32 has 24 bits: more would round some values up to 1.
    return ((words.flatten()[:count] >> 40) & (2**24 - 1)).float() * 2.0**-24


def truncated_normal(seed: int, role: int, tensor_number: int, count: int, device: torch.device) -> Tensor:
    """`count` float32 values, standard normal given that they are within 2, by the inverse of the distribution."""
    blocks = torch.arange((count + 3) // 4, device=device)
    words = philox((seed, role), (blocks, torch.tensor(tensor_number, device=device)))
    unit = (((words >> 11) & (2**53 - 1)).double() + 0.5) * 2.0**-53
    tail = torch.special.ndtr(torch.tensor(-2.0, dtype=torch.float64, device=device))
    drawn: Tensor = torch.special.ndtri(tail + unit * (1 - 2 * tail))
    return drawn.flatten()[:count].float()


def normal(seed: int, role: int, tensor_number: int, count: int, device: torch.device) -> Tensor:
    """`count` standard normal float32 values for one seed and one numbered tensor (Box–Muller in float64).

    The integers are the same on every device; the last bit of log and cos may differ between devices.
    """
    blocks = torch.arange((count + 3) // 4, device=device)
    words = philox((seed, role), (blocks, torch.tensor(tensor_number, device=device)))
    unit = (((words >> 11) & (2**53 - 1)).double() + 0.5) * 2.0**-53  # in (0, 1), never 0
    radius = torch.sqrt(-2.0 * torch.log(unit[:, 0::2]))
    angle = 2.0 * torch.pi * unit[:, 1::2]
    pairs = torch.stack((radius * torch.cos(angle), radius * torch.sin(angle)), dim=-1)
    return pairs.flatten()[:count].float()
