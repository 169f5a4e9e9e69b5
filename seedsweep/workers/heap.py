"""Where freed memory goes: a step's is kept for the next one, an evaluation's is given back."""

from __future__ import annotations

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

TRIM_THRESHOLD, MMAP_THRESHOLD, MMAP_MAX = -1, -3, -4  # of glibc's malloc.h
DEFAULTS = {MMAP_MAX: 65536, TRIM_THRESHOLD: 128 * 1024, MMAP_THRESHOLD: 128 * 1024}
LARGE = 2**20
"""Bytes of a block that is given back after an evaluation."""

_GLIBC = platform.libc_ver()[0] == "glibc"


@contextmanager
def kept() -> Iterator[None]:
    """glibc's malloc gives large blocks back to the system as soon as they are freed, which then hands out pages
    anew, each filled with zeros: 40 000 of them a step for four seeds of 5 million parameters, 15 % of its time.

    Afterwards the memory is given back. Does nothing under other C libraries.
    """
    if not _GLIBC:
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(MMAP_MAX, 0)
    libc.mallopt(TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        for parameter, value in DEFAULTS.items():
            libc.mallopt(parameter, value)
        libc.malloc_trim(0)


@contextmanager
def given_back() -> Iterator[None]:
    """Inside `kept`: large blocks are given back as soon as they are freed.

    An evaluation's blocks are larger than a step's, and of many sizes. Kept, few of them fit into what others have
    left, and the process grew to twice what is ever in use.
    """
    if not _GLIBC:
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(MMAP_MAX, DEFAULTS[MMAP_MAX])
    libc.mallopt(MMAP_THRESHOLD, LARGE)
    try:
        yield
    finally:
        libc.mallopt(MMAP_MAX, 0)
