"""Trained models as Hugging Face's Qwen2 stores them: safetensors in, our tensors out, and back.

Their linear layers hold (out, in), ours (in, out); what they keep in several tensors lies side by side in ours.
A tied checkpoint has no `lm_head.weight`: the embedding is copied there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import torch
from safetensors.torch import load, save
from torch import Tensor

from seedsweep.errors import InputError, did_you_mean
from seedsweep.workers import pretrained
from seedsweep.workers.dialects import ParameterShape
from seedsweep.workers.dialects.qwen2_settings import Qwen2Settings
from seedsweep.workers.dialects.tensorfiles import read_safetensors

_HEAD, _EMBEDDING = "lm_head.weight", "model.embed_tokens.weight"


def load_checkpoint(model: Qwen2Settings, shapes: Sequence[ParameterShape]) -> dict[str, Tensor]:
    """The tensors of `model.checkpoint` by our names, in float32 whatever the files hold, on the CPU.

    Raises InputError that names the tensor, if one is missing, is not of the model or has another shape.
    """
    assert model.checkpoint is not None
    directory = pretrained.locate(model.checkpoint)
    return _ours(model, shapes, dict(read_safetensors(directory)), str(directory))


def from_bytes(data: bytes, model: Qwen2Settings, shapes: Sequence[ParameterShape]) -> dict[str, Tensor]:
    """As `load_checkpoint`, from the content of one safetensors file."""
    return _ours(model, shapes, load(data), "the base model")


def to_bytes(model: Qwen2Settings, shapes: Sequence[ParameterShape], tensors: Mapping[str, Tensor]) -> bytes:
    """A model of ours, on the CPU, as the content of a safetensors file that `transformers` reads."""
    theirs: dict[str, Tensor] = {}
    for shape in shapes:
        parts = _parts(model, shape)
        tensor = tensors[shape.name]
        widths = [their_shape[0] for _, their_shape in parts] if len(parts) > 1 else [tensor.shape[-1]]
        for (name, _), part in zip(parts, tensor.split(widths, dim=-1), strict=True):
            theirs[name] = _turned(shape, part).contiguous()
    return save(theirs, metadata={"format": "pt"})


def config_json(model: Qwen2Settings, vocabulary: int) -> str:
    """The `config.json` that belongs beside `to_bytes`."""
    config = {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_act": "silu",
        "hidden_size": model.width,
        "initializer_range": model.init_std,
        "intermediate_size": model.feed_forward,
        "num_attention_heads": model.heads,
        "num_hidden_layers": model.depth,
        "num_key_value_heads": model.kv_heads,
        "rms_norm_eps": model.norm_epsilon,
        "rope_theta": model.rotary_base,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "vocab_size": vocabulary,
    }
    return json.dumps(config, indent=2) + "\n"


def _ours(
    model: Qwen2Settings, shapes: Sequence[ParameterShape], theirs: dict[str, Tensor], shown: str
) -> dict[str, Tensor]:
    if _HEAD not in theirs and _EMBEDDING in theirs:
        theirs[_HEAD] = theirs[_EMBEDDING]
    wanted = {name: size for shape in shapes for name, size in _parts(model, shape)}
    if missing := [name for name in wanted if name not in theirs]:
        raise InputError(f"{shown}: tensor {missing[0]} is missing{_more(missing)}")
    if extra := [name for name in theirs if name not in wanted]:
        hint = did_you_mean(extra[0], wanted)
        raise InputError(f"{shown}: tensor {extra[0]} is not part of a Qwen2 of its config{hint}{_more(extra)}")
    for name, size in wanted.items():
        if theirs[name].shape != size:
            raise InputError(
                f"{shown}: tensor {name} has the shape {tuple(theirs[name].shape)}; its config says {size}"
            )
    return {
        shape.name: torch.cat([_turned(shape, theirs[name].float()) for name, _ in _parts(model, shape)], dim=-1)
        for shape in shapes
    }


def _parts(model: Qwen2Settings, shape: ParameterShape) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes of what a tensor of ours is in a checkpoint."""
    layer, _, rest = shape.name.partition(".")
    block = f"model.layers.{layer.removeprefix('layer')}."
    keys, d, f = model.kv_heads * model.head_size, model.width, model.feed_forward
    projections = {"q": d, "k": keys, "v": keys}
    match rest:
        case "qkv.weight_DX":
            return [(f"{block}self_attn.{part}_proj.weight", (width, d)) for part, width in projections.items()]
        case "qkv.bias_X":
            return [(f"{block}self_attn.{part}_proj.bias", (width,)) for part, width in projections.items()]
        case "gate_up.weight_DX":
            return [(f"{block}mlp.{part}_proj.weight", (f, d)) for part in ("gate", "up")]
    name = {
        "embed_VD": _EMBEDDING,
        "unembed_DV": _HEAD,
        "final_norm.weight_D": "model.norm.weight",
        f"{layer}.attention_norm.weight_D": block + "input_layernorm.weight",
        f"{layer}.attention_out.weight_DD": block + "self_attn.o_proj.weight",
        f"{layer}.mlp_norm.weight_D": block + "post_attention_layernorm.weight",
        f"{layer}.mlp_out.weight_FD": block + "mlp.down_proj.weight",
    }[shape.name]
    return [(name, shape.shape if shape.name == "embed_VD" else shape.shape[::-1])]


def _turned(shape: ParameterShape, tensor: Tensor) -> Tensor:
    return tensor.T if tensor.ndim == 2 and shape.name != "embed_VD" else tensor


def _more(names: Sequence[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
