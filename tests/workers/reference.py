"""A seed's model as Hugging Face's GPTNeoXForCausalLM with the same weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, GPTNeoXModel

from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.attention_only import AttentionOnlySettings
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings

NAMES = {
    "embed_VD": "gpt_neox.embed_in.weight",
    "final_norm.weight_D": "gpt_neox.final_layer_norm.weight",
    "final_norm.bias_D": "gpt_neox.final_layer_norm.bias",
    "unembed_DV": "lm_head.weight",
}
LAYER_NAMES = {
    "attention_norm.weight_D": "input_layernorm.weight",
    "attention_norm.bias_D": "input_layernorm.bias",
    "mlp_norm.weight_D": "post_attention_layernorm.weight",
    "mlp_norm.bias_D": "post_attention_layernorm.bias",
    "qkv.weight_DX": "attention.query_key_value.weight",
    "qkv.bias_X": "attention.query_key_value.bias",
    "attention_out.weight_DD": "attention.dense.weight",
    "attention_out.bias_D": "attention.dense.bias",
    "mlp_in.weight_DF": "mlp.dense_h_to_4h.weight",
    "mlp_in.bias_F": "mlp.dense_h_to_4h.bias",
    "mlp_out.weight_FD": "mlp.dense_4h_to_h.weight",
    "mlp_out.bias_D": "mlp.dense_4h_to_h.bias",
}


def their_name(ours: str) -> str:
    """Hugging Face's name of one of our tensors."""
    if ours in NAMES:
        return NAMES[ours]
    layer, _, rest = ours.partition(".")
    return f"gpt_neox.layers.{layer.removeprefix('layer')}.{LAYER_NAMES[rest]}"


def to_theirs(name: str, tensor: Tensor) -> Tensor:
    """Their linear layers hold (out, in); ours (in, out). The embedding is the same in both."""
    return tensor.T if tensor.ndim == 2 and name != "embed_VD" else tensor


def gpt_neox(decoder: StackedDecoder, seed_row: int) -> GPTNeoXForCausalLM:
    """Hugging Face's model with its default settings and the weights of one seed of the pack."""
    model = decoder.model
    assert isinstance(model, GPTNeoXSettings)
    config = GPTNeoXConfig(
        vocab_size=decoder.vocabulary,
        hidden_size=model.width,
        num_hidden_layers=model.depth,
        num_attention_heads=model.heads,
        intermediate_size=4 * model.width,
        max_position_embeddings=128,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": model.rotary_base,
            "partial_rotary_factor": model.rotary_fraction,
        },
    )
    assert (config.use_parallel_residual, config.tie_word_embeddings, config.hidden_act) == (True, False, "gelu")
    theirs = GPTNeoXForCausalLM(config)
    weights = {
        their_name(name): to_theirs(name, tensor[seed_row].detach()) for name, tensor in decoder.parameters.items()
    }
    missing, unexpected = theirs.load_state_dict(weights, strict=False)
    assert not unexpected
    assert not [name for name in missing if "weight" in name or "bias" in name.rpartition(".")[2]]
    theirs.eval()
    return theirs


def attention_only(decoder: StackedDecoder, seed_row: int) -> Any:
    """Hugging Face's model with the weights of one seed of an attention-only decoder with rotary positions, its
    feed-forward layers empty. Its embedding is ours only where tokens have no features."""
    model = decoder.model
    assert isinstance(model, AttentionOnlySettings)
    own = decoder.tensors(seed_row)
    config = GPTNeoXConfig(
        vocab_size=len(own["embed_VD"]), hidden_size=model.width, num_hidden_layers=model.depth,
        num_attention_heads=model.heads, intermediate_size=4, use_parallel_residual=False,
        rope_parameters={"rope_type": "default", "rope_theta": model.rotary_base, "partial_rotary_factor": 1.0},
    )  # fmt: skip
    theirs: Any = GPTNeoXModel(config).eval()
    theirs.set_attn_implementation("eager")
    with torch.no_grad():
        theirs.embed_in.weight.copy_(own["embed_VD"])
        theirs.final_layer_norm.weight.copy_(own["final_norm.weight_D"])
        theirs.final_layer_norm.bias.copy_(own["final_norm.bias_D"])
        for layer, block in enumerate(theirs.layers):
            block.input_layernorm.weight.copy_(own[f"layer{layer}.attention_norm.weight_D"])
            block.input_layernorm.bias.copy_(own[f"layer{layer}.attention_norm.bias_D"])
            qkv_D3HK = own[f"layer{layer}.qkv.weight_DX"].view(model.width, 3, model.heads, model.head_size)
            block.attention.query_key_value.weight.copy_(qkv_D3HK.transpose(1, 2).reshape(model.width, -1).T)
            block.attention.query_key_value.bias.zero_()
            block.attention.dense.weight.copy_(own[f"layer{layer}.attention_out.weight_DD"].T)
            block.attention.dense.bias.zero_()
            block.mlp.dense_4h_to_h.weight.zero_()
            block.mlp.dense_4h_to_h.bias.zero_()
    return theirs
