"""Checkpoints of `transformers`, read by us, are its models; what our dialect does not compute is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

from seedsweep.errors import InputError
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.gpt_neox_files import check_whole, read_config, read_tensors
from seedsweep.workers.instruments.reading import ReadAttention

CPU = torch.device("cpu")
VOCABULARY = 40


def make(directory: Path, *, fraction: float = 0.25, base: float = 10000.0, **save: Any) -> Any:
    """A random GPT-NeoX, no tensor at a trivial value, written by transformers and read by it again."""
    config = GPTNeoXConfig(
        vocab_size=VOCABULARY,
        hidden_size=48,
        intermediate_size=192,
        num_hidden_layers=3,
        num_attention_heads=3,
        max_position_embeddings=64,
        rope_parameters={"rope_type": "default", "rope_theta": base, "partial_rotary_factor": fraction},
    )
    torch.manual_seed(0)  # their initialisation knows no other way
    model = GPTNeoXForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.to(save.pop("dtype", torch.float32)).save_pretrained(directory, **save)
    return GPTNeoXForCausalLM.from_pretrained(
        directory, dtype=torch.float32, local_files_only=True, attn_implementation="eager"
    ).eval()


def loaded(directory: Path, seeds: int = 1) -> StackedDecoder:
    config = read_config(directory)
    decoder = StackedDecoder(config.model, config.vocabulary, seeds, CPU)
    with torch.no_grad():
        for name, tensor in read_tensors(directory, decoder.shapes):
            decoder.parameters[name].copy_(tensor.expand(seeds, *tensor.shape))
    return decoder


@pytest.mark.parametrize("sizes", [{}, {"fraction": 1.0, "base": 500.0}, {"dtype": torch.float16}], ids=str)
def test_logits_and_attention_are_theirs(tmp_path: Path, sizes: dict[str, Any]) -> None:
    theirs = make(tmp_path, **sizes)
    tokens_BT = torch.randint(VOCABULARY, (3, 21), generator=torch.Generator().manual_seed(1))
    decoder = loaded(tmp_path, seeds=2)
    assert decoder.flat_SP.dtype == torch.float32
    reading = ReadAttention(decoder.attention, torch.arange(21))
    with torch.no_grad():
        expected = theirs(tokens_BT, output_attentions=True)
        reader = decoder.with_attention(reading)
        logits_SBTV = reader.logits(reader.hidden(tokens_BT.expand(2, -1, -1)))
    for logits_BTV in logits_SBTV:
        torch.testing.assert_close(logits_BTV, expected.logits, rtol=1e-5, atol=1e-5)
    assert len(reading.noted) == len(expected.attentions) == 3
    for ours_NHTT, theirs_BHTT in zip(reading.noted, expected.attentions, strict=True):
        torch.testing.assert_close(ours_NHTT[:3, ..., :21], theirs_BHTT, rtol=1e-5, atol=1e-6)


def as_in_shards(place: Path) -> None:
    make(place, max_shard_size="50KB")
    assert len(list(place.glob("*.safetensors"))) > 1


def as_pickle(place: Path) -> None:
    """With the buffers that old versions stored, and the names that the latest has."""
    make(place)
    tensors = load_file(place / "model.safetensors")
    (place / "model.safetensors").unlink()
    tensors["gpt_neox.layers.0.attention.bias"] = torch.ones(1, 1, 64, 64, dtype=torch.bool)
    tensors["gpt_neox.layers.0.attention.masked_bias"] = torch.tensor(-1e9)
    tensors["gpt_neox.layers.0.attention.rotary_emb.inv_freq"] = torch.ones(1)
    tensors["lm_head.weight"] = tensors.pop("embed_out.weight")
    torch.save(tensors, place / "pytorch_model.bin")


def as_old_config(place: Path) -> None:
    """As Pythia's are: the rotary settings at the top."""
    make(place, fraction=0.5, base=700.0)
    path = place / "config.json"
    config = json.loads(path.read_text())
    rope = config.pop("rope_parameters")
    config |= {"rotary_pct": rope["partial_rotary_factor"], "rotary_emb_base": rope["rope_theta"]}
    del config["attention_bias"]
    path.write_text(json.dumps(config | {"rope_scaling": None}))


@pytest.mark.parametrize("write", [as_in_shards, as_pickle, as_old_config])
def test_whatever_their_files_are(tmp_path: Path, write: Callable[[Path], None]) -> None:
    write(tmp_path)
    theirs = GPTNeoXForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, local_files_only=True).eval()
    tokens_BT = torch.randint(VOCABULARY, (2, 17), generator=torch.Generator().manual_seed(2))
    decoder = loaded(tmp_path)
    with torch.no_grad():
        logits_SBTV = decoder.logits(decoder.hidden(tokens_BT[None]))
        torch.testing.assert_close(logits_SBTV[0], theirs(tokens_BT).logits, rtol=1e-5, atol=1e-5)


