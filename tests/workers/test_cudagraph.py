"""A whole training step can be captured, and replayed on the same memory it gives the bits of one taken.

CUDA graphs themselves need a GPU; here graphs for CPUs (`cpugraphs`) stand for them.
"""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.cudagraph import WARM_UP, GraphedStep, graphed
from seedsweep.workers.device import reproducible
from seedsweep.workers.optimiser import StackedAdamW
from seedsweep.workers.trainer import PackTrainer
from seedsweep.workers.update import Inputs, Update
from tests.golden.make import GOLDEN, HERE
from tests.workers.cpugraphs import CPUGraphs
from tests.workers.test_step import SEEDS, settings_of
from tests.workers.test_update import COUNT, REFUSED, STEPS, same, trained

BFLOAT16 = ("count", "question-formation-small", "mmlu")
"""One of every dialect."""


def graphed_trainer(settings: CellSettings) -> tuple[PackTrainer, CPUGraphs]:
    """As `PackTrainer` is on CUDA, with graphs for CPUs."""
    trainer, graphs = PackTrainer(settings, SEEDS, "cpu"), CPUGraphs()
    trainer._take = GraphedStep(trainer.update, graphs)
    return trainer, graphs


@pytest.fixture(autouse=True)
def as_in_training() -> Iterator[None]:
    with reproducible("cpu", "float32"):
        yield


@pytest.mark.parametrize(
    ("path", "precision"),
    [
        *(pytest.param(path, "float32", id=path.stem) for path in GOLDEN),
        *(pytest.param(HERE / f"{name}.json", "bfloat16", id=f"{name}-bfloat16") for name in BFLOAT16),
    ],
)
def test_a_captured_step_gives_the_bits_of_every_other(path: Path, precision: str) -> None:
    settings = settings_of(path, steps=STEPS, warmup=5, precision=precision)
    trainer, graphs = graphed_trainer(settings)
    assert same(trained(trainer), trained(PackTrainer(settings, SEEDS, "cpu")))
    assert (graphs.warmed_up, graphs.captured, graphs.replayed) == (WARM_UP, 1, STEPS - WARM_UP)


def test_a_captured_step_goes_on_from_a_checkpoint() -> None:
    settings = settings_of(COUNT, steps=STEPS)
    undisturbed, _ = graphed_trainer(settings)
    trainer, _ = graphed_trainer(settings)
    trainer.train_to(9)
    checkpoint = io.BytesIO()
    torch.save(trainer.state(), checkpoint)
    trainer.train_to(13)  # which is then undone in the memory that was captured
    checkpoint.seek(0)
    trainer.load_state(torch.load(checkpoint, weights_only=True))
    assert same(trained(trainer, stops=(STEPS,)), trained(undisturbed, stops=(STEPS,)))


def test_a_diverged_seed_stays_out_of_a_captured_step() -> None:
    settings = settings_of(COUNT, steps=STEPS)
    trainer, _ = graphed_trainer(settings)
    trainer.train_to(12)
    with torch.no_grad():
        trainer.decoder.flat_SP[1, 0] = torch.nan
    healthy, _ = graphed_trainer(settings)
    healthy.train_to(STEPS)
    trainer.train_to(STEPS)
    assert trainer.alive_S.tolist() == [True, False, True]
    assert torch.equal(trainer.decoder.flat_SP[::2], healthy.decoder.flat_SP[::2])


def test_every_shape_is_captured_once() -> None:
    total, graphs = torch.zeros(()), CPUGraphs()

    def take(inputs: Inputs) -> None:
        total.add_(inputs.tokens_SBT.sum() * inputs.learning_rate)

    step, expected = GraphedStep(take, graphs), 0.0
    for number in range(30):
        tokens = torch.full((1, 2, 3 + number % 3), number)
        step(Inputs(tokens, tokens.bool(), tokens[:, 0, 0], tokens[0, 0, :0].bool(), torch.tensor(0.5 * number)))
        expected += number * tokens.numel() * 0.5 * number
    assert total == expected
    assert (graphs.warmed_up, graphs.captured, graphs.replayed) == (3 * WARM_UP, 3, 30 - 3 * WARM_UP)


