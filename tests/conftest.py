"""What holds for all tests: a HOME of their own, this checkout in child processes too, no clock in hypothesis.

`make test` runs them in several processes (pytest-xdist), each of which takes the next test that is left.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).parent.parent
TOGETHER = {
    "tests/analysis/report/": "studies",
    "tests/sweep/test_ray.py": "Ray",
    "tests/test_docs.py": "site",
    "tests/test_install.py": "wheel",
    "tests/test_own_task.py": "task",
    "tests/test_populations.py": "studies",
    "tests/workers/probing/": "ladder",
}
"""What the tests below each of these share that is costly, such as a local Ray or models that they have trained:
one process runs them all."""

_HOME = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported: matplotlib looks for its folder when it is imported."""
    hypothesis.settings.register_profile("seedsweep", deadline=None)
    hypothesis.settings.load_profile("seedsweep")
    if hasattr(config, "workerinput"):  # one of several processes: all below it has from the first
        return
    # Tests leave nothing behind in HOME: matplotlib, Ray and pip get another one.
    config.stash[_HOME] = tempfile.TemporaryDirectory(prefix="seedsweep-home-", ignore_cleanup_errors=True)
    os.environ["HOME"] = config.stash[_HOME].name
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    # As for the workers of a sweep: several thread pools on the same cores are many times slower than none.
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_unconfigure(config: pytest.Config) -> None:
    if _HOME in config.stash:
        config.stash[_HOME].cleanup()


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Test by test, but for those in `TOGETHER`, which come first since they are the largest scopes."""

    def _split_scope(self, nodeid: str) -> str:
        return next((shared for below, shared in TOGETHER.items() if nodeid.startswith(below)), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Asked by pytest-xdist for `-n logical`: one process more than there are cores, since tests over Ray and of
    stores that are silent wait for longer than they compute."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    """Asked by pytest-xdist."""
    return Scheduling(config, log)


@pytest.fixture
def two_threads() -> Iterator[None]:
    """torch has two threads: to see whether they are put back, since one is also what training sets."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
