"""Tasks: what is learned. A new task is one file here plus a preset, or one class in a package of yours.

A task says its vocabulary, how training rows are drawn from (seed, step), its evaluation splits and which
metrics it reports. To bring your own, subclass `Task` in your package and name it under the entry-point group
`seedsweep.tasks`::

    [project.entry-points."seedsweep.tasks"]
    mytask = "mypackage.mytask:MyTask"

`examples/copy/` in the repository is a complete one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.plugins import find_class
from seedsweep.workers.settings import TaskSettings

BUILT_IN = {
    "automata": "seedsweep.workers.tasks.automata:Automata",
    "count": "seedsweep.workers.tasks.count:Count",
    "addition": "seedsweep.workers.tasks.addition:Addition",
    "linear-map": "seedsweep.workers.tasks.linear_map:LinearMap",
    "mmlu": "seedsweep.workers.tasks.mmlu_files:MmluFiles",
    "mmlu-facts": "seedsweep.workers.tasks.mmlu_world:MmluFacts",
    "mmlu-world": "seedsweep.workers.tasks.mmlu_world:MmluWorld",
    "question-formation": "seedsweep.workers.tasks.question_formation:QuestionFormation",
}
GROUP = "seedsweep.tasks"


class Rows(NamedTuple):
    """Training rows of N steps: what each seed reads, and which of its tokens count in the loss."""

    tokens_NSBT: Tensor
    mask_NSBT: Tensor
    """True where the token is to be predicted from those before it."""


class Pattern(NamedTuple):
    """Which tokens the positions of a row would have to look at. Letters: Q positions that look, T of a row."""

    queries_Q: Tensor
    """int64, ascending: the positions that look. Each predicts the token behind it."""
    parents_QT: Tensor
    """bool: what each has to read, nothing behind itself; at least one in the solution's pattern."""
    inputs_QT: Tensor
    """bool: all among which the parents are to be found, for example the row's input, but no earlier answers."""


class Task(ABC):
    """One task on one device. `Settings` is the pydantic model of its section in the spec."""

    Settings: ClassVar[type[TaskSettings]]

    @abstractmethod
    def __init__(self, settings: TaskSettings, device: torch.device) -> None:
        """Prepare what does not depend on a seed, e.g. the evaluation rows."""

    @abstractmethod
    def rows(self, data_seeds_S: Tensor, steps_N: Tensor, batch: int) -> Rows:
        """The `batch` training rows of every seed at every one of the steps.

        Must be a pure function of (seed, step): draw with `workers.philox` under `Role.DATA`. Then a seed reads
        the same rows alone, packed and resumed, on every device.
        """

    @abstractmethod
    def evaluate(self, decoder: StackedDecoder) -> dict[tuple[str, str], np.ndarray]:
        """Every metric of every split, `{(split, metric): values of shape (S,)}`, in float64 on the host.

        Called without gradient tracking. A seed's value must not depend on the other seeds of the pack.
        """

    def loss_parts(self, tokens_SBT: Tensor) -> dict[str, Tensor]:
        """Parts of the training rows whose mean loss is recorded beside the whole: name → True where a token is
        in the part. Measured only, nothing is trained differently; by default there are none.

        Operations on the tensor alone, and none that asks for a value: they are part of a step, which a GPU
        launches as a whole."""
        return {}

    def feature_table(self) -> Tensor:
        """Of a task whose settings have features: float32 (rows, F), the same for all seeds."""
        raise TypeError(f"{type(self).__name__} has no features")

    # Of a task whose settings name patterns or have outputs, for instruments:

    def patterns(self) -> dict[str, Pattern]:
        """The patterns of attention that the task knows, by the names that its settings list; `true` is the
        solution's. The last queries of each are those of the outputs, if there are outputs."""
        return {}

    def row_patterns(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """Those that differ from row to row, by the names that its settings list: of tokens (N, T), the answer
        left out, bool (N, T, T), which tokens each position would have to look at; none where the pattern does not
        speak of it. Operations on the tensor alone, as of `loss_parts`."""
        return {}

    def reading_rows(self) -> Tensor:
        """Fixed rows (B, T) of tokens in which streams read what the model does."""
        raise TypeError(f"{type(self).__name__} has no rows to read a model in")

    def output_scores(self, decoder: StackedDecoder) -> dict[str, np.ndarray]:
        """How well each output is predicted: values (S, O), by `accuracy`, `nll` and `probability` (of the right
        token), means over the evaluation rows."""
        raise TypeError(f"{type(self).__name__} has no outputs of its own")


def find_task(name: str) -> type[Task]:
    """The task class of that name, built in or from an installed package; InputError if there is none."""
    found: type[Task] = find_class("task", name, BUILT_IN, GROUP, Task)
    return found
