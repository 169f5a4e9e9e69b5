"""Qwen2 as in Hugging Face's `Qwen2ForCausalLM`, to which the tests compare logits and gradients: RMSNorm in front
of both branches, rotary embedding of whole heads, grouped key and value heads, biases on query, key and value
only, SwiGLU. The output layer is always a tensor of its own: a tied checkpoint is untied when it is loaded, since
drawing the output layer anew must not destroy the embedding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor

from seedsweep.cell import Base
from seedsweep.workers.dialects import Dialect, Normal, ParameterShape, Weights, constant, qwen2_files
from seedsweep.workers.dialects.attention import Attention
from seedsweep.workers.dialects.qwen2_settings import Qwen2Settings
from seedsweep.workers.dialects.rotary import Rotary
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.layout import Layout
from seedsweep.workers.settings import ModelSettings


class Qwen2(Dialect):
    """The dialect of the MMLU task. Extra letters: G key and value heads, X query, key and value side by side."""

    Settings = Qwen2Settings

    def __init__(self, model: ModelSettings) -> None:
        assert isinstance(model, Qwen2Settings)
        self.model = model
        self._rotate = Rotary(model.head_size, model.rotary_base)

    def shapes(self, embedded: int, predicted: int) -> list[ParameterShape]:
        """Matrices normal with `init_std`, norms 1, biases 0."""
        model = self.model
        d, f, x = model.width, model.feed_forward, model.qkv_width

        def weight(name: str, *shape: int) -> ParameterShape:
            return ParameterShape(name, shape, Normal(model.init_std))

        shapes = [weight("embed_VD", embedded, d)]
        for layer in range(model.depth):
            block = f"layer{layer}."
            shapes += [
                constant(block + "attention_norm.weight_D", d, 1.0),
                weight(block + "qkv.weight_DX", d, x),
                constant(block + "qkv.bias_X", x, 0.0),
                weight(block + "attention_out.weight_DD", d, d),
                constant(block + "mlp_norm.weight_D", d, 1.0),
                weight(block + "gate_up.weight_DX", d, 2 * f),
                weight(block + "mlp_out.weight_FD", f, d),
            ]
        return [*shapes, constant("final_norm.weight_D", d, 1.0), weight("unembed_DV", d, predicted)]

    def redrawn(self) -> tuple[str, ...]:
        """The attention of the last layer and the output layer (arXiv 2502.17356, MMLU)."""
        block = f"layer{self.model.depth - 1}."
        names = ("qkv.weight_DX", "qkv.bias_X", "attention_out.weight_DD")
        return (*(block + name for name in names), "unembed_DV")

    def trained(self, shapes: Sequence[ParameterShape], base: bytes | None) -> dict[str, Tensor]:
        """The checkpoint's tensors, or those of the base."""
        if self.model.checkpoint is not None:
            return qwen2_files.load_checkpoint(self.model, shapes)
        if base is None:
            raise ValueError("these settings have a base: give its bytes")
        return qwen2_files.from_bytes(base, self.model, shapes)

    def to_base(self, shapes: Sequence[ParameterShape], tensors: Mapping[str, Tensor]) -> Base:
        """As Hugging Face stores it."""
        config = qwen2_files.config_json(self.model, vocabulary=len(tensors["embed_VD"]))
        return Base(qwen2_files.to_bytes(self.model, shapes, tensors), config.encode())

    def forward(
        self,
        weights: Weights,
        embedded_SBTD: Tensor,
        layout: Layout,
        dropout: Dropout | None,
        attention: Attention,
    ) -> Tensor:
        """Attention, then feed-forward, each on the normalised residual stream; then the final norm."""
        x_SBTD = embedded_SBTD
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            n_SBTD = self._norm(weights, block + "attention_norm", x_SBTD)
            x_SBTD = x_SBTD + self._attention(weights, layer, n_SBTD, layout, attention)
            n_SBTD = self._norm(weights, block + "mlp_norm", x_SBTD)
            gate_SBTF, up_SBTF = weights.linear(block + "gate_up", "DX", n_SBTD).chunk(2, dim=-1)
            x_SBTD = x_SBTD + weights.linear(block + "mlp_out", "FD", F.silu(gate_SBTF) * up_SBTF)
        return self._norm(weights, "final_norm", x_SBTD)

    def _norm(self, weights: Weights, name: str, x_SBTD: Tensor) -> Tensor:
        return weights.scale(name, F.rms_norm(x_SBTD, (self.model.width,), eps=self.model.norm_epsilon))

    def _attention(
        self, weights: Weights, layer: int, x_SBTD: Tensor, layout: Layout, attention: Attention
    ) -> Tensor:
        block = f"layer{layer}."
        heads, groups, size = self.model.heads, self.model.kv_heads, self.model.head_size
        qkv_SBTX = layout.spread(weights.linear(block + "qkv", "DX", x_SBTD))
        s, b, t, _ = qkv_SBTX.shape
        qkv_NTXK = qkv_SBTX.view(s * b, t, heads + 2 * groups, size)
        turned_NTXK = self._rotate(qkv_NTXK[:, :, : heads + groups])
        q_NTHK, k_NTGK = turned_NTXK.split([heads, groups], dim=2)
        k_NTHK, v_NTHK = (
            kv_NTGK[:, :, :, None].expand(-1, -1, -1, heads // groups, -1).flatten(2, 3)
            for kv_NTGK in (k_NTGK, qkv_NTXK[:, :, heads + groups :])
        )
        y_NHTK = attention(layer, q_NTHK.transpose(1, 2), k_NTHK.transpose(1, 2), v_NTHK.transpose(1, 2))
        y_SBTD = layout.gather(y_NHTK.transpose(1, 2).reshape(s, b, t, heads * size))
        return weights.linear(block + "attention_out", "DD", y_SBTD)
