"""Many objects at once: why Python need not look for cycles meanwhile."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """While entered, or while a function that it decorates runs, nobody looks for cycles that can be freed.

    Whoever makes many objects that stay sets off that search over and over, each time over all of them: two thirds
    of the time in which a store of 100,000 cells is read. Objects outside cycles are freed as ever.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
