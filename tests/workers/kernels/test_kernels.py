"""Kernels of our own: what they give is what torch gives, the same bits whoever shares the batch; and the graph of
a compiled step has them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.errors import InputError
from seedsweep.workers import kernels
from seedsweep.workers.device import reproducible
from seedsweep.workers.trainer import PackTrainer
from tests.golden.make import HERE
from tests.workers.test_step import SEEDS, batch_of, settings_of

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")  # torch's, of its compiler

SHAPES = [(3, 16, 2, 8), (2, 48, 4, 8), (2, 64, 1, 16), (1, 32, 3, 24), (2, 96, 2, 64), (1, 160, 1, 128)]
"""Rows, positions, heads and their size."""

built = pytest.mark.skipif(
    kernels._lanes() != kernels.WIDE, reason="products are torch's own where vectors are narrower than AVX-512's"
)


@pytest.fixture(autouse=True)
def as_in_training() -> Any:
    kernels.build()
    with reproducible("cpu", "float32"):
        yield


def heads(shape: tuple[int, int, int, int], seed: int = 0) -> tuple[Tensor, ...]:
    """Query, key, value and the gradient of what is read, as GPT-NeoX lays them out."""
    n, length, count, size = shape
    generator = torch.Generator().manual_seed(seed)
    qkv = torch.randn(n, length, count, 3, size, generator=generator)
    dy = torch.randn(n, length, count, size, generator=generator)
    return *(part.transpose(1, 2) for part in qkv.unbind(3)), dy.transpose(1, 2)


def both(q: Tensor, k: Tensor, v: Tensor, dy: Tensor) -> list[Tensor]:
    """What our kernels give, forward and backward."""
    scale = q.shape[3] ** -0.5
    y, norm = torch.ops.seedsweep.attention(q, k, v, scale)
    return [y, *torch.ops.seedsweep.attention_backward(dy, q, k, v, y, norm, scale)]


def same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(
        torch.equal(a.contiguous().view(torch.int32), b.contiguous().view(torch.int32))
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("factor", [1.0, 30.0])
def test_attention_is_torchs_in_float64(shape: tuple[int, int, int, int], factor: float) -> None:
    """`factor` sharpens the pattern: nearly all of a row's share is then one position's."""
    q, k, v, dy = heads(shape)
    q = q * factor
    exact = [part.double().requires_grad_() for part in (q, k, v)]
    y = F.scaled_dot_product_attention(exact[0], exact[1], exact[2], is_causal=True)
    expected = [y, *torch.autograd.grad(y, exact, dy.double())]
    for found, right in zip(both(q, k, v, dy), expected, strict=True):
        torch.testing.assert_close(found.double(), right, rtol=1e-5, atol=1e-5 * float(right.detach().abs().max()))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_row_has_the_same_bits_alone_and_wherever_it_lies(shape: tuple[int, int, int, int]) -> None:
    parts = heads(shape)
    together = both(*parts)
    moved = [torch.empty(part.numel() + 5)[5:].view(part.shape).copy_(part) for part in parts]
    assert same(both(*moved), together)
    for row in range(shape[0]):
        for head in range(shape[2]):
            one = [part[row : row + 1, head : head + 1] for part in parts]
            assert same(both(*one), [part[row : row + 1, head : head + 1] for part in together])


@pytest.mark.parametrize("shape", SHAPES)
def test_what_lies_behind_a_position_changes_nothing_before_it(shape: tuple[int, int, int, int]) -> None:
    q, k, v, dy = heads(shape)
    cut = shape[1] - 5
    dy[:, :, cut:] = 0
    before = both(q, k, v, dy)
    for part in (q, k, v):
        part[:, :, cut:] = 1e3
    after = both(q, k, v, dy)
    assert same([part[:, :, :cut] for part in before], [part[:, :, :cut] for part in after])
    assert not torch.equal(before[0][:, :, cut:], after[0][:, :, cut:])


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_what_is_not_finite_is_lost_and_no_other_row(bad: float) -> None:
    q, k, v, dy = heads((2, 32, 2, 8))
    healthy = both(q, k, v, dy)
    q[1, 0, 20, 3] = bad
    y, dq, _, _ = found = both(q, k, v, dy)
    assert not y[1, 0, 20].isfinite().any()
    assert not dq[1, 0, 20].isfinite().any()
    assert same([part[0] for part in found], [part[0] for part in healthy])
    assert same([part[1, 1] for part in found], [part[1, 1] for part in healthy])


MATRICES = [(1, 4, 1, 1), (3, 16, 7, 14), (2, 44, 33, 50), (2, 96, 64, 71), (4, 576, 32, 96), (2, 64, 300, 130)]
"""Seeds, rows, terms and columns."""


@built
@pytest.mark.parametrize("shape", MATRICES)
@pytest.mark.parametrize("left", [False, True])
@pytest.mark.parametrize("right", [False, True])
def test_a_product_is_torchs_in_float64(shape: tuple[int, int, int, int], left: bool, right: bool) -> None:
    """However the matrices lie, and with the same bits for every seed alone."""
    seeds, rows, terms, columns = shape
    generator = torch.Generator().manual_seed(1)
    a = (
        torch.randn(seeds, terms, rows, generator=generator)
        if left
        else torch.randn(seeds, rows, terms, generator=generator)
    )
    b = (
        torch.randn(seeds, columns, terms, generator=generator)
        if right
        else torch.randn(seeds, terms, columns, generator=generator)
    )
    a, b = a.transpose(1, 2) if left else a, b.transpose(1, 2) if right else b
    found = torch.ops.seedsweep.product(a, b)
    torch.testing.assert_close(found.double(), a.double() @ b.double(), rtol=1e-5, atol=1e-5 * terms**0.5)
    for seed in range(seeds):
        assert same(
            [torch.ops.seedsweep.product(a[seed : seed + 1], b[seed : seed + 1])], [found[seed : seed + 1]]
        )


def operations(path: str, **train: Any) -> Counter[str]:
    """How often each operation stands in the graph of a step that is to be compiled."""
    trainer = PackTrainer(settings_of(HERE / path, compile=True, **train), SEEDS, "cpu")
    graph = trainer.gradient.graph(batch_of(trainer), kernels.decompositions("cpu"))
    return Counter(str(node.target).removesuffix(".default") for node in graph.graph.nodes)


@pytest.mark.parametrize("path", ["count.json", "mmlu.json", "addition-most-significant-first.json"])
def test_a_compiled_step_attends_and_multiplies_with_our_kernels(path: str) -> None:
    found = operations(path)
    depth = settings_of(HERE / path).model.depth
    assert found["seedsweep.attention"] == found["seedsweep.attention_backward"] == depth
    assert not [name for name in found if "scaled_dot_product" in name]
    if kernels._lanes() == kernels.WIDE:
        assert found["seedsweep.product"] > 0
        assert found["aten.bmm"] == 0


def test_in_bfloat16_the_kernels_are_torchs() -> None:
    with reproducible("cpu", "bfloat16"):
        assert not [name for name in operations("count.json", precision="bfloat16") if "seedsweep" in name]


def test_what_cannot_be_built_names_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._inductor.codecache import CppCodeCache
    from torch._inductor.exc import CppCompileError

    def fails(source: str, **options: Any) -> None:
        raise CppCompileError(["g++"], "main.cpp: In function f:\nmain.cpp:3:1: error: no such thing\nand more")

    monkeypatch.setattr(CppCodeCache, "load", fails)
    with pytest.raises(
        InputError, match=r"^train\.compile: attention\.cpp cannot .*\(main\.cpp:3:1: error: no such thing\)"
    ):
        kernels._load("attention")
