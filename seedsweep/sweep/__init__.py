"""The driver: which cells of a sweep are missing, packs, executors, the store, status.

It knows Ray (in `executors/ray.py` alone) and does not know torch. The way of a sweep: `specfile` reads a spec,
`store` says what a directory already holds, `plan` groups the missing cells into packs, `run` feeds the packs to
an executor, `job` is what the executor's workers do with one pack, and `status` reads where it all stands.

`seedsweep.sweep(…)` makes a spec of one's own code: the room can be called, since the facade's function has its
name.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    def __call__(self, *given: Any, **named: Any) -> Any:
        """See `seedsweep.sweep.make.sweep`."""
        from seedsweep.sweep.make import sweep

        return sweep(*given, **named)


sys.modules[__name__].__class__ = _Room
