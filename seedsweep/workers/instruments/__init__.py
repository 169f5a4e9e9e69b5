"""Instruments: what is read from the seeds of a pack while they train, and what is done to them.

A *stream* reads numbers at every evaluation, beyond the task's metrics. They are rows of the same table: what is
looked at is the split (`output-3`), what is measured the metric (`attention_mass`). An *intervention* changes what
heads attend to. To bring a stream of your own, subclass `Stream` in your package and name it under the entry-point
group `seedsweep.streams`::

    [project.entry-points."seedsweep.streams"]
    norms = "mypackage.norms:Norms"

Heads have no names that two seeds share: a stream gives sorted values, largest ones, sums or counts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from seedsweep.cell import Metrics
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.instrumentsettings import StreamSettings
from seedsweep.workers.plugins import find_class
from seedsweep.workers.tasks import Task

BUILT_IN = {
    "attention": "seedsweep.workers.instruments.attention_stream:AttentionStream",
    "heads": "seedsweep.workers.instruments.heads_stream:HeadsStream",
    "induction": "seedsweep.workers.instruments.induction_stream:InductionStream",
    "outputs": "seedsweep.workers.instruments.outputs_stream:OutputsStream",
    "paths": "seedsweep.workers.instruments.paths_stream:PathsStream",
}
GROUP = "seedsweep.streams"


class Stream(ABC):
    """What is read from the seeds of a pack. `Settings` is the pydantic model of its entry in the spec."""

    Settings: ClassVar[type[StreamSettings]]

    @abstractmethod
    def __init__(self, settings: StreamSettings, cell: CellSettings, task: Task) -> None:
        """Prepare what does not depend on a seed. `task` is that of the cell's settings, on its device."""

    @abstractmethod
    def read(self, decoder: StackedDecoder) -> Metrics:
        """`{(split, metric): values of shape (S,)}`, in float64 on the host.

        Called without gradient tracking. A seed's value must not depend on the other seeds of the pack, and the
        splits must not be the task's.
        """


def find_stream(name: str) -> type[Stream]:
    """The stream of that name, built in or from an installed package; InputError if there is none."""
    found: type[Stream] = find_class("stream", name, BUILT_IN, GROUP, Stream)
    return found