PYTHIA_14M = {
    "architectures": ["GPTNeoXForCausalLM"],
    "bos_token_id": 0,
    "eos_token_id": 0,
    "hidden_act": "gelu",
    "hidden_size": 128,
    "initializer_range": 0.02,
    "intermediate_size": 512,
    "layer_norm_eps": 1e-05,
    "max_position_embeddings": 2048,
    "model_type": "gpt_neox",
    "num_attention_heads": 4,
    "num_hidden_layers": 6,
    "rotary_emb_base": 10000,
    "rotary_pct": 0.25,
    "tie_word_embeddings": False,
    "torch_dtype": "float16",
    "use_parallel_residual": True,
    "vocab_size": 50304,
}
"""The keys that matter, as Pythia's smallest model has them."""


def test_pythias_config_is_understood(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(PYTHIA_14M))
    config = read_config(tmp_path)
    assert (config.model.rotary_dim, config.model.head_size, config.vocabulary, config.bos) == (8, 32, 50304, 0)
    # Non-embedding parameters, as its model card has them.
    assert config.model.parameters(config.vocabulary) - 2 * 50304 * 128 == 1_189_888


BAD_CONFIGS: list[tuple[dict[str, Any], str]] = [
    ({"model_type": "gpt2"}, "model_type: 'gpt2' is not 'gpt_neox'"),
    ({"use_parallel_residual": False}, "use_parallel_residual: False is not True"),
    ({"hidden_act": "gelu_new"}, "hidden_act: 'gelu_new' is not 'gelu'"),
    ({"layer_norm_eps": 1e-6}, "layer_norm_eps: 1e-06 is not 1e-05"),
    ({"tie_word_embeddings": True}, "tie_word_embeddings: True is not False"),
    ({"attention_bias": False}, "attention_bias: False is not True"),
    ({"intermediate_size": 200}, "intermediate_size: 200 is not 4 × hidden_size, which is 512"),
    ({"num_attention_heads": 5}, "d_model 128 is not divisible by heads 5"),
    ({"rope_parameters": None, "rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling: "),
    ({"rope_parameters": 3}, "rope_parameters: 3 is not a mapping"),
    ({"vocab_size": "many"}, "vocab_size: 'many' is not a whole number"),
    ({"num_hidden_layers": None}, "num_hidden_layers: Input should be a valid integer"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_CONFIGS, ids=lambda x: str(x))
def test_another_architecture_is_one_line(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(PYTHIA_14M | changes))
    with pytest.raises(InputError) as refused:
        read_config(tmp_path)
    assert str(refused.value).startswith(f"{path}: ")
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def lose(name: str) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        del tensors[name]

    return change


BIAS = "gpt_neox.layers.1.mlp.dense_h_to_4h.bias"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lose(BIAS), f"tensor {BIAS} is missing"),
        (
            lambda tensors: tensors.update(extra=torch.ones(1)),
            "tensor extra is not part of a GPT-NeoX",
        ),
        (
            lambda tensors: tensors.update({BIAS: torch.ones(3)}),
            "has the shape (3,); its config says (192,)",
        ),
    ],
)
def test_other_tensors_are_one_line(
    tmp_path: Path, change: Callable[[dict[str, torch.Tensor]], None], message: str
) -> None:
    make(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file)
    with pytest.raises(InputError) as refused:
        loaded(tmp_path)
    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x03\x04cut"])
def test_damaged_weights_are_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (as_pickle if name.endswith("bin") else make)(tmp_path)
    check_whole(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: damaged or not ") as refused:
        loaded(tmp_path)
    assert "\n" not in str(refused.value)


def test_a_pickle_that_would_run_something_is_refused(tmp_path: Path) -> None:
    as_pickle(tmp_path)
    torch.save({"weights": Path("somewhere")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(InputError, match=r"pytorch_model\.bin: damaged or not a torch file of tensors"):
        loaded(tmp_path)


def test_a_checkpoint_that_is_not_whole_is_one_line(tmp_path: Path) -> None:
    as_in_shards(tmp_path)
    check_whole(tmp_path)
    sorted(tmp_path.glob("*.safetensors"))[1].unlink()
    with pytest.raises(InputError, match="not a whole checkpoint: it has no model-00002-of"):
        check_whole(tmp_path)
