"""The whole ladder in one table: every statistic of this package at every scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from functools import partial
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from seedsweep.analysis.bootstrap import Interval, bootstrap_interval
from seedsweep.analysis.drift import distance_to_largest
from seedsweep.analysis.modality import DipResult, dip
from seedsweep.analysis.mode import mode
from seedsweep.analysis.samples import FloatArray, errors_name, observed, samples_by_scale
from seedsweep.analysis.success import SuccessRate, mean_given_success, success_rate

QUANTILES: Final = (0.05, 0.25, 0.75, 0.95)
"""Levels of `ScaleSummary.quantiles`."""


@dataclass(frozen=True)
class ScaleSummary:
    """The population of seeds at one scale.

    Attributes
    ----------
    scale : float
        The value on the ladder.
    n : int
        All seeds.
    n_diverged : int
        Seeds whose value is `nan`. They count as failures in `success` and are left out elsewhere.
    mean : Interval
        Of the seeds that have a value.
    median : float
        Of the seeds that have a value; `nan` if there are none.
    quantiles : mapping of float to float
        The quantiles at 0.05, 0.25, 0.75 and 0.95 of the seeds that have a value, interpolated as numpy does;
        `nan` if there are none.
    mode : Interval
        See `seedsweep.analysis.mode`.
    success : SuccessRate
        Over all n seeds.
    mean_given_success : Interval or None
        None if no seed succeeded.
    dip : DipResult
        Test of unimodality, with the share of tied values.
    w2_to_largest : Interval
        Wasserstein-2 distance to the seeds of the largest scale; 0 for the largest itself.
    """

    scale: float
    n: int
    n_diverged: int
    mean: Interval
    median: float
    quantiles: Mapping[float, float]
    mode: Interval
    success: SuccessRate
    mean_given_success: Interval | None
    dip: DipResult
    w2_to_largest: Interval

    def to_dict(self) -> dict[str, Any]:
        """Nested dicts ready for ``json.dumps(..., allow_nan=False)``: what is not finite becomes None."""
        told: dict[str, Any] = jsonable(self)
        return told


def summarise(
    values: Mapping[float, npt.ArrayLike],
    *,
    at_least: float,
    higher_is_better: bool = True,
    lattice: float | None = None,
    bounds: tuple[float, float] | None = (0.0, 1.0),
) -> tuple[ScaleSummary, ...]:
    """Every statistic of this package at every scale of a ladder.

    Parameters
    ----------
    values : mapping from scale to array_like, shape (n_seeds,)
        The final metric of every seed; `nan` for a diverged one. The scales may have different numbers of
        seeds, or none.
    at_least : float
        The metric at which a seed counts as a success.
    higher_is_better : bool
        False turns `at_least` into "at most": a seed with a loss of that or less is a success.
    lattice : float, optional
        Step of a lattice-valued metric, for the dip test.
    bounds : tuple of two floats, or None
        The range of the metric, for the mode.

    Returns
    -------
    tuple of ScaleSummary
        Sorted by scale; empty for an empty mapping.

    Raises
    ------
    ValueError
        If a scale is not a finite number, or a sample, the threshold, the lattice or the bounds are not
        what `dip`, `mode` and `success_rate` accept; the message names the scale.

    Notes
    -----
    Intervals are percentile bootstrap intervals (95 %, 1000 resamples), apart from the Wilson interval of
    the success rate. The order of the seeds does not matter: they are sorted first.

    References
    ----------
    .. [1] Zhao et al., "Random Scaling of Emergent Capabilities", arXiv 2502.17356, Fig. 3 and 4c.

    Examples
    --------
    >>> small, large = summarise({4: [0.0, 0.9, 0.8, 1.0], 2: [0.0, 0.1, 0.0, 0.8]}, at_least=0.5)
    >>> small.scale, small.success.rate, small.mean.estimate
    (2.0, 0.25, 0.225)
    >>> large.w2_to_largest.estimate
    0.0
    """
    samples = samples_by_scale(values)
    values_of = {scale: observed(sample) for scale, sample in samples.items()}
    summaries = []
    for scale, sample in samples.items():
        with errors_name(scale):
            summaries.append(
                ScaleSummary(
                    scale=scale,
                    n=sample.size,
                    n_diverged=int(np.isnan(sample).sum()),
                    mean=bootstrap_interval(np.mean, observed(sample)),
                    median=_quantiles(observed(sample), [0.5])[0],
                    quantiles=dict(zip(QUANTILES, _quantiles(observed(sample), QUANTILES), strict=True)),
                    mode=bootstrap_interval(partial(mode, bounds=bounds), observed(sample)),
                    success=success_rate(sample, at_least, higher_is_better=higher_is_better),
                    mean_given_success=_mean_given_success(sample, at_least, higher_is_better),
                    dip=dip(sample, lattice=lattice),
                    w2_to_largest=distance_to_largest(scale, values_of),
                )
            )
    return tuple(summaries)


def _quantiles(sample: FloatArray, levels: Sequence[float]) -> list[float]:
    return [float(value) for value in np.quantile(sample, levels)] if sample.size else [math.nan] * len(levels)


def _mean_given_success(sample: FloatArray, at_least: float, higher_is_better: bool) -> Interval | None:
    statistic = partial(mean_given_success, threshold=at_least, higher_is_better=higher_is_better)
    interval = bootstrap_interval(statistic, sample)
    return None if math.isnan(interval.estimate) else interval


def jsonable(value: Any) -> Any:
    """A result dataclass, dict, sequence, array or number as strict JSON takes it: what is not finite is None."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, dict):
        return {name: jsonable(item) for name, item in value.items()}
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
