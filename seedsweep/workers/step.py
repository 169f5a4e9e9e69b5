"""What an optimiser step computes of a pack: losses and gradient, a pure function of tensors.

No number of Python's changes in it from one step to the next and nothing waits for the device, so it can be traced
as one graph. Settings with `train.compile` have that graph compiled; it then makes fewer passes over memory, and
rounds otherwise than the operations one by one.

Shape letters: L losses, S seeds, B rows of a batch, T tokens of a row, V vocabulary, P parameters of a seed, X a
part of them, I interventions.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch._ops import OpOverload
from torch.fx.experimental.proxy_tensor import make_fx

from seedsweep.errors import InputError
from seedsweep.workers import kernels
from seedsweep.workers.alignment import ALIGNMENT, padding
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.instruments.interventions import Interventions
from seedsweep.workers.layout import WHOLE, Layout, Unpadded, sizes
from seedsweep.workers.products import TORCHS
from seedsweep.workers.tasks import Task

OPTIONS: dict[str, dict[str, Any]] = {
    "cpu": {
        "cpp.threads": 1,  # as `reproducible` sets it; other numbers of threads add up in another order
        "compile_threads": 1,  # a worker has one core
        "cpp.enable_tiling_heuristics": False,  # they vectorise the logarithm of many rows, and not that of few
    },
    "cuda": {},
}
"""Of torch's compiler. On CUDA it makes no graphs of its own: the whole step is captured as one (`cudagraph`)."""


CLOSE = {"float32": 1e-3, "tf32": 2e-2, "bfloat16": 1e-1}
"""How far a compiled gradient may be from the plain one, in parts of its largest element: rounding leads some
millionths in float32, 0.007 in a first step in bfloat16 (on a CPU)."""


class Batch(NamedTuple):
    """What a step reads besides the weights."""

    tokens_SBT: Tensor
    mask_SBT: Tensor
    """True where the token is to be predicted from those before it."""
    keys_S: Tensor
    """`dropout_keys` of the step; anything of that shape for a model without dropout. Not the step's number:
    torch's compiler gets the Philox of a single seed wrong."""
    active_I: Tensor
    """bool: which interventions hold at the step."""


class Gradient(NamedTuple):
    """What comes of it."""

    losses_LS: Tensor
    """Mean loss over the tokens that count, first of all of them, then of each part of the rows (`loss_names`)."""
    grad_SP: Tensor


