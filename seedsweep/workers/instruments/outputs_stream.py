"""The stream `outputs`: how well each of the task's outputs is predicted, under the split `output-i`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from seedsweep.cell import Metrics
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.instruments import Stream
from seedsweep.workers.instrumentsettings import StreamSettings
from seedsweep.workers.settings import ModelSettings, TaskSettings
from seedsweep.workers.tasks import Task

METRICS = ("accuracy", "nll", "probability")
"""Of every output; what `Task.output_scores` gives."""


class OutputsSettings(StreamSettings):
    """An entry `outputs` of `streams:`."""

    name: Literal["outputs"] = "outputs"

    def check(self, task: TaskSettings, model: ModelSettings) -> None:
        if not task.outputs:
            raise ValueError(f"the task {task.name} has none that are looked at one by one")

    def measures(self, task: TaskSettings, model: ModelSettings) -> Mapping[str, Sequence[str]]:
        return {f"output-{output}": METRICS for output in range(task.outputs)}


class OutputsStream(Stream):
    """What the task measures of its outputs."""

    Settings = OutputsSettings

    def __init__(self, settings: StreamSettings, cell: CellSettings, task: Task) -> None:
        self._task = task

    def read(self, decoder: StackedDecoder) -> Metrics:
        return {
            (f"output-{output}", metric): values_SO[:, output]
            for metric, values_SO in self._task.output_scores(decoder).items()
            for output in range(values_SO.shape[1])
        }
