"""The stacked decoder: the models of S seeds, trained and evaluated as one.

Shape letters, used in every name: S seed, B batch row, T position, D model width, H heads, K head size,
V vocabulary, F feed-forward (4·D). `x_SBTD` is the residual stream of every seed.

Dialect: GPT-NeoX as in Hugging Face's `GPTNeoXForCausalLM` with its defaults, to which the tests compare
logits and gradients: rotary embedding of the first part of each head, parallel residual, LayerNorm (eps 1e-5)
and biases, exact GELU, untied embeddings, no dropout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from seedsweep.spec import ModelSettings
from seedsweep.workers.philox import Role, normal

ALIGNMENT = 64
ROW_ALIGNMENT = 16
"""Every seed's parameters are padded to a multiple of 64 floats, and every row of tokens to one of 16. Then each
seed's share of every tensor starts on a cache line and fills whole vector registers. Otherwise kernels would
treat the seeds of a pack differently: their scalar remainder loops and their paths for unaligned memory round
differently."""


@dataclass(frozen=True)
class ParameterShape:
    """One tensor of one seed: its name, shape and how it starts (normal with `init_std`, or a constant)."""

    name: str
    shape: tuple[int, ...]
    start: float | None
    """Constant initial value; None: normal with the model's `init_std`."""

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


def parameter_shapes(model: ModelSettings, vocabulary: int) -> list[ParameterShape]:
    """The tensors of one seed, in the order in which they lie in memory."""
    d, f = model.width, 4 * model.width

    def weight(name: str, *shape: int) -> ParameterShape:
        return ParameterShape(name, shape, None)

    def constant(name: str, width: int, value: float) -> ParameterShape:
        return ParameterShape(name, (width,), value)

    shapes = [weight("embed_VD", vocabulary, d)]
    for layer in range(model.depth):
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
        weight("unembed_DV", d, vocabulary),
    ]
    return shapes


