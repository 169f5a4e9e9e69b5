"""GPT-NeoX as in Hugging Face's `GPTNeoXForCausalLM` with its defaults, to which the tests compare logits and
gradients: rotary embedding of the first part of each head, parallel residual, LayerNorm (eps 1e-5) and biases,
exact GELU, untied embeddings, no dropout.
"""

from __future__ import annotations

from typing import Literal, Self

import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor

from seedsweep.workers.dialects import Dialect, Normal, ParameterShape, Weights, constant
from seedsweep.workers.dialects.attention import Attention
from seedsweep.workers.dialects.rotary import Rotary
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.layout import Layout
from seedsweep.workers.settings import ModelSettings


class GPTNeoXSettings(ModelSettings):
    """`model:` section of the GPT-NeoX dialect."""

    dialect: Literal["gpt-neox"] = "gpt-neox"
    rotary_fraction: float = Field(default=0.25, ge=0, le=1)
    rotary_base: float = Field(default=10000.0, gt=1)
    init_std: float = Field(default=0.02, gt=0)

    @model_validator(mode="after")
    def _check_rotary(self) -> Self:
        if self.rotary_dim % 2:
            raise ValueError(
                f"rotary_fraction {self.rotary_fraction} of a head of {self.head_size} dimensions rotates "
                f"{self.rotary_dim}, an odd number; choose one that gives an even number"
            )
        return self

    @property
    def rotary_dim(self) -> int:
        """Dimensions of each head that are rotated (the first ones)."""
        return int(self.head_size * self.rotary_fraction)

    def parameters(self, embedded: int, predicted: int | None = None) -> int:
        """2·V·d + L·(12d² + 13d) + 2d (untied embeddings)."""
        d, tokens = self.width, embedded + (embedded if predicted is None else predicted)
        return tokens * d + self.depth * (12 * d * d + 13 * d) + 2 * d

    def block_activations(self, length: int) -> float:
        """18 d and, of attention and norm, a float for every head and two more; 16 d if nothing is rotated."""
        return (18 if self.rotary_dim else 16) * self.width + self.heads + 2


class GPTNeoX(Dialect):
    """The dialect of count and addition."""

    Settings = GPTNeoXSettings

    def __init__(self, model: ModelSettings) -> None:
        assert isinstance(model, GPTNeoXSettings)
        self.model = model
        self._rotate = Rotary(model.rotary_dim, model.rotary_base)

    def shapes(self, embedded: int, predicted: int) -> list[ParameterShape]:
        """Matrices normal with `init_std`, norms 1, biases 0."""
        d, f = self.model.width, 4 * self.model.width

        def weight(name: str, *shape: int) -> ParameterShape:
            return ParameterShape(name, shape, Normal(self.model.init_std))

        shapes = [weight("embed_VD", embedded, d)]
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            shapes += [
                constant(block + "attention_norm.weight_D", d, 1.0),
                constant(block + "attention_norm.bias_D", d, 0.0),
                constant(block + "mlp_norm.weight_D", d, 1.0),
                constant(block + "mlp_norm.bias_D", d, 0.0),
                weight(block + "qkv.weight_DX", d, 3 * d),  # X = H·3·K: per head query, key, value
                constant(block + "qkv.bias_X", 3 * d, 0.0),
                weight(block + "attention_out.weight_DD", d, d),
                constant(block + "attention_out.bias_D", d, 0.0),
                weight(block + "mlp_in.weight_DF", d, f),
                constant(block + "mlp_in.bias_F", f, 0.0),
                weight(block + "mlp_out.weight_FD", f, d),
                constant(block + "mlp_out.bias_D", d, 0.0),
            ]
        shapes += [
            constant("final_norm.weight_D", d, 1.0),
            constant("final_norm.bias_D", d, 0.0),
            weight("unembed_DV", d, predicted),
        ]
        return shapes

    def forward(
        self,
        weights: Weights,
        embedded_SBTD: Tensor,
        layout: Layout,
        dropout: Dropout | None,
        attention: Attention,
    ) -> Tensor:
        """Blocks with parallel residual, then the final norm."""
        x_SBTD, width = embedded_SBTD, (self.model.width,)
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            # Parallel residual: both branches read x, so its normalised form is computed once.
            n_SBTD = F.layer_norm(x_SBTD, width)
            a_SBTD = weights.affine(block + "attention_norm", n_SBTD)
            attended = self._attention(weights, layer, a_SBTD, layout, attention)
            f_SBTF = F.gelu(weights.linear(block + "mlp_in", "DF", weights.affine(block + "mlp_norm", n_SBTD)))
            x_SBTD = x_SBTD + attended + weights.linear(block + "mlp_out", "FD", f_SBTF)
        return weights.affine("final_norm", F.layer_norm(x_SBTD, width))

    def _attention(
        self, weights: Weights, layer: int, x_SBTD: Tensor, layout: Layout, attention: Attention
    ) -> Tensor:
        block, heads, size = f"layer{layer}.", self.model.heads, self.model.head_size
        qkv_SBTX = layout.spread(weights.linear(block + "qkv", "DX", x_SBTD))
        s, b, t, _ = qkv_SBTX.shape
        qkv_NTH3K = qkv_SBTX.view(s * b, t, heads, 3, size)
        qk_NTH2K, v_NTHK = qkv_NTH3K[:, :, :, :2], qkv_NTH3K[:, :, :, 2]
        q_NTHK, k_NTHK = self._rotate(qk_NTH2K).unbind(3)
        y_NHTK = attention(layer, q_NTHK.transpose(1, 2), k_NTHK.transpose(1, 2), v_NTHK.transpose(1, 2))
        y_SBTD = layout.gather(y_NHTK.transpose(1, 2).reshape(s, b, t, heads * size))
        return weights.linear(block + "attention_out", "DD", y_SBTD)
