"""Tests leave nothing behind in HOME: matplotlib, Ray and pip get another one."""

from __future__ import annotations

import os
import tempfile

import pytest

_HOME = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module is imported: matplotlib looks for its folder when it is imported."""
    config.stash[_HOME] = tempfile.TemporaryDirectory(prefix="seedsweep-home-", ignore_cleanup_errors=True)
    os.environ["HOME"] = config.stash[_HOME].name


def pytest_unconfigure(config: pytest.Config) -> None:
    config.stash[_HOME].cleanup()
