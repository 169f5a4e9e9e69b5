"""The parts of every dialect, and what weight decay, L2 and freezing do to them alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from seedsweep.seeds import Seed
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.cudagraph import WARM_UP, GraphedStep
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import reproducible
from seedsweep.workers.dialects import BUILT_IN, model_class
from seedsweep.workers.optimiser import OPTIMISERS, Reach, StackedOptimiser, learning_rates
from seedsweep.workers.parts import elements, parts_of, parts_of_model, shapes_of, tensors_of, unknown_part
from seedsweep.workers.settings import Features, TrainSettings
from seedsweep.workers.start import reach
from seedsweep.workers.step import Batch
from seedsweep.workers.tasks.count import CountSettings
from seedsweep.workers.trainer import PackTrainer
from tests.workers.cpugraphs import CPUGraphs

Cell = Callable[..., CellSettings]
SEEDS = [Seed(0, 0), Seed(3, 3)]
KINDS = ("attention", "mixing", "mlp", "norms")
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's, of its compiler


@pytest.fixture(autouse=True)
def as_in_training() -> Iterator[None]:
    with reproducible("cpu", "float32"):
        yield


class SomeWithFeatures(CountSettings):
    """Count, whose first nine tokens would be given by 20 features each and whose last three are the answers."""

    @property
    def features(self) -> Features:
        return Features(9, 20)

    @property
    def predicted(self) -> int:
        return 3


EXTRA: dict[str, dict[str, Any]] = {
    "qwen2": {"kv_heads": 1, "feed_forward": 12},
    "attention-only": {"positions": "learned"},
}


@pytest.mark.parametrize("task", [CountSettings, SomeWithFeatures])
@pytest.mark.parametrize("dialect", BUILT_IN)
def test_every_tensor_of_every_dialect_is_in_one_place(
    dialect: str, task: type[CountSettings], cell: Cell
) -> None:
    sizes = {"dialect": dialect, "depth": 3, "heads": 2, "d_model": 16, **EXTRA.get(dialect, {})}
    model = model_class({"dialect": dialect}).model_validate(sizes)
    settings = cell().model_copy(update={"model": model, "task": task.model_validate(cell().task.model_dump())})
    parts = parts_of_model(settings)
    features = settings.task.features
    decoder = StackedDecoder(
        settings.decoder,
        settings.vocabulary_size,
        1,
        torch.device("cpu"),
        features=None if features is None else torch.zeros(*features),
        predicted=settings.task.predicted,
    )
    assert shapes_of(settings) == decoder.shapes
    names = set(decoder.parameters)
    places = {part: tensors for part, tensors in parts.items() if part not in KINDS}
    assert Counter(name for tensors in places.values() for name in tensors) == Counter(names)
    assert {"embedding", "layer1", "layer2", "layer3", "output"} <= set(places)
    assert all(name.startswith("layer1.") for name in parts["layer2"])
    # In the layers every tensor is of one kind, too.
    inside = Counter(name for kind in KINDS for name in parts.get(kind, ()) if name.startswith("layer"))
    assert inside == Counter(name for name in names if name.startswith("layer"))
    assert all(parts.values())


def test_a_tensor_of_no_part_is_told() -> None:
    with pytest.raises(KeyError, match=r"loose_D is of no part: say of which in seedsweep/workers/parts\.py"):
        parts_of(["loose_D"])


def test_parts_that_a_model_has_not(cell: Cell) -> None:
    assert unknown_part(cell()) is None
    assert unknown_part(cell(weight_decay_parts=("layer1", "norms"), l2_parts=("mlp",))) is None
    said = unknown_part(cell(l2_parts=("layer3",)))
    assert said == (
        "train.l2_parts: 'layer3' is no part of this model (did you mean 'layer2'?); it has embedding, layer1, "
        "layer2, output, attention, mlp, norms"
    )


@pytest.mark.parametrize("field", ["weight_decay_parts", "l2_parts"])
@pytest.mark.parametrize(("parts", "message"), [((), "at least one part"), (("mlp", "mlp"), "given twice")])
def test_lists_of_parts_that_cannot_be(field: str, parts: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainSettings.model_validate({"steps": 1, "batch": 1, "learning_rate": 1.0, field: parts})


def changed(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> set[str]:
    return {name for name in before if not torch.equal(before[name], after[name])}


def weights(trainer: PackTrainer) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in trainer.decoder.parameters.items()}


TORCHS = {"adamw": (torch.optim.AdamW, {"eps": 1e-4}), "sgd": (torch.optim.SGD, {"lr": 1.0})}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_equals_torchs_optimiser_with_groups_on_the_penalised_loss(name: str, cell: Cell) -> None:
    """Decay of some parts, squares of others in the loss, clipping over all: by autograd and `torch.optim`."""
    changes: dict[str, Any] = {
        "optimiser": name,
        "weight_decay": 0.3, "weight_decay_parts": ("mlp", "output"),
        "l2": 0.02, "l2_parts": ("attention", "embedding"),
        "clip": 0.5, "adam_epsilon": 1e-4 if name == "adamw" else 1e-8, "steps": 8,
    }  # fmt: skip
    settings = cell(**changes)
    ours, theirs = PackTrainer(settings, SEEDS, "cpu"), PackTrainer(settings, SEEDS, "cpu")
    known = parts_of_model(settings)
    decayed, squared = (tensors_of(parts, known) for parts in (("mlp", "output"), ("attention", "embedding")))
    rates = learning_rates(settings.train, ours.device)
    rows = [
        {name: tensor[row].detach().clone().requires_grad_() for name, tensor in theirs.decoder.parameters.items()}
        for row in range(len(SEEDS))
    ]
    torchs, options = TORCHS[name]
    optimisers = [
        torchs(
            [
                {"params": [own[name] for name in own if name in decayed], "weight_decay": 0.3},
                {"params": [own[name] for name in own if name not in decayed], "weight_decay": 0.0},
            ],
            **options,
        )
        for own in rows
    ]
    for step in range(8):
        batch = theirs.inputs(step).batch
        for row, (own, optimiser) in enumerate(zip(rows, optimisers, strict=True)):
            tokens, mask, keys = (part[row : row + 1] for part in batch[:3])
            one = Batch(tokens, mask, keys, batch.active_I)
            stacked = {name: tensor[None] for name, tensor in own.items()}
            decoder = theirs.decoder.with_parameters(stacked)
            nll_SBT = theirs.gradient.token_nll(decoder, one)
            counts_SBT = torch.nn.functional.pad(one.mask_SBT[..., 1:], (0, 1)).float()
            loss = (nll_SBT * counts_SBT).sum() / counts_SBT.sum()
            loss = loss + 0.02 * sum((own[name] ** 2).sum() for name in squared)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(list(own.values()), 0.5)
            for group in optimiser.param_groups:
                group["lr"] = float(rates[step])
            optimiser.step()
        ours.train_to(step + 1)
    for row, own in enumerate(rows):
        for name, tensor in own.items():
            torch.testing.assert_close(ours.decoder.parameters[name][row], tensor, rtol=2e-4, atol=2e-6)
    # And both do something: without them the weights are others.
    for off in ({"l2": 0.0}, {"weight_decay_parts": None}, {"l2_parts": None}):
        other = PackTrainer(cell(**(changes | off)), SEEDS, "cpu")
        other.train_to(8)
        assert changed(weights(other), weights(ours))


def test_defaults_change_no_bit(cell: Cell) -> None:
    plain, named = PackTrainer(cell(), SEEDS, "cpu"), PackTrainer(cell(l2=0.0, l2_parts=("mlp",)), SEEDS, "cpu")
    assert reach(plain.settings, plain.decoder) == (None, None, None)
    for trainer in (plain, named):
        trainer.train_to(6)
    assert not changed(weights(plain), weights(named))


@pytest.mark.parametrize(
    "changes",
    [
        {"l2": 0.01},
        {"weight_decay_parts": ("attention",), "l2": 0.3, "l2_parts": ("mlp",)},
        {"optimiser": "sgd", "learning_rate": 0.1},
    ],
)
@pytest.mark.parametrize("more", [{}, pytest.param({"compile": True}, marks=pytest.mark.heavy)], ids=str)
def test_a_seed_is_the_same_alone_packed_and_resumed(
    changes: dict[str, Any], more: dict[str, Any], cell: Cell
) -> None:
    settings = cell(**changes, **more)
    packed, resumed = PackTrainer(settings, SEEDS, "cpu"), PackTrainer(settings, SEEDS, "cpu")
    packed.train_to(5)
    resumed.load_state(packed.state())
    for trainer in (packed, resumed):
        trainer.train_to(12)
    assert not changed(weights(packed), weights(resumed))
    for row, seed in enumerate(SEEDS):
        alone = PackTrainer(settings, [seed], "cpu")
        alone.train_to(12)
        assert torch.equal(alone.decoder.flat_SP[0], packed.decoder.flat_SP[row])


@pytest.mark.parametrize("optimiser", OPTIMISERS.values())
def test_what_is_frozen_keeps_every_bit_and_does_not_count_in_the_norm(
    optimiser: type[StackedOptimiser],
) -> None:
    """Against an optimiser that has the other parameters alone."""
    train = TrainSettings(steps=6, batch=1, learning_rate=0.03, weight_decay=0.2, clip=0.5, l2=0.1)
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(3, 128, generator=generator)
    frozen_P = torch.arange(128) < 64
    whole, part = start.clone(), start[:, 64:].clone()
    marks = Reach(frozen_P=frozen_P, decayed_P=~frozen_P, squared_P=~frozen_P)
    own = Reach(decayed_P=torch.ones(64, dtype=torch.bool), squared_P=torch.ones(64, dtype=torch.bool))
    ours, theirs = optimiser(train, whole, marks), optimiser(train, part, own)
    alive, rates = torch.ones(3, dtype=torch.bool), learning_rates(train, start.device)
    for step in range(6):
        gradient = torch.randn(3, 128, generator=generator)
        ours.step(rates[step], gradient.clone(), alive)
        theirs.step(rates[step], gradient[:, 64:].clone(), alive)
    assert torch.equal(whole[:, :64], start[:, :64])
    torch.testing.assert_close(whole[:, 64:], part, rtol=1e-6, atol=1e-7)
    assert not torch.equal(part, start[:, 64:])


def test_elements_are_where_the_tensors_lie(cell: Cell) -> None:
    decoder = PackTrainer(cell(), SEEDS, "cpu").decoder
    for name, tensor in decoder.parameters.items():
        marked_P = elements(decoder.shapes, {name}, decoder.flat_SP)
        assert torch.equal(decoder.flat_SP[:, marked_P], tensor.flatten(1))


BY_PART: dict[str, Any] = {
    "l2": 0.01,
    "l2_parts": ("attention",),
    "weight_decay_parts": ("mlp", "embedding"),
    "steps": 12,
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_captured_step_gives_the_bits_of_every_other(name: str, cell: Cell) -> None:
    settings = cell(**BY_PART, optimiser=name)
    captured, graphs = PackTrainer(settings, SEEDS, "cpu"), CPUGraphs()
    captured._take = GraphedStep(captured.update, graphs)
    plain = PackTrainer(settings, SEEDS, "cpu")
    for trainer in (captured, plain):
        trainer.train_to(12)
    assert (graphs.captured, graphs.replayed) == (1, 12 - WARM_UP)
    assert torch.equal(captured.decoder.flat_SP, plain.decoder.flat_SP)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_step_runs_where_nothing_has_a_value(name: str, cell: Cell) -> None:
    # torch 2.13 knows no `meta` form of this one; it changes its arguments and gives nothing.
    library = torch.library.Library("aten", "IMPL")
    library.impl("_fused_adamw_.tensor_lr", lambda *args, **kwargs: None, "Meta")
    try:
        PackTrainer(cell(**BY_PART, optimiser=name), SEEDS, "meta").train_to(2)
    finally:
        library._destroy()


def test_existing_sweeps_keep_their_identity() -> None:
    """And every new field is a part of it where it is used."""
    given = {"steps": 4, "batch": 2, "learning_rate": 0.1}
    plain = TrainSettings.model_validate(given).identity()
    added = {"l2": 0.1, "l2_parts": ["mlp"], "weight_decay_parts": ["mlp"], "optimiser": "sgd"}
    assert not added.keys() & plain.keys()
    for field, value in added.items():
        assert TrainSettings.model_validate(given | {field: value}).identity() == plain | {field: value}
    one, other = (TrainSettings.model_validate(given | {"l2_parts": parts}) for parts in (["a", "b"], ["b", "a"]))
    assert one.identity() == other.identity()
