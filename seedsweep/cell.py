"""What a cell is to the driver, which trains cells without knowing what a decoder is.

A *cell* is one seed at one scale. What the cells of a scale have in common is their `Recipe`; seeds of one scale
that train together are a `Pack`; what they measure goes to a `Sink`. The engine's recipe is
`seedsweep.workers.engine.EngineRecipe`.
"""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from seedsweep.measures import Metric, Split, scale_text
from seedsweep.seeds import Seed


@dataclass(frozen=True)
class Pack:
    """Seeds of one scale that train together: the unit of work that the driver hands to a worker."""

    scale_name: str
    scale: float
    seeds: tuple[Seed, ...]
    fingerprint: str
    """Of the sweep the pack belongs to."""

    @cached_property
    def name(self) -> str:
        """Deterministic and readable, fit for file names: `depth-2-seeds-0-3-1f0c9a2b`."""
        ids = [seed.id for seed in self.seeds]
        identity = json.dumps([self.fingerprint, self.scale_name, scale_text(self.scale), ids])
        digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
        return f"{self._scale}-seeds-{ids[0]}-{ids[-1]}-{digest}"

    def cell_name(self, seed: Seed) -> str:
        """Of one of its cells: `depth-2-seed-3`, of crossed seeds `depth-2-init-3-data-0`."""
        ids = f"seed-{seed.id}" if seed.init == seed.data else f"init-{seed.init}-data-{seed.data}"
        return f"{self._scale}-{ids}"

    @property
    def _scale(self) -> str:
        return f"{self.scale_name.rpartition('.')[2]}-{scale_text(self.scale)}"


class Base(NamedTuple):
    """A trained model from which all seeds of a sweep start, as files in Hugging Face's format."""

    weights: bytes
    """Content of `model.safetensors`."""
    config: bytes
    """Content of `config.json`."""


class KeptWeights(NamedTuple):
    """A file with weights from which seeds start."""

    content: bytes
    """Of a kept checkpoint (`seedsweep.keptfile`), whole."""
    rows: dict[Seed, int]
    """The seeds that start from it, and where each has its weights in the tensors."""


class Parent(Protocol):
    """A sweep from whose kept checkpoints the seeds of another one start, at one scale and step."""

    @property
    def fingerprint(self) -> str:
        """Of that sweep."""

    def weights(self, seeds: Sequence[Seed]) -> list[KeptWeights]:
        """From what these seeds start. Raises CellError, in a line, if it cannot be read."""


class CellError(RuntimeError):
    """Cells cannot be trained, for a reason of their own that is told without a traceback.

    Parameters
    ----------
    message : str
        In one line.
    output : str
        The end of what the failed program has said.
    hopeless : bool
        Whether another attempt would come to the same.
    """

    def __init__(self, message: str, output: str = "", *, hopeless: bool = False) -> None:
        super().__init__(message)
        self.output, self.hopeless = output, hopeless


class UnreadableCheckpointError(ValueError):
    """A checkpoint is not what was saved; the message says why."""


@dataclass(frozen=True)
class Code:
    """Which code trains cells, where that is not seedsweep's own. The digests are parts of SHA-256."""

    script: str | None
    """Name of the file that is run; None if it is not known."""
    script_sha256: str | None
    commit: str | None
    """Of the git repository that it lies in; None outside any."""
    changes: str | None
    """Digest of what differs from the commit; None if nothing does."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        script = f"{self.script} {(self.script_sha256 or '')[:8]}" if self.script else "no script"
        if self.commit is None:
            return script
        return f"{script} at commit {self.commit[:8]}" + (
            f" with changes {self.changes[:8]}" if self.changes else ""
        )


class Sink(Protocol):
    """Where the results of a pack go. The driver's is the store; tests have their own."""

    def cell_folder(self, cell: str) -> Path:
        """A folder for what a cell's program makes; the same for every attempt on one machine. Need not exist.

        Where one call trains several cells, `cell` is the name of their pack, here and in `keep_log`.
        """

    def keep_log(self, cell: str, text: bytes) -> str:
        """Keep what a cell's program has printed, in place of what was kept; returns the file's path or URL."""

    def load_base(self) -> bytes | None:
        """`Base.weights`; only asked for if the recipe has a base."""

    def load_checkpoint(self) -> bytes | None:
        """The last checkpoint of this pack, if there is one."""

    def refuse_checkpoint(self, problem: str) -> None:
        """Say that it cannot be read, and why: it is set aside, and the pack starts anew."""

    def save_checkpoint(self, state: bytes) -> None:
        """Keep a checkpoint in place of the last one."""

    def keep_checkpoint(self, step: int, content: bytes) -> None:
        """Keep the weights of the pack at a step for good (`seedsweep.keptfile`). Once more writes the same."""

    def write_block(
        self, number: int, table: pa.Table, *, last: bool, steps: tuple[int, int], provenance: dict[str, Any]
    ) -> None:
        """Keep a block of rows. Writing a block again writes the same rows."""

    def report(self, step: int, steps: int, *, pace: Pace | None = None, evaluations: int = 0) -> None:
        """Where the training stands, of `steps` or, if that is not known, of 0; called after every step.

        Who measures it says how fast its parts were so far, and how many evaluations are done.
        """


