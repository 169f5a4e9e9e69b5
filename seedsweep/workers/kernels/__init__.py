"""What a compiled step computes by kernels of ours: attention, and products, on a CPU in float32.

torch's attention is made for long rows, and its products, MKL's, take half as wide vectors as they could on
AVX-512 processors that are not Intel's. Ours are C++ with torch's own vectors, built by the compiler that
`train.compile` needs anyway, once per machine (torch keeps what it has built), and stand in the graph of a step in
place of torch's operations. Where they do not fit, torch's stay.

They round otherwise than torch's, and a change of what they give raises `COMPILED` in `workers.settings`.

Letters: N rows of all seeds, H heads, T positions, K head size; S seeds, and rows and columns of their matrices.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch._ops import OpOverload

from seedsweep.errors import InputError
from seedsweep.workers.alignment import ROW_ALIGNMENT
from seedsweep.workers.products import TORCHS, Products
from seedsweep.workers.settings import TrainSettings

Decompositions = dict[OpOverload, Callable[..., Any]]

HEAD_MULTIPLE, ROWS_MULTIPLE = 8, 4
"""Of which head sizes and the rows of a product are to be multiples."""
WIDE = 16
"""Floats in a vector of AVX-512. With narrower ones products are no faster than MKL's."""

_AT = torch.ops.aten


def decompositions(device: str) -> Decompositions:
    """Which of torch's operations become which of ours while a step is traced for that device; all built."""
    if device != "cpu":
        return {}
    build()
    found: Decompositions = {
        _AT._scaled_dot_product_flash_attention_for_cpu.default: _attention,
        _AT._scaled_dot_product_flash_attention_for_cpu_backward.default: _attention_backward,
    }
    return found | ({_AT.bmm.default: _product} if _lanes() == WIDE else {})


def products(train: TrainSettings, device: str) -> Products:
    """What multiplies where steps are taken one operation at a time, gradients too; built."""
    if not train.compile or train.precision != "float32" or device != "cpu" or _lanes() != WIDE:
        return TORCHS
    build()
    return Products(_multiplied, lambda added, a, b: _multiplied(a, b).add_(added))


@cache
def build() -> None:
    """Build and load what this machine uses, or load what was built before.

    Raises InputError that names `train.compile` if the compiler cannot build it.
    """
    _load("attention")
    torch.library.register_fake("seedsweep::attention", _attention_shapes)
    torch.library.register_fake("seedsweep::attention_backward", _attention_backward_shapes)
    if _lanes() == WIDE:
        _load("products")
        torch.library.register_fake("seedsweep::product", _product_shape)
        torch.library.register_autograd("seedsweep::product", _product_gradients, setup_context=_keep)


def _load(name: str) -> None:
    from torch._inductor.codecache import CppCodeCache
    from torch._inductor.exc import CppCompileError

    source = Path(__file__).with_name(f"{name}.cpp").read_text()
    try:
        CppCodeCache.load(source, device_type="cpu")
    except (CppCompileError, OSError) as error:
        lines = str(error).splitlines()
        reason = next((line for line in lines if "error:" in line), lines[0] if lines else type(error).__name__)
        raise InputError(
            f"train.compile: {name}.cpp cannot be built here ({reason.strip()}); give false, or another compiler "
            "in the variable CXX"
        ) from error


def _lanes() -> int:
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    isa = pick_vec_isa()
    return int(isa.nelements(torch.float)) if isa else 0


def _attention(
    q_NHTK: Tensor,
    k_NHTK: Tensor,
    v_NHTK: Tensor,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> Any:
    if not _attends(q_NHTK, k_NHTK, dropout_p, is_causal, attn_mask):
        return NotImplemented
    q_NHTK, k_NHTK, v_NHTK = map(_rows, (q_NHTK, k_NHTK, v_NHTK))
    return torch.ops.seedsweep.attention(q_NHTK, k_NHTK, v_NHTK, _scale(q_NHTK, scale))


def _attention_backward(
    dy_NHTK: Tensor,
    q_NHTK: Tensor,
    k_NHTK: Tensor,
    v_NHTK: Tensor,
    y_NHTK: Tensor,
    norm_NHT: Tensor,
    dropout_p: float,
    is_causal: bool,
    *,
    attn_mask: Tensor | None = None,
    scale: float | None = None,
) -> Any:
    if not _attends(q_NHTK, k_NHTK, dropout_p, is_causal, attn_mask):
        return NotImplemented
    parts = map(_rows, (dy_NHTK, q_NHTK, k_NHTK, v_NHTK, y_NHTK))
    return torch.ops.seedsweep.attention_backward(*parts, norm_NHT, _scale(q_NHTK, scale))


def _attends(q_NHTK: Tensor, k_NHTK: Tensor, dropout_p: float, is_causal: bool, attn_mask: Tensor | None) -> bool:
    fits = q_NHTK.shape == k_NHTK.shape and q_NHTK.dtype == torch.float32
    whole = q_NHTK.shape[2] % ROW_ALIGNMENT == 0 and q_NHTK.shape[3] % HEAD_MULTIPLE == 0
    return fits and whole and is_causal and dropout_p == 0 and attn_mask is None


def _rows(x_NHTK: Tensor) -> Tensor:
    return x_NHTK if x_NHTK.stride(3) == 1 else x_NHTK.contiguous()


def _scale(q_NHTK: Tensor, scale: float | None) -> float:
    return float(q_NHTK.shape[3] ** -0.5) if scale is None else scale


def _product(a_SMK: Tensor, b_SKN: Tensor) -> Any:
    if a_SMK.dtype != torch.float32 or a_SMK.shape[1] % ROWS_MULTIPLE:
        return NotImplemented
    return torch.ops.seedsweep.product(a_SMK, b_SKN)


def _multiplied(a_SMK: Tensor, b_SKN: Tensor) -> Tensor:
    found = _product(a_SMK, b_SKN)
    return torch.bmm(a_SMK, b_SKN) if found is NotImplemented else found


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _product_gradients(context: Any, dc_SMN: Tensor) -> tuple[Tensor | None, Tensor | None]:
    a_SMK, b_SKN = context.saved_tensors
    of_a, of_b = context.needs_input_grad
    da_SMK = _multiplied(dc_SMN, b_SKN.transpose(1, 2)) if of_a else None
    return da_SMK, _multiplied(a_SMK.transpose(1, 2), dc_SMN) if of_b else None


def _attention_shapes(q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    return _like(q_NHTK), q_NHTK.new_empty(q_NHTK.shape[:3])


def _attention_backward_shapes(
    dy_NHTK: Tensor, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor, y_NHTK: Tensor, norm_NHT: Tensor, scale: float
) -> tuple[Tensor, Tensor, Tensor]:
    return _like(q_NHTK), _like(q_NHTK), _like(q_NHTK)


def _like(x_NHTK: Tensor) -> Tensor:
    """As the kernels lay out what they give: heads of a position side by side."""
    n, heads, length, size = x_NHTK.shape
    return x_NHTK.new_empty(n, length, heads, size).transpose(1, 2)


def _product_shape(a_SMK: Tensor, b_SKN: Tensor) -> Tensor:
    return a_SMK.new_empty(a_SMK.shape[0], a_SMK.shape[1], b_SKN.shape[2])