class Step:
    """Losses and gradient of the seeds of one decoder."""

    def __init__(self, settings: CellSettings, task: Task, decoder: StackedDecoder) -> None:
        self._precision = settings.train.precision
        self._task = task
        self._decoder = decoder
        self._names, self._weights = tuple(decoder.parameters), tuple(decoder.parameters.values())
        self.interventions = Interventions(settings, task, decoder.flat_SP.device)
        self._scored = settings.task.scored_tokens
        self._unpadded = settings.train.unpadded
        self._compiles = settings.train.compiles_steps
        device = decoder.flat_SP.device.type
        self._products = kernels.products(settings.train, device) if self._unpadded else TORCHS
        self._compiled: dict[torch.Size, Callable[..., Any]] = {}

    def __call__(self, batch: Batch) -> Gradient:
        """Of the weights as they are."""
        if self._unpadded:
            return self._without_padding(batch)
        if not self._compiles:
            return self.compute(batch, self._weights)
        detached = [weight.detach() for weight in self._weights]
        shape = batch.tokens_SBT.shape
        first = shape not in self._compiled
        if first:
            device = batch.tokens_SBT.device.type
            ours = {torch.ops.aten.baddbmm.default: _product_and_sum, **kernels.decompositions(device)}
            graph = self.graph(batch, ours)
            self._compiled[shape] = torch.compile(graph, fullgraph=True, dynamic=False, options=OPTIONS[device])
        with torch.no_grad():
            found = Gradient(*self._compiled[shape](*batch, *detached))
        if first:
            _refuse_if_apart(found, self.compute(batch, self._weights), CLOSE[self._precision])
        return found

    def _without_padding(self, batch: Batch) -> Gradient:
        """Seeds with as many tokens to compute are computed together. With whom must not matter, and products of
        other sizes round otherwise: so a seed's size is its own, whatever pack it is in."""
        mask_SBT, device = batch.mask_SBT, batch.mask_SBT.device
        if device.type != "cpu":  # shapes are fixed there, and nothing waits for the device
            return self.compute(batch, self._weights, Unpadded(mask_SBT, mask_SBT[0].numel()))
        sizes_S = sizes(mask_SBT)
        if len(set(sizes_S)) == 1:
            return self.compute(batch, self._weights, Unpadded(mask_SBT, sizes_S[0]))
        found = []
        for size in sorted(set(sizes_S)):
            rows = torch.tensor([row for row, own in enumerate(sizes_S) if own == size])
            tokens, mask, keys = (tensor.index_select(0, rows) for tensor in batch[:3])
            part = Batch(tokens, mask, keys, batch.active_I)
            weights = self._decoder.views(self._decoder.flat_SP.detach().index_select(0, rows))
            found.append((rows, self.compute(part, tuple(weights.values()), Unpadded(part.mask_SBT, size))))
        losses_LS = torch.empty(len(self.loss_names(batch.tokens_SBT)), len(sizes_S))
        grad_SP = torch.empty_like(self._decoder.flat_SP)
        for rows, gradient in found:
            losses_LS.index_copy_(1, rows, gradient.losses_LS)
            grad_SP.index_copy_(0, rows, gradient.grad_SP)
        return Gradient(losses_LS, grad_SP)

    def compute(self, batch: Batch, parameters: Sequence[Tensor], layout: Layout = WHOLE) -> Gradient:
        """Of any weights, in the order of the decoder's, that require gradients."""
        weights = dict(zip(self._names, parameters, strict=True))
        decoder = self._decoder.with_parameters(weights, self._products)
        nll_SBT = self.token_nll(decoder, batch, layout)
        loss_S = _mean_loss(nll_SBT, batch.mask_SBT)
        # The sum, not the mean over seeds: every seed gets the gradient it would get alone. Its parts are kept by
        # nothing, so that they make room as soon as they have been put together.
        parts_SX = (part.flatten(1) for part in torch.autograd.grad(loss_S.sum(), parameters))
        seeds, size = len(batch.keys_S), self._decoder.size
        filling_SX = torch.zeros(seeds, padding(size, ALIGNMENT), device=loss_S.device)
        grad_SP = torch.cat([*parts_SX, filling_SX], dim=1)
        masks = [batch.mask_SBT & part_SBT for part_SBT in self._task.loss_parts(batch.tokens_SBT).values()]
        parts = [_mean_loss(nll_SBT.detach(), mask_SBT) for mask_SBT in masks]
        return Gradient(torch.stack([loss_S.detach(), *parts]), grad_SP)

    def loss_names(self, tokens_SBT: Tensor) -> tuple[str, ...]:
        """What `Gradient.losses_LS` of such rows are."""
        return ("loss", *self._task.loss_parts(tokens_SBT))

    def token_nll(self, decoder: StackedDecoder, batch: Batch, layout: Layout = WHOLE) -> Tensor:
        """Cross entropy (S, B, T) of every token's successor; where it does not count, anything finite."""
        tokens_SBT = batch.tokens_SBT
        dropout = Dropout(batch.keys_S)
        decoder = self.interventions.trained(decoder, batch.active_I)
        with self.precision(tokens_SBT.device):
            # The last position predicts nothing that is known, but rows of T tokens fill whole registers,
            # which makes attention up to 40 % faster than rows of T − 1.
            hidden_SBTD = decoder.hidden_of(tokens_SBT, layout, dropout)
            if self._scored is not None:
                return self._nll_of_some(decoder, layout.spread(hidden_SBTD), tokens_SBT)
            logits_SBTV = decoder.logits(hidden_SBTD)
        target_SBT = layout.gather(decoder.columns(tokens_SBT.roll(-1, dims=2)))
        nll_N = F.cross_entropy(logits_SBTV.float().flatten(0, 2), target_SBT.flatten(), reduction="none")
        return layout.spread(nll_N.view_as(target_SBT))

    def _nll_of_some(self, decoder: StackedDecoder, hidden_SBTD: Tensor, tokens_SBT: Tensor) -> Tensor:
        """Where only some of the tokens ever count; 0 at the others."""
        assert self._scored is not None
        first, end = self._scored
        logits_SBKV = decoder.logits(hidden_SBTD[:, :, first - 1 : end - 1])
        target_SBK = decoder.columns(tokens_SBT[:, :, first:end])
        nll_N = F.cross_entropy(logits_SBKV.float().flatten(0, 2), target_SBK.flatten(), reduction="none")
        return F.pad(nll_N.view_as(target_SBK), (first - 1, tokens_SBT.shape[2] - end + 1))

    def precision(self, device: torch.device) -> AbstractContextManager[Any]:
        """The context of forward passes, of evaluations too. Weights are float32 whatever the precision."""
        if self._precision != "bfloat16":
            return nullcontext()
        return torch.autocast(device.type, dtype=torch.bfloat16)

    def graph(
        self, batch: Batch, decompositions: Mapping[OpOverload, Callable[..., Tensor]] | None = None
    ) -> torch.fx.GraphModule:
        """The step as a graph of tensor operations, whose inputs are those of the batch and then the weights."""

        def computed(*inputs: Tensor) -> tuple[Tensor, Tensor]:
            read, weights = Batch(*inputs[: len(batch)]), inputs[len(batch) :]
            losses_LS, grad_SP = self.compute(read, [weight.detach().requires_grad_() for weight in weights])
            return losses_LS, grad_SP

        # Once as it stands: tables of positions are then there, constants of the graph and not part of it.
        self.compute(batch, self._weights)
        weights = [weight.detach() for weight in self._weights]
        return make_fx(computed, decomposition_table=decompositions)(*batch, *weights)


