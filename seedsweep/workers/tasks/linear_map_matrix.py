"""The matrix of a linear map modulo 2: which inputs the parity of each output is of, drawn from a seed.

Since a model also reads the outputs before the one that it predicts, an output may be had from fewer keys than its
own row names: a combination of earlier rows may leave few inputs. `clean` matrices have no such shortcut.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from math import comb

import numpy as np
import torch

from seedsweep.workers.philox import Role, philox

LARGEST_CLEAN = 63
"""Bits whose clean matrices can be drawn: a row is one whole number."""
COMBINATIONS = 2**22
"""At most so many combinations of earlier rows are compared with a row."""
DRAWS_AT_ONCE = 64
DRAWS_OF_A_ROW = 1024
"""After so many draws of one row that is to be clean all of the matrix is drawn anew."""
MATRICES = 10
"""How often, before there is taken to be none."""


class NoCleanMatrix(ValueError):
    """There is none of this size, or none was found."""


@lru_cache(maxsize=64)
def drawn_matrix(bits: int, ones: int, seed: int, *, clean: bool = False) -> np.ndarray:
    """The matrix A, bool (S, S), S = bits: in every row `ones` different columns, each set as likely as any other.

    Rows are drawn one after the other, row *i* by ranking S random words of the counters from i · S on, at the
    first step whose row may be taken. A clean matrix takes only rows that no combination of at most `ones` keys
    (inputs and earlier outputs) replaces. Raises NoCleanMatrix if none is found.
    """
    rows = None if clean else _rows(bits, ones, seed)
    for number in range(MATRICES):
        if rows is None:
            rows = _clean_rows(bits, ones, seed, number * DRAWS_OF_A_ROW)
    if rows is None:
        raise NoCleanMatrix(f"no clean matrix of {bits} bits with {ones} ones in every row was found")
    rows.setflags(write=False)
    return rows


def other_matrix(matrix_SS: np.ndarray, seed: int) -> np.ndarray:
    """Another matrix with as many ones, none of whose rows is the matrix's own where there is a choice."""
    bits, ones = len(matrix_SS), int(matrix_SS[0].sum())
    rows = _rows(bits, ones, -1 - seed)  # no pattern's seed is negative
    for row in range(bits):
        draw = 0
        while comb(bits, ones) > 1 and np.array_equal(rows[row], matrix_SS[row]):
            draw += 1
            rows[row] = _draws(bits, ones, -1 - seed, row, draw, 1)[0]
    return rows


def shortest_ways(matrix_SS: np.ndarray) -> np.ndarray:
    """Keys of the shortest way (S,) to each output, of all combinations of earlier outputs and inputs.

    An output's own row is one way. All 2^i combinations of the rows before row i are looked at: for small
    matrices.
    """
    words = _words(matrix_SS)
    found, sums, sizes = [], np.zeros(1, np.int64), np.zeros(1, np.int64)
    for word in words:
        found.append(int((np.bitwise_count(sums ^ word) + sizes).min()))
        sums, sizes = np.concatenate([sums, sums ^ word]), np.concatenate([sizes, sizes + 1])
    return np.array(found)


def _rows(bits: int, ones: int, seed: int) -> np.ndarray:
    words_SS = philox((seed, Role.PATTERN), (torch.arange(bits * bits).view(bits, bits), 0))[..., 0]
    return _chosen(words_SS, ones)


def _clean_rows(bits: int, ones: int, seed: int, first_draw: int) -> np.ndarray | None:
    """None if a row was not found."""
    # Of every number of rows up to `ones`, what they can be combined to; of none: nothing.
    sums = [np.zeros(1, np.int64), *(np.zeros(0, np.int64) for _ in range(ones))]
    rows = np.zeros((bits, bits), dtype=bool)
    for row in range(bits):
        for draw in range(first_draw, first_draw + DRAWS_OF_A_ROW, DRAWS_AT_ONCE):
            candidates_NS = _draws(bits, ones, seed, row, draw, DRAWS_AT_ONCE)
            words_N = _words(candidates_NS)
            taken = next((n for n, word in enumerate(words_N) if not _replaced(word, sums, ones)), None)
            if taken is not None:
                break
        else:
            return None
        rows[row] = candidates_NS[taken]
        with_row = [np.concatenate([more, less ^ words_N[taken]]) for less, more in pairwise(sums)]
        sums = [sums[0], *with_row]
        if sum(map(len, sums)) > COMBINATIONS:
            raise NoCleanMatrix(
                f"{bits} bits with {ones} ones in every row have too many combinations to look through"
            )
    return rows


def _replaced(word: int, sums: list[np.ndarray], ones: int) -> bool:
    """Whether some earlier rows and inputs, together at most `ones`, come to the same."""
    return any(
        bool((np.bitwise_count(some ^ word) <= ones - number).any())
        for number, some in enumerate(sums)
        if number and len(some)
    )


def _draws(bits: int, ones: int, seed: int, row: int, first: int, many: int) -> np.ndarray:
    """Row number `row` as it comes out at the draws from `first` on: bool (many, S)."""
    positions_S = torch.arange(row * bits, (row + 1) * bits)
    steps_N1 = torch.arange(first, first + many)[:, None]
    words_NS = philox((seed, Role.PATTERN), (positions_S, steps_N1))[..., 0]
    return _chosen(words_NS, ones)


def _chosen(words_NS: torch.Tensor, ones: int) -> np.ndarray:
    """True at the smallest words of every row."""
    chosen_NK = words_NS.argsort(dim=1, stable=True)[:, :ones]
    return np.asarray(torch.zeros_like(words_NS, dtype=torch.bool).scatter_(1, chosen_NK, True))


def _words(rows_NS: np.ndarray) -> np.ndarray:
    """Every row as one whole number."""
    return np.asarray((rows_NS.astype(np.int64) << np.arange(rows_NS.shape[1])).sum(1))