class StackedDecoder:
    """The decoders of S seeds. All parameters of a seed lie in one row of `flat_SP`.

    One flat buffer makes the rest of a step cheap for small models: the gradient norm of every seed is one
    reduction, the optimiser one kernel, a checkpoint one tensor. `parameters` are views into it.
    """

    def __init__(self, model: ModelSettings, vocabulary: int, seeds: int, device: torch.device) -> None:
        self.model = model
        self.vocabulary = vocabulary
        self.shapes = parameter_shapes(model, vocabulary)
        self.size = sum(shape.size for shape in self.shapes)
        padded = -(-self.size // ALIGNMENT) * ALIGNMENT
        self.flat_SP = torch.zeros(seeds, padded, device=device)
        self.parameters: dict[str, Tensor] = {}
        offset = 0
        for shape in self.shapes:
            view = self.flat_SP[:, offset : offset + shape.size].unflatten(1, shape.shape)
            self.parameters[shape.name] = view.requires_grad_()
            offset += shape.size
        self._seed_offsets_S11 = torch.arange(seeds, device=device)[:, None, None] * vocabulary
        self._rotary: dict[int, tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def initialise(self, init_seeds: Sequence[int]) -> None:
        """Draw the initial weights of every seed, each from its own init role, one seed after the other."""
        for row, seed in enumerate(init_seeds):
            offset = 0
            for number, shape in enumerate(self.shapes):
                target = self.flat_SP[row, offset : offset + shape.size]
                if shape.start is None:
                    target.copy_(normal(seed, Role.INIT, number, shape.size, target.device))
                    target.mul_(self.model.init_std)
                else:
                    target.fill_(shape.start)
                offset += shape.size

    def hidden(self, tokens_SBT: Tensor) -> Tensor:
        """Final hidden states (S, B, T, D) of token rows, after the last norm."""
        p = self.parameters
        length = tokens_SBT.shape[2]
        # Causal attention: what is appended on the right changes nothing on the left.
        tokens_SBT = F.pad(tokens_SBT, (0, -length % ROW_ALIGNMENT))
        # One table for all seeds: the embedding of token v of seed s is row s·V + v.
        x_SBTD = F.embedding(tokens_SBT + self._seed_offsets_S11, p["embed_VD"].flatten(0, 1))
        for layer in range(self.model.depth):
            block = f"layer{layer}."
            # Parallel residual: both branches read x, so its normalised form is computed once.
            n_SBTD = F.layer_norm(x_SBTD, (self.model.width,))
            attended = self._attention(block, self._affine(block + "attention_norm", n_SBTD))
            f_SBTF = F.gelu(self._linear(block + "mlp_in", "DF", self._affine(block + "mlp_norm", n_SBTD)))
            x_SBTD = x_SBTD + attended + self._linear(block + "mlp_out", "FD", f_SBTF)
        return self._affine("final_norm", F.layer_norm(x_SBTD, (self.model.width,)))[:, :, :length]

    def logits(self, hidden_SBTD: Tensor) -> Tensor:
        """Next-token logits (S, B, T, V) of hidden states; give only the positions that are needed."""
        s, b, t, d = hidden_SBTD.shape
        hidden_SND = F.pad(hidden_SBTD.reshape(s, b * t, d), (0, 0, 0, -(b * t) % ROW_ALIGNMENT))
        logits_SNV = torch.bmm(hidden_SND, self.parameters["unembed_DV"])
        return logits_SNV[:, : b * t].reshape(s, b, t, self.vocabulary)

    def _affine(self, name: str, n_SBTD: Tensor) -> Tensor:
        weight_SD, bias_SD = self.parameters[name + ".weight_D"], self.parameters[name + ".bias_D"]
        return torch.addcmul(bias_SD[:, None, None], n_SBTD, weight_SD[:, None, None])

    def _linear(self, name: str, letters: str, x_SBTI: Tensor) -> Tensor:
        weight_SIO = self.parameters[f"{name}.weight_{letters}"]
        bias_SO = self.parameters[f"{name}.bias_{letters[1]}"]
        s, b, t, i = x_SBTI.shape
        flat = torch.baddbmm(bias_SO[:, None], x_SBTI.reshape(s, b * t, i), weight_SIO)
        return flat.view(s, b, t, -1)

    def _attention(self, block: str, x_SBTD: Tensor) -> Tensor:
        s, b, t, d = x_SBTD.shape
        heads, size = self.model.heads, self.model.head_size
        qkv_NTH3K = self._linear(block + "qkv", "DX", x_SBTD).view(s * b, t, heads, 3, size)
        # Seeds are folded into the batch: attention does not know them apart.
        qk_NTH2K, v_NTHK = qkv_NTH3K[:, :, :, :2], qkv_NTH3K[:, :, :, 2]
        q_NTHK, k_NTHK = self._rotate(qk_NTH2K).unbind(3)
        y_NHTK = F.scaled_dot_product_attention(
            q_NTHK.transpose(1, 2), k_NTHK.transpose(1, 2), v_NTHK.transpose(1, 2), is_causal=True
        )
        return self._linear(block + "attention_out", "DD", y_NHTK.transpose(1, 2).reshape(s, b, t, d))

    def _rotate(self, qk_NTH2K: Tensor) -> Tensor:
        """Rotary position embedding of the first `rotary_dim` dimensions (Su et al. 2021, NeoX halves)."""
        rotary = self.model.rotary_dim
        if rotary == 0:
            return qk_NTH2K
        cos_T11R, sin_T11R = self._rotary_tables(qk_NTH2K.shape[1], qk_NTH2K.device)
        turned, kept = qk_NTH2K[..., :rotary], qk_NTH2K[..., rotary:]
        first, second = turned.chunk(2, dim=-1)
        turned = turned * cos_T11R + torch.cat((-second, first), dim=-1) * sin_T11R
        return torch.cat((turned, kept), dim=-1)

    def _rotary_tables(self, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
        if length not in self._rotary:
            rotary = self.model.rotary_dim
            exponent = torch.arange(0, rotary, 2, dtype=torch.float32) / rotary
            frequency = 1.0 / self.model.rotary_base**exponent
            angle_TR = torch.outer(torch.arange(length, dtype=torch.float32), frequency).repeat(1, 2)
            angle_T11R = angle_TR[:, None, None]
            self._rotary[length] = (angle_T11R.cos().to(device), angle_T11R.sin().to(device))
        return self._rotary[length]
