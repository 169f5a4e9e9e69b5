"""Populations with streams whose truth is known, held in memory as a sweep's reader gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.special import expit
from scipy.stats import norm

from seedsweep import Criterion, Population
from seedsweep.measures import Metric, Split
from seedsweep.population import Curves, FinalTable, Origin

FloatArray = npt.NDArray[np.float64]
Read = Mapping[tuple[str, str], Mapping[float, FloatArray]]
"""Split and metric, scale, and a learning curve per seed."""

STEPS = np.arange(0, 3001, 50)
EXAMPLES = 256
DELAY = 200
"""Steps before which nothing is learnt, and nothing seen."""


@dataclass(frozen=True)
class Seen:
    """How outputs are learnt; what is true of it follows.

    Attributes
    ----------
    heads : tuple of float
        The ladder.
    outputs : int
    median : float
        Steps in which half of the seeds learn an output of middle difficulty, with one head.
    harder : float
        How many times longer the hardest output takes than the easiest.
    shape : float
        Of the hazard in time: 1 is constant.
    slope : float
        Of the logarithm of the hazard against that of the heads: 1 is in proportion.
    shared : float
        Correlation of an output's luck with that of another of the same seed: 0 is independent.
    lead : float
        Steps by which attention comes first.
    own : bool
        Whether an output's attention moves with its own capability; else as if it were another output of the seed.
    told : float
        Correlation of what the stream `probe` reads with the luck of the seed.
    crossed : tuple of three floats, or None
        Variances of log times by initial weights, data and neither; then all outputs are learnt at once.
    """

    heads: tuple[float, ...] = (1.0, 2.0, 4.0)
    outputs: int = 8
    median: float = 1500.0
    harder: float = 2.0
    shape: float = 1.0
    slope: float = 1.0
    shared: float = 0.0
    lead: float = 0.0
    own: bool = True
    told: float = 0.0
    crossed: tuple[float, float, float] | None = None

    def draw(self, random: np.random.Generator, seeds: int) -> Read:
        """Accuracy rises from 1/2 to 1 within few evaluations, attention from 0 to 0.8."""
        read: dict[tuple[str, str], dict[float, FloatArray]] = {}

        def keep(split: str, metric: str, scale: float, values: FloatArray) -> None:
            read.setdefault((split, metric), {})[scale] = values

        for scale in self.heads:
            luck = random.normal(size=(seeds, 1))
            moment = self._moments(random, luck, scale)
            paired = moment if self.own else self._moments(random, luck, scale)
            seen_at = paired - self.lead + random.normal(0, 30, moment.shape)
            accuracy = 0.5 + 0.5 * expit((STEPS - moment[..., None]) / 25)
            accuracy = (accuracy + random.normal(0, 0.01, accuracy.shape)).clip(0, 1)
            mass = 0.8 * expit((STEPS - seen_at[..., None]) / 25) + random.normal(0, 0.01, accuracy.shape)
            probe = -self.told * luck + math.sqrt(1 - self.told**2) * random.normal(size=(seeds, 1))
            for output in range(self.outputs):
                keep(f"output-{output}", "accuracy", scale, accuracy[:, output])
                keep(f"output-{output}", "attention_mass", scale, mass[:, output])
            keep("probe", "value", scale, np.tile(probe, STEPS.size))
            keep("test", "accuracy", scale, accuracy.mean(axis=1))
        return read

    def _moments(self, random: np.random.Generator, luck: FloatArray, scale: float) -> FloatArray:
        """When outputs are learnt, shape (seeds, outputs)."""
        shape = len(luck), self.outputs
        if self.crossed is not None:
            side = math.isqrt(len(luck))
            init, data, both = np.sqrt(self.crossed)
            effects = init * random.normal(size=(side, 1)) + data * random.normal(size=(1, side))
            logs = math.log(self.median) + effects + both * random.normal(size=(side, side))
            return np.broadcast_to(np.exp(logs).reshape(-1, 1), shape)
        own = random.normal(size=shape)
        mixed = math.sqrt(self.shared) * luck + math.sqrt(1 - self.shared) * own
        waited = -norm.logsf(mixed) / math.log(2)  # exponential, of median 1
        hard = np.geomspace(self.harder**-0.5, self.harder**0.5, self.outputs)
        return np.asarray(DELAY + self.median * hard * (waited / scale**self.slope) ** (1 / self.shape))


class Memory:
    """A reader of curves that were just drawn."""

    def __init__(self, read: Read, inits: npt.NDArray[Any], datas: npt.NDArray[Any]) -> None:
        self._read, self._inits, self._datas = read, inits, datas
        self.measured: Mapping[str, Sequence[str]] = {}
        for split, metric in read:
            self.measured = {**self.measured, split: [*self.measured.get(split, ()), metric]}

    def final(self, metric: str, split: str) -> FinalTable:
        by_scale = self._read[split, metric]
        values = np.array([by_scale[scale][:, -1] for scale in sorted(by_scale)])
        return FinalTable(
            metric,
            split,
            "model.heads",
            tuple(sorted(by_scale)),
            np.arange(values.shape[1]),
            self._inits,
            self._datas,
            values,
            np.ones(values.shape, dtype=bool),
            (float(STEPS[-1]),) * len(by_scale),
        )

    def curves(self, metric: str, split: str) -> dict[float, Curves]:
        return {
            scale: Curves(metric, split, scale, STEPS, np.arange(len(values)), values)
            for scale, values in self._read[split, metric].items()
        }

    def lattices(self, metric: str, split: str) -> dict[float, float]:
        return {}

    def rows(self, metric: str | None, split: str | None) -> pa.Table:
        parts = []
        for (at, name), by_scale in self._read.items():
            if metric not in (None, name) or split not in (None, at):
                continue
            for scale, values in by_scale.items():
                seed, step = map(np.asarray, np.indices(values.shape))
                columns = {
                    "scale": np.full(values.size, scale),
                    "seed": seed.ravel(),
                    "step": STEPS[step.ravel()],
                    "split": np.full(values.size, at),
                    "metric": np.full(values.size, name),
                    "value": values.ravel(),
                }
                parts.append(pa.table(columns))
        return pa.concat_tables(parts)


def population(read: Read, *, crossed: bool = False, threshold: float = 0.9) -> Population:
    """As `seedsweep.load` gives a sweep with streams; `crossed` seeds are a square of both roles."""
    seeds = len(next(iter(read["test", "accuracy"].values())))
    side = math.isqrt(seeds)
    inits, datas = (
        (np.arange(side * side) // side, np.arange(side * side) % side) if crossed else [np.arange(seeds)] * 2
    )
    memory = Memory(read, inits, datas)
    scales = tuple(sorted(read["test", "accuracy"]))
    return Population(
        name="seen inside",
        path="in memory",
        scale_name="model.heads",
        scales=scales,
        seeds=tuple(range(seeds)),
        cells=seeds * len(scales),
        splits={"test": Split(name="test", role="in-distribution", examples=EXAMPLES)},
        metrics={"accuracy": Metric(name="accuracy", bounds=(0.0, 1.0))},
        criterion=Criterion("accuracy", "test", threshold),
        origin=Origin({}, spec={"streams": [{"name": name} for name in ("outputs", "attention", "probe")]}),
        reader=memory,
    )