@dataclass(frozen=True)
class Pace:
    """How long the parts of a pack take on one worker, in seconds."""

    setup: float
    """Of a pack before its first step, and what that step takes longer than others: data, compiling."""
    step: float
    """Of a step, per seed."""
    evaluation: float
    """Of an evaluation, per seed."""

    def seconds(self, seeds: int, steps: float, evaluations: float) -> float:
        """Of a pack with so many seeds, steps and evaluations, its set-up apart."""
        return seeds * (steps * self.step + evaluations * self.evaluation)

    def times(self, factor: float) -> Pace:
        """All parts in proportion."""
        return Pace(*(factor * seconds for seconds in astuple(self)))


Metrics: TypeAlias = "dict[tuple[str, str], np.ndarray]"
"""Values (S,) of S seeds, by split and metric."""


class Runs(NamedTuple):
    """The same seeds trained three times."""

    packed: Metrics
    """Final metrics (S,) of the seeds trained in packs."""
    alone: Metrics
    """The same of the seeds trained one by one."""
    weights_equal: bool
    """Whether whatever is trained, weights for example, is bitwise the same packed and alone."""
    repeat_equal: bool
    """Whether the packs, trained a second time, gave bitwise the same weights and metrics."""
    first_steps_S: np.ndarray
    """How far apart each seed's first steps lead its weights packed and alone, in lengths of the longer way: 0 is
    the same, 1 that one of them stood still, √2 that they go unrelated ways."""


@dataclass(frozen=True)
class Cost:
    """What one seed of a recipe takes."""

    parameters: int
    flop_per_step: float
    """Arithmetic of one training step."""
    flop: float
    """Arithmetic of the whole training, evaluations included."""
    bytes: int
    """Memory that one more seed in a pack takes."""


class Recipe(ABC):
    """How the cells of one scale are trained: all that decides their numbers, the seed apart.

    A recipe travels to the workers, so it must pickle.
    """

    @property
    @abstractmethod
    def task(self) -> str:
        """What is learned: the column `task` of every row."""

    @property
    @abstractmethod
    def steps(self) -> int | None:
        """Training steps of every seed; None if only the rows will tell."""

    @abstractmethod
    def splits(self) -> tuple[Split, ...]:
        """The evaluation sets, in-distribution first; empty if only the rows will tell."""

    @abstractmethod
    def metrics(self) -> tuple[Metric, ...]:
        """What every split is measured by; empty if only the rows will tell."""

    @abstractmethod
    def cost(self) -> Cost | None:
        """What a seed takes; None if that is not known beforehand."""

    @abstractmethod
    def check_device(self, device: str) -> None:
        """Raise InputError, naming the field, if the cells cannot be trained on "cpu" or "cuda"."""

    def broken_device(self, device: str) -> str | None:
        """Why nothing can be computed on that device of this process, None if it works or is not used."""
        return None

    @abstractmethod
    def pack_size(self, device: str) -> int:
        """Seeds that train together well on the device of this process."""

    @property
    def evaluations(self) -> int:
        """Evaluations of every seed that take time besides its steps."""
        return 0

    def pace(self, device: str, pack: int) -> Pace | None:
        """Of packs of so many seeds on this machine, by a short trial; None if none can be made."""
        return None

    def compiled(self, device: str) -> Recipe | None:
        """The same cells by compiled steps, which round otherwise; None if they are, or cannot be there."""
        return None

    def pack_bytes(self, device: str, seeds: int) -> int | None:
        """Memory of a pack at its largest moment, on a CPU that of its process; None if that is not known."""
        return None

    def code(self) -> Code | None:
        """The code that trains the cells now; None if that is seedsweep's own."""
        return None

    @property
    def pinned(self) -> bool:
        """Whether no other code may train cells of the same sweep."""
        return False

    @property
    def has_base(self) -> bool:
        """Whether all seeds start from a model that the driver has trained before the first pack."""
        return False

    def train_base(
        self, device: str, *, should_stop: Callable[[], bool], on_step: Callable[[int, int], None]
    ) -> Base | None:
        """Train that model, or take it from a cache; None if `should_stop` said so.

        `on_step` is called with the step and the number of steps after every step that is trained.
        """
        raise TypeError(f"{type(self).__name__} has no base")

    @property
    def keep(self) -> Collection[int]:
        """Steps at which the weights of every seed are kept for good."""
        return ()

    @abstractmethod
    def train(self, pack: Pack, sink: Sink, *, device: str, should_stop: Callable[[], bool]) -> bool:
        """Train a pack from its last checkpoint to the end (True), or to a checkpoint after `should_stop` (False).

        Whatever happens in between, block *k* of a pack always holds the same rows under the same number.
        """

    def evaluate_spliced(
        self, seeds: Sequence[Seed], step: int, pieces: Sequence[tuple[str | None, list[KeptWeights]]], device: str
    ) -> Metrics:
        """Measure models that are put together of kept checkpoints, as an evaluation at that step measures them.

        Each piece is a part and its weights, those of all seeds; None stands for the whole model, which comes
        first. Raises InputError, in a line, if the model does not have such a part, or two parts have a tensor in
        common.
        """
        raise TypeError(f"{type(self).__name__} has no kept checkpoints")

    @abstractmethod
    def train_alone_and_packed(
        self, packs: Sequence[Sequence[Seed]], device: str, steps: int, on_run: Callable[[], None]
    ) -> Runs:
        """Train the first `steps` steps of the seeds in these packs, in the same packs again, and one by one.

        Nothing is kept. `on_run` is called after each training: two for every pack, one for every seed.
        """
