"""Dialects: the families of decoders. Each is one file that says which tensors a seed has and what happens to
the embedded tokens; `workers.decoder.StackedDecoder` does what all have in common.

Shape letters, used in every name: S seed, B batch row, T position, D model width, H heads, K head size,
V vocabulary, F feed-forward (4·D), N any of these folded together. `x_SBTD` is the residual stream of every seed.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar

import torch
from torch import Tensor

from seedsweep.cell import Base
from seedsweep.errors import InputError, did_you_mean
from seedsweep.workers.alignment import ROW_ALIGNMENT, padding
from seedsweep.workers.dialects.attention import Attention
from seedsweep.workers.dropout import Dropout
from seedsweep.workers.layout import Layout
from seedsweep.workers.products import TORCHS, Products
from seedsweep.workers.settings import ModelSettings

BUILT_IN = {
    "attention-only": "seedsweep.workers.dialects.attention_only:AttentionOnly",
    "gpt-neox": "seedsweep.workers.dialects.gpt_neox:GPTNeoX",
    "mixer": "seedsweep.workers.dialects.mixer:Mixer",
    "post-ln": "seedsweep.workers.dialects.post_ln:PostLN",
    "pre-ln": "seedsweep.workers.dialects.pre_ln:PreLN",
    "qwen2": "seedsweep.workers.dialects.qwen2:Qwen2",
}
DEFAULT = "gpt-neox"


@dataclass(frozen=True)
class Constant:
    """Every element starts at this value."""

    value: float


@dataclass(frozen=True)
class Normal:
    """Elements start normal with mean 0."""

    std: float


@dataclass(frozen=True)
class TruncatedNormal:
    """Elements start normal with mean 0 and this standard deviation, those beyond two of them drawn again."""

    std: float


@dataclass(frozen=True)
class Uniform:
    """Elements start uniform in (−bound, bound)."""

    bound: float


@dataclass(frozen=True)
class ParameterShape:
    """One tensor of one seed: its name, its shape and how it starts."""

    name: str
    shape: tuple[int, ...]
    start: Constant | Normal | TruncatedNormal | Uniform

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)


def constant(name: str, width: int, value: float) -> ParameterShape:
    """A vector, such as a norm's, that starts at one value."""
    return ParameterShape(name, (width,), Constant(value))


def feature_map(size: int, width: int) -> list[ParameterShape]:
    """The linear layer that stands in place of an embedding for tokens with F features, which starts as LeCun has
    it. Rows of zeros fill whole registers."""
    rows = size + padding(size, ROW_ALIGNMENT)
    return [
        ParameterShape("features.weight_FD", (rows, width), Normal(1 / math.sqrt(size))),
        constant("features.bias_D", width, 0.0),
    ]


class Weights:
    """The tensors of S seeds by name, `embed_VD` of shape (S, V, D), and the layers made of them.

    A layer `name` is two tensors: `name.weight_DF` and `name.bias_F`.
    """

    def __init__(self, tensors: Mapping[str, Tensor], products: Products = TORCHS) -> None:
        self._tensors = tensors
        self._products = products

    def tensor(self, name: str) -> Tensor:
        """The tensors of one name as they are."""
        return self._tensors[name]

    def affine(self, name: str, n_SBTD: Tensor) -> Tensor:
        """Scale and shift by vectors (D,)."""
        weight_SD, bias_SD = self._tensors[name + ".weight_D"], self._tensors[name + ".bias_D"]
        return torch.addcmul(bias_SD[:, None, None], n_SBTD, weight_SD[:, None, None])

    def scale(self, name: str, n_SBTD: Tensor) -> Tensor:
        """Scale by a vector (D,)."""
        return n_SBTD * self._tensors[name + ".weight_D"][:, None, None]

    def linear(self, name: str, letters: str, x_SBTI: Tensor) -> Tensor:
        """(S, B, T, I) times (I, O), plus the bias (O,) if the layer has one; `letters` name I and O."""
        weight_SIO = self._tensors[f"{name}.weight_{letters}"]
        bias_SO = self._tensors.get(f"{name}.bias_{letters[1]}")
        s, b, t, i = x_SBTI.shape
        x_SNI = x_SBTI.reshape(s, b * t, i)
        if bias_SO is None:
            return self._products.product(x_SNI, weight_SIO).view(s, b, t, -1)
        return self._products.product_and_sum(bias_SO[:, None], x_SNI, weight_SIO).view(s, b, t, -1)

    def along_positions(self, name: str, x_NCT: Tensor) -> Tensor:
        """Channels C of N = S·H heads times matrices (H, T, T) of which position t reads rows up to t, plus biases
        (H, T); the first T positions of matrices that may have more."""
        n, _, t = x_NCT.shape
        weight_SHTT, bias_SHT = self._tensors[name + ".weight_HTT"], self._tensors[name + ".bias_HT"]
        causal_NTT = weight_SHTT[..., :t, :t].triu().view(n, t, t)
        return self._products.product_and_sum(bias_SHT[..., :t].reshape(n, 1, t), x_NCT, causal_NTT)


