"""The promise that packing changes nothing, checked on a spec of yours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import scipy.stats

from seedsweep.errors import InputError
from seedsweep.sweep.spec import SweepSpec
from seedsweep.workers.device import check_precision, choose_device
from seedsweep.workers.verify import train_alone_and_packed

SAME_DISTRIBUTION = 0.01
"""Below this Kolmogorov–Smirnov p-value, alone and packed are taken to differ in distribution."""


@dataclass(frozen=True)
class ScaleVerification:
    """Seeds of one scale, trained alone and packed."""

    scale: float
    seeds: int
    bitwise: bool
    """Every weight and every metric of every seed is the same alone and packed."""
    repeats: bool
    """The same pack trained twice is bitwise the same."""
    largest_difference: float
    """Of any metric of any seed, between alone and packed."""
    ks_pvalue: float
    """Two-sample Kolmogorov–Smirnov test of the success metric, alone against packed."""


@dataclass(frozen=True)
class Verification:
    """What `verify` found."""

    device: str
    steps: int
    scales: tuple[ScaleVerification, ...]

    @property
    def kept(self) -> bool:
        """Whether the promise holds: bitwise on a CPU in float32; elsewhere the same pack repeats bitwise, and
        alone and packed do not differ in distribution."""
        if self.device == "cpu":
            return all(scale.bitwise for scale in self.scales)
        return all(scale.repeats and scale.ks_pvalue >= SAME_DISTRIBUTION for scale in self.scales)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "kept": self.kept}


def verify(
    spec: SweepSpec, count: int, steps: int | None = None, *, on_progress: Callable[[float], None] | None = None
) -> Verification:
    """Train the first `count` seeds of every scale alone and packed and compare.

    Parameters
    ----------
    steps : int, optional
        Stop every training after so many steps of its schedule; by default train to the end.
    on_progress : callable, optional
        Is told the share (0 to 1) of the trainings that are done.

    Raises
    ------
    InputError
        If the spec has fewer seeds or fewer steps than asked for.
    """
    seeds = spec.seeds.pairs()[:count]
    if len(seeds) < count:
        raise InputError(f"--seeds {count}: the spec has {len(seeds)} seeds only; give at most so many")
    device = choose_device(spec.execution.device)
    check_precision(spec.train.precision, device)
    done, trainings = 0, len(spec.scale.values) * (count + 2)
    scales = []

    def one_more() -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done / trainings)

    spec = spec.resolve()
    for value in spec.scale.values:
        settings = spec.recipes[value].settings
        wanted = settings.train.steps if steps is None else steps
        if wanted > settings.train.steps:
            raise InputError(
                f"--steps {steps}: the training has {settings.train.steps} steps; give at most so many"
            )
        runs = train_alone_and_packed(settings, seeds, device, wanted, one_more)
        differences = [np.abs(runs.packed[key] - runs.alone[key]) for key in runs.packed]
        equal = all(np.array_equal(runs.packed[key], runs.alone[key], equal_nan=True) for key in runs.packed)
        success = (spec.success.split, spec.success.metric)
        scales.append(
            ScaleVerification(
                scale=value,
                seeds=count,
                bitwise=runs.weights_equal and equal,
                repeats=runs.repeat_equal,
                largest_difference=float(np.nan_to_num(np.concatenate(differences)).max()),
                ks_pvalue=float(scipy.stats.ks_2samp(runs.packed[success], runs.alone[success]).pvalue),
            )
        )
    return Verification(device, wanted, tuple(scales))
