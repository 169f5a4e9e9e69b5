"""Checkpoints as Hugging Face's GPT-NeoX stores them, such as Pythia's: their config, their tensors by our names.

Their linear layers hold (out, in), ours (in, out). Query, key and value lie side by side head by head in both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from torch import Tensor

from seedsweep.errors import InputError, did_you_mean
from seedsweep.workers import pretrained
from seedsweep.workers.dialects import ParameterShape
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.dialects.tensorfiles import read_pickled, read_safetensors

COMPUTED = {
    "model_type": "gpt_neox",
    "use_parallel_residual": True,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
    "attention_bias": True,
    "tie_word_embeddings": False,
}
"""What our dialect computes; all but the first are also what a config means that does not say."""

_NAMES = {
    "embed_VD": "gpt_neox.embed_in.weight",
    "final_norm.weight_D": "gpt_neox.final_layer_norm.weight",
    "final_norm.bias_D": "gpt_neox.final_layer_norm.bias",
    "unembed_DV": "embed_out.weight",
}
_LAYERS = {
    "attention_norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "qkv": "attention.query_key_value",
    "attention_out": "attention.dense",
    "mlp_in": "mlp.dense_h_to_4h",
    "mlp_out": "mlp.dense_4h_to_h",
}
_KEYS = {"depth": "num_hidden_layers", "heads": "num_attention_heads", "d_model": "hidden_size"}
"""Of the config, where our settings have other names."""
_RENAMED = {"lm_head.weight": "embed_out.weight"}
_BUFFERS = re.compile(r"\.attention\.(bias|masked_bias)$|(^|\.)rotary_emb\.inv_freq$")
"""The causal mask and the rotary frequencies, which old versions stored as if they were parameters."""


@dataclass(frozen=True)
class Config:
    """What a checkpoint's `config.json` says."""

    model: GPTNeoXSettings
    vocabulary: int
    """V, rows of the embedding, often padded beyond the tokenizer's."""
    bos: int | None
    """The token that begins a text."""


def read_config(directory: Path) -> Config:
    """Raises InputError, naming file and key, if our dialect is not what the config describes."""
    path, config = directory / pretrained.CONFIG, pretrained.read_config(directory)
    for key, ours in COMPUTED.items():
        if (theirs := config.get(key, None if key == "model_type" else ours)) != ours:
            raise InputError(
                f"{path}: {key}: {theirs!r} is not {ours!r}, which alone the gpt-neox dialect computes"
            )
    # Until version 4 of transformers at the top, now in a mapping of their own.
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise InputError(f"{path}: rope_parameters: {rope!r} is not a mapping")
    if rope.get("rope_type", rope.get("type", "default")) != "default":
        raise InputError(
            f"{path}: rope_scaling: {rope!r} is not what the gpt-neox dialect computes; it scales none"
        )
    try:
        width, inner = config["hidden_size"], config["intermediate_size"]
        sizes = {
            "depth": config["num_hidden_layers"],
            "heads": config["num_attention_heads"],
            "d_model": width,
            "rotary_fraction": rope.get("partial_rotary_factor", config.get("rotary_pct", 0.25)),
            "rotary_base": rope.get("rope_theta", config.get("rotary_emb_base", 10000.0)),
        }
        vocabulary = config["vocab_size"]
    except KeyError as error:
        raise InputError(f"{path}: has no {error.args[0]}") from None
    if not isinstance(vocabulary, int) or vocabulary < 1:
        raise InputError(f"{path}: vocab_size: {vocabulary!r} is not a whole number from 1 on")
    if inner != 4 * width:
        raise InputError(f"{path}: intermediate_size: {inner} is not 4 × hidden_size, which is {4 * width}")
    try:
        return Config(GPTNeoXSettings(**sizes), vocabulary, config.get("bos_token_id"))
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{_KEYS.get(part, part)}: " for part in map(str, first["loc"]))
        raise InputError(f"{path}: {place}{first['msg'].removeprefix('Value error, ')}") from None


def read_tensors(directory: Path, shapes: Sequence[ParameterShape]) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a checkpoint by our names, in our order of axes, in the precision of their files, one by one.

    Raises InputError that names the tensor, if one is missing, is not of the model or has another shape.
    """
    wanted = {_their_name(shape): shape for shape in shapes}
    for name, tensor in _theirs(directory):
        if _BUFFERS.search(name):
            continue
        shape = wanted.pop(_RENAMED.get(name, name), None)
        if shape is None:
            hint = did_you_mean(name, wanted)
            raise InputError(f"{directory}: tensor {name} is not part of a GPT-NeoX of its config{hint}")
        ours = tensor.T if _is_linear(shape) else tensor
        if ours.shape != shape.shape:
            sizes = shape.shape[::-1] if _is_linear(shape) else shape.shape
            raise InputError(
                f"{directory}: tensor {name} has the shape {tuple(tensor.shape)}; its config says {sizes}"
            )
        yield shape.name, ours
    if wanted:
        more = f" (and {len(wanted) - 1} more)" if len(wanted) > 1 else ""
        raise InputError(f"{directory}: tensor {next(iter(wanted))} is missing{more}")


def check_whole(directory: Path) -> None:
    """Raises InputError if a file of the checkpoint is missing; reads nothing but an index."""
    pretrained.weight_files(directory, _kind(directory))


def _theirs(directory: Path) -> Iterator[tuple[str, Tensor]]:
    return (read_pickled if _kind(directory) == pretrained.PICKLED else read_safetensors)(directory)


def _kind(directory: Path) -> str:
    """Safetensors where there are both."""
    kinds = (pretrained.WEIGHTS, pretrained.PICKLED)
    there = [kind for kind in kinds if any((directory / (kind + end)).is_file() for end in ("", pretrained.INDEX))]
    return there[0] if there else pretrained.WEIGHTS


def _their_name(shape: ParameterShape) -> str:
    if shape.name in _NAMES:
        return _NAMES[shape.name]
    layer, part, kind = shape.name.split(".")
    return f"gpt_neox.layers.{layer.removeprefix('layer')}.{_LAYERS[part]}.{kind.partition('_')[0]}"


def _is_linear(shape: ParameterShape) -> bool:
    return len(shape.shape) == 2 and shape.name != "embed_VD"