class Dialect(ABC):
    """One family of decoders. `Settings` is the pydantic model of its section in the spec."""

    Settings: ClassVar[type[ModelSettings]]

    @abstractmethod
    def __init__(self, model: ModelSettings) -> None:
        """Check nothing, keep the settings: the spec has been checked."""

    @abstractmethod
    def shapes(self, embedded: int, predicted: int) -> list[ParameterShape]:
        """The tensors of one seed that embeds and predicts so many tokens, in the order of memory.

        `embed_VD` is the token embedding. The output layer is `unembed_DV`, or where there is none the embedding
        (tied); `unembed_bias_V` is its bias if there is one.
        """

    # Only of a dialect whose settings say `starts_trained` or `can_have_base`:

    def redrawn(self) -> tuple[str, ...]:
        """Tensors that every seed draws anew where it starts from a trained model; all others are the model's."""
        raise TypeError(f"{type(self).__name__} does not start from a trained model")

    def trained(self, shapes: Sequence[ParameterShape], base: bytes | None) -> dict[str, Tensor]:
        """The trained model by our names, on the CPU: the one the settings name, else `base`, `Base.weights`.

        Raises InputError that names the tensor, if the model is not one of these shapes.
        """
        raise TypeError(f"{type(self).__name__} does not start from a trained model")

    def to_base(self, shapes: Sequence[ParameterShape], tensors: Mapping[str, Tensor]) -> Base:
        """A trained model, given by our names on the CPU, as files from which `trained` reads it back."""
        raise TypeError(f"{type(self).__name__} does not start from a trained model")

    def behind_heads(self, weights: Weights, x_SBQD: Tensor, y_NHQK: Tensor) -> Tensor:
        """Final hidden states of some positions of rows, of what comes into the last layer there and what its
        heads have read. Only of a dialect with nothing but the output behind them."""
        raise TypeError(f"{type(self).__name__} has more than heads in its last layer")

    @abstractmethod
    def forward(
        self,
        weights: Weights,
        embedded_SBTD: Tensor,
        layout: Layout,
        dropout: Dropout | None,
        attention: Attention,
    ) -> Tensor:
        """Final hidden states of embedded tokens, which lie as the layout says: as rows (S, B, T, D) if `WHOLE`.
        Causal: what is on the right changes nothing on the left. `dropout` is None in evaluation. Positions see
        each other through `attention` alone, but for dialects that have none (`ModelSettings.attends`)."""


def shapes_of(
    model: ModelSettings, embedded: int, predicted: int, feature_size: int | None = None
) -> list[ParameterShape]:
    """All tensors of one seed; with a map of features of that size, if tokens have such."""
    shapes = find_dialect(model.dialect)(model).shapes(embedded, predicted)
    return shapes if feature_size is None else [*shapes, *feature_map(feature_size, model.width)]


def find_dialect(name: object) -> type[Dialect]:
    """The dialect of that name. Raises InputError, with the nearest name, if there is none."""
    if not isinstance(name, str) or name not in BUILT_IN:
        choices = ", ".join(repr(known) for known in BUILT_IN)
        raise InputError(f"dialect: {name!r} is not one of {choices}{did_you_mean(str(name), BUILT_IN)}")
    module, _, attribute = BUILT_IN[name].partition(":")
    dialect: type[Dialect] = getattr(import_module(module), attribute)
    return dialect


def model_class(given: object) -> type[ModelSettings]:
    """The class that reads a `model:` section; of gpt-neox if it names no dialect.

    Raises InputError if it names an unknown one.
    """
    if isinstance(given, ModelSettings):
        return type(given)
    return find_dialect(given.get("dialect", DEFAULT) if isinstance(given, Mapping) else DEFAULT).Settings
