"""Concatenated examples fill a row until the context is full; the one that does not fit is cut.

Shape letters: N steps, S seeds, B rows, E examples of a row, T tokens of a row.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Concatenated(NamedTuple):
    """What every token of a row belongs to."""

    example_NSBT: Tensor
    """Number of its example in the row."""
    offset_NSBT: Tensor
    """Its place in that example, from 0."""
    fits_NSBT: Tensor
    """Whether all of that example is in the row; the example that is cut counts nothing in the loss."""


def examples_to_fill(context: int, smallest: int) -> int:
    """E, how many examples of at least `smallest` tokens always fill a row of `context` tokens."""
    return context // smallest + 1


def concatenate_examples(sizes_NSBE: Tensor, context: int) -> Concatenated:
    """Lay examples of these sizes in tokens end to end, from the start of a row to the end of the context.

    Parameters
    ----------
    sizes_NSBE : Tensor
        int64, any leading shape; the sizes of a row must add up to at least the context.
    context : int
        T, the tokens of a row.
    """
    end_NSBE = torch.cumsum(sizes_NSBE, dim=-1)
    time_T = torch.arange(context, device=sizes_NSBE.device)
    times = time_T.expand(*end_NSBE.shape[:-1], context).contiguous()
    example_NSBT = torch.searchsorted(end_NSBE, times, right=True)
    end_NSBT = end_NSBE.gather(-1, example_NSBT)
    offset_NSBT = time_T - (end_NSBT - sizes_NSBE.gather(-1, example_NSBT))
    return Concatenated(example_NSBT, offset_NSBT, end_NSBT <= context)