def _refuse_if_apart(compiled: Gradient, plain: Gradient, close: float) -> None:
    """Compilers make mistakes; `close` is what rounding may come to, in parts of the largest element."""
    for found, expected in zip(compiled, plain, strict=True):
        apart, largest = (expected - found).abs().max(), expected.abs().max()
        if apart > close * largest:
            raise RuntimeError(
                f"torch {torch.__version__} compiles a step that differs from the plain one by {apart:.2g} of "
                f"{largest:.2g}; set train.compile to false"
            )


def check_compiler() -> None:
    """Raise InputError if torch finds no compiler for what it would have to compile on a CPU, or one that cannot
    build our kernels."""
    from torch._inductor import config
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        found = shutil.which(get_cpp_compiler())
    except InvalidCxxCompiler:
        found = None
    if found is None:
        raise InputError(f"train.compile: no C++ compiler is found ({config.cpp.cxx}); install g++, or give false")
    kernels.build()


def _product_and_sum(bias: Tensor, a: Tensor, b: Tensor, *, beta: float = 1, alpha: float = 1) -> Tensor:
    """A bias is added where the product is read next, not in a pass over memory of its own."""
    return bias + torch.bmm(a, b)


def _mean_loss(nll_SBT: Tensor, mask_SBT: Tensor) -> Tensor:
    """Mean (S,) over the tokens of each seed that count. The mask is True at the tokens, the loss one before."""
    counts_SBT = F.pad(mask_SBT[..., 1:], (0, 1)).float()
    total_S = (nll_SBT * counts_SBT).flatten(1).sum(1)
    return total_S / counts_SBT.flatten(1).sum(1).clamp(min=1.0)
