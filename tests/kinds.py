"""Specs of one kind, for tests that look into its sections."""

from __future__ import annotations

from typing import Any

from seedsweep.sweep.enginespec import EngineSpec
from seedsweep.sweep.spec import SweepSpec
from seedsweep.sweep.specfile import read_spec


def engine(spec: SweepSpec) -> EngineSpec:
    """The same spec, known to be the engine's."""
    assert isinstance(spec, EngineSpec)
    return spec


def read_engine_spec(source: Any, **options: Any) -> EngineSpec:
    """`read_spec(…).spec` of an engine's spec."""
    return engine(read_spec(source, **options).spec)