@pytest.mark.parametrize("broken", REFUSED)
def test_what_cannot_be_captured_is_told_and_taken_as_it_is(
    broken: Callable[[Update, Inputs], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(COUNT, steps=STEPS)
    trainer, graphs = graphed_trainer(settings)
    step = GraphedStep(lambda inputs: broken(trainer.update, inputs), graphs)
    trainer._take = step
    with pytest.warns(UserWarning, match=r"^no CUDA graph, steps are slower: aten\.\S+ cannot be captured$"):
        trainer.train_to(WARM_UP + 1)
    trainer.train_to(STEPS)
    assert graphs.replayed == 0
    plain = PackTrainer(settings, SEEDS, "cpu")
    monkeypatch.setattr(plain, "_take", lambda inputs: broken(plain.update, inputs))
    assert same(trained(trainer, (STEPS,)), trained(plain, (STEPS,)))


def test_what_memory_does_not_suffice_for_is_no_reason_to_go_on() -> None:
    class Full(CPUGraphs):
        def capture(self, operations: Callable[[], None]) -> Callable[[], None]:
            raise torch.OutOfMemoryError("CUDA out of memory")

    trainer = PackTrainer(settings_of(COUNT), SEEDS, "cpu")
    trainer._take = GraphedStep(trainer.update, Full())
    trainer.train_to(WARM_UP)
    with pytest.raises(torch.OutOfMemoryError):
        trainer.train_to(WARM_UP + 1)


def python_learning_rate(patch: pytest.MonkeyPatch) -> None:
    honest, numbers = StackedAdamW.step, iter(range(10**6))

    def step(self: StackedAdamW, learning_rate: Tensor, grad_SP: Tensor, alive_S: Tensor) -> None:
        rate = 1e-3 / (1 + next(numbers))
        honest(self, torch.full((), rate, dtype=torch.float64), grad_SP, alive_S)

    patch.setattr(StackedAdamW, "step", step)


def sums_put_in_anothers_place(patch: pytest.MonkeyPatch) -> None:
    honest = Update.__call__

    def call(self: Update, inputs: Inputs) -> None:
        honest(self, inputs)
        self.loss_sums_LS = self.loss_sums_LS + 1.0

    patch.setattr(Update, "__call__", call)


@pytest.mark.parametrize("broken", [python_learning_rate, sums_put_in_anothers_place])
def test_what_a_capture_would_freeze_is_noticed(
    broken: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(COUNT, steps=STEPS)
    found = []
    for trainer in (PackTrainer(settings, SEEDS, "cpu"), graphed_trainer(settings)[0]):
        with monkeypatch.context() as patch:
            broken(patch)
            found.append(trained(trainer))
    assert not same(*found)


def test_a_pack_that_is_done_leaves_its_memory_at_once() -> None:
    """Without waiting for the collector of cycles, which knows nothing of a GPU's memory."""
    import gc
    import weakref

    trainer, _ = graphed_trainer(settings_of(COUNT))
    trainer.train_to(WARM_UP + 2)
    weights = weakref.ref(trainer.decoder.flat_SP)
    gc.disable()
    try:
        del trainer
        assert weights() is None
    finally:
        gc.enable()


def test_deterministic_kernels_do_not_fill_memory_first() -> None:
    mode: Any = torch.utils.deterministic
    assert mode.fill_uninitialized_memory
    with reproducible("cuda", "float32"):
        assert torch.are_deterministic_algorithms_enabled()
        assert not mode.fill_uninitialized_memory
    assert not torch.are_deterministic_algorithms_enabled()
    assert mode.fill_uninitialized_memory


def test_cuda_is_asked_as_its_manual_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Warmed up and captured on one stream, which waits for the current one and is waited for."""
    said: list[str] = []

    class Stream:
        def __init__(self, name: str = "side") -> None:
            self.name = name

        def wait_stream(self, other: Stream) -> None:
            said.append(f"{self.name} waits for {other.name}")

    @contextmanager
    def on(what: str) -> Iterator[None]:
        said.append(f"on {what}")
        yield
        said.append("off")

    @contextmanager
    def capturing(graph: object, stream: Stream) -> Iterator[None]:
        inspect.signature(torch.cuda.graphs.graph).bind(graph, stream=stream)
        with on(f"{stream.name}, capturing"):
            yield

    class Graph:
        def replay(self) -> None:
            said.append("replay")

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: Stream("current"))
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: on(stream.name))
    monkeypatch.setattr(torch.cuda, "graph", capturing)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    step = graphed(lambda inputs: said.append("step"), torch.device("cuda"))
    inputs = PackTrainer(settings_of(COUNT), SEEDS, "cpu").inputs(0)
    for _ in range(WARM_UP + 2):
        step(inputs)
    warming_up = ["side waits for current", "on side", "step", "off", "current waits for side"]
    capture = ["on current", "on side, capturing", "step", "off", "off"]
    assert said == [*WARM_UP * warming_up, *capture, "replay", "replay"]


def test_a_cpu_takes_steps_as_they_are() -> None:
    trainer = PackTrainer(settings_of(COUNT), SEEDS, "cpu")
    assert trainer._take is trainer.update
    assert trainer.warm_up == 1
    assert graphed_trainer(settings_of(COUNT))[0].warm_up == WARM_UP + 1
