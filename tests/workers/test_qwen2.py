"""The Qwen2 dialect is Hugging Face's, and its checkpoints are read and written as theirs."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from safetensors.torch import load, load_file, save_file
from transformers import Qwen2Config, Qwen2ForCausalLM

from seedsweep.errors import InputError
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.dialects.qwen2_files import load_checkpoint
from seedsweep.workers.dialects.qwen2_settings import Qwen2Settings

CPU = torch.device("cpu")
VOCABULARY = 37
REDRAWN = {
    *(f"model.layers.1.self_attn.{part}_proj.{kind}" for part in "qkv" for kind in ("weight", "bias")),
    "model.layers.1.self_attn.o_proj.weight",
    "lm_head.weight",
}
"""What the paper draws anew, in Hugging Face's names."""


def make(directory: Path, *, tied: bool = False, dtype: torch.dtype = torch.float32, **shards: Any) -> Any:
    """A random Qwen2 with grouped heads, no tensor at a trivial value, written by transformers."""
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=48,
        intermediate_size=80,
        num_hidden_layers=2,
        num_attention_heads=6,
        num_key_value_heads=2,
        max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        rms_norm_eps=1e-5,
        tie_word_embeddings=tied,
    )
    torch.manual_seed(0)  # their initialisation knows no other way
    model = Qwen2ForCausalLM(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.to(dtype).save_pretrained(directory, **shards)
    return Qwen2ForCausalLM.from_pretrained(directory, dtype=torch.float32, local_files_only=True).eval()


def loaded(directory: Path, seeds: int = 1) -> StackedDecoder:
    """Our decoder with the checkpoint's weights for every seed, nothing drawn anew."""
    model = Qwen2Settings(checkpoint=str(directory)).resolve()
    assert model.vocabulary is not None
    decoder = StackedDecoder(model, model.vocabulary, seeds, CPU)
    tensors = load_checkpoint(model, decoder.shapes)
    with torch.no_grad():
        for name, tensor in decoder.parameters.items():
            tensor.copy_(tensors[name])
    return decoder


def gradients_in_their_names(decoder: StackedDecoder, gradients: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """Through the writer that the checkpoints go through."""
    assert isinstance(decoder.model, Qwen2Settings)
    holder = StackedDecoder(decoder.model, decoder.vocabulary, 1, CPU)
    with torch.no_grad():
        for name, gradient in zip(holder.parameters, gradients, strict=True):
            holder.parameters[name].copy_(gradient)
    return load(holder.to_base().weights)


@pytest.mark.parametrize("tied", [False, True])
def test_logits_and_gradients_are_theirs(tmp_path: Path, tied: bool) -> None:
    theirs = make(tmp_path, tied=tied)
    assert ("lm_head.weight" in load_file(tmp_path / "model.safetensors")) is not tied
    decoder = loaded(tmp_path)
    tokens_BT = torch.randint(VOCABULARY, (3, 21), generator=torch.Generator().manual_seed(1))
    logits_SBTV = decoder.logits(decoder.hidden(tokens_BT[None]))
    their_logits = theirs(tokens_BT).logits
    torch.testing.assert_close(logits_SBTV[0], their_logits, rtol=1e-5, atol=1e-5)

    def loss(logits_BTV: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits_BTV[:, :-1].flatten(0, 1), tokens_BT[:, 1:].flatten())

    ours = torch.autograd.grad(loss(logits_SBTV[0]), list(decoder.parameters.values()))
    named = gradients_in_their_names(decoder, list(ours))
    if tied:  # one tensor there, two here
        named["model.embed_tokens.weight"] = named["model.embed_tokens.weight"] + named.pop("lm_head.weight")
    loss(their_logits).backward()
    expected = {name: parameter.grad for name, parameter in theirs.named_parameters()}
    assert expected.keys() == named.keys()
    for name, gradient in named.items():
        torch.testing.assert_close(
            gradient, expected[name], rtol=1e-4, atol=1e-6, msg=partial("{}: {}".format, name)
        )


def test_weights_in_bfloat16_and_in_shards_are_loaded(tmp_path: Path) -> None:
    theirs = make(tmp_path, dtype=torch.bfloat16, max_shard_size="20KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    decoder = loaded(tmp_path, seeds=2)
    assert decoder.flat_SP.dtype == torch.float32
    tokens_BT = torch.randint(VOCABULARY, (2, 19), generator=torch.Generator().manual_seed(2))
    expected = theirs(tokens_BT).logits
    logits_SBTV = decoder.logits(decoder.hidden(tokens_BT.expand(2, -1, -1)))
    torch.testing.assert_close(logits_SBTV, expected.expand(2, -1, -1, -1), rtol=1e-5, atol=1e-5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        in_bfloat16 = decoder.logits(decoder.hidden(tokens_BT.expand(2, -1, -1)))[0]
        their_bfloat16 = theirs(tokens_BT).logits
    spread = (their_bfloat16 - expected).abs().max().item()
    assert (in_bfloat16.float() - expected).abs().max().item() < 3 * spread


def test_exactly_the_named_tensors_are_drawn_anew(tmp_path: Path) -> None:
    make(tmp_path, tied=True)
    before = load_file(tmp_path / "model.safetensors")
    before["lm_head.weight"] = before["model.embed_tokens.weight"]
    decoder = loaded(tmp_path, seeds=3)
    assert isinstance(decoder.model, Qwen2Settings)
    decoder.initialise([4, 9, 4], load_checkpoint(decoder.model, decoder.shapes))

    def written(row: int) -> dict[str, torch.Tensor]:
        return load(decoder.to_base(row).weights)

    first, second, again = written(0), written(1), written(2)
    assert {name for name in first if not torch.equal(first[name], before[name])} == REDRAWN
    differing = {name for name in first if not torch.equal(first[name], second[name])}
    assert differing == {name for name in REDRAWN if name.endswith("weight")}
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert decoder.redrawn_digest(0) == decoder.redrawn_digest(2)
    assert decoder.redrawn_digest(0) != decoder.redrawn_digest(1)
    drawn = torch.cat([first[name].flatten() for name in sorted(REDRAWN) if name.endswith("weight")])
    assert drawn.std().item() == pytest.approx(0.02, rel=0.05)
    assert all(torch.count_nonzero(first[name]) == 0 for name in REDRAWN if name.endswith("bias"))


def test_what_is_written_transformers_reads(tmp_path: Path) -> None:
    model = Qwen2Settings(depth=2, heads=4, kv_heads=2, d_model=32, feed_forward=48, rotary_base=777.0)
    decoder = StackedDecoder(model, VOCABULARY, 2, CPU)
    decoder.initialise([3, 5])
    (tmp_path / "model.safetensors").write_bytes(decoder.to_base(1).weights)
    (tmp_path / "config.json").write_bytes(decoder.to_base().config)
    theirs = Qwen2ForCausalLM.from_pretrained(tmp_path, local_files_only=True).eval()
    tokens_BT = torch.randint(VOCABULARY, (2, 17), generator=torch.Generator().manual_seed(3))
    logits = decoder.logits(decoder.hidden(tokens_BT.expand(2, -1, -1)))[1]
    torch.testing.assert_close(logits, theirs(tokens_BT).logits, rtol=1e-5, atol=1e-6)
    back = Qwen2Settings(checkpoint=str(tmp_path)).resolve()
    assert back.model_dump(exclude={"checkpoint", "vocabulary"}) == model.model_dump(
        exclude={"checkpoint", "vocabulary"}
    )


def test_parameters_are_counted(tmp_path: Path) -> None:
    theirs = make(tmp_path)
    model = Qwen2Settings(checkpoint=str(tmp_path)).resolve()
    assert model.parameters(VOCABULARY) == sum(parameter.numel() for parameter in theirs.parameters())
    assert StackedDecoder(model, VOCABULARY, 1, CPU).size == model.parameters(VOCABULARY)


def change_config(**changes: Any) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        path = directory / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return change


def change_tensors(edit: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        tensors = load_file(directory / "model.safetensors")
        edit(tensors)
        save_file(tensors, directory / "model.safetensors")

    return change


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda directory: (directory / "config.json").unlink(), "not a checkpoint: it has no config.json"),
        (lambda directory: (directory / "config.json").write_text("{"), "config.json: not JSON"),
        (change_config(model_type="llama"), "model_type: 'llama' is not 'qwen2'"),
        (change_config(use_sliding_window=True), "use_sliding_window: True is not supported"),
        (lambda directory: (directory / "model.safetensors").unlink(), "it has no model.safetensors"),
        (lambda directory: (directory / "model.safetensors").write_bytes(b"torn"), "damaged or not safetensors"),
        (
            change_tensors(lambda tensors: tensors.pop("model.layers.1.mlp.up_proj.weight")),
            "tensor model.layers.1.mlp.up_proj.weight is missing",
        ),
        (
            change_tensors(lambda tensors: tensors.update({"model.layers.1.mlp.up_proj.bias": torch.zeros(80)})),
            r"tensor model.layers.1.mlp.up_proj.bias is not part of .*'model.layers.1.mlp.up_proj.weight'",
        ),
        (
            change_tensors(lambda tensors: tensors.update({"model.norm.weight": torch.zeros(47)})),
            r"model.norm.weight has the shape \(47,\); its config says \(48,\)",
        ),
    ],
)
def test_a_bad_checkpoint_is_named(tmp_path: Path, damage: Callable[[Path], Any], message: str) -> None:
    make(tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match=message):
        loaded(tmp_path)


def test_a_checkpoint_that_is_nowhere_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"nowhere/here/model: not a directory, nor the name of a model"):
        Qwen2Settings(checkpoint="nowhere/here/model").resolve()
    with pytest.raises(InputError, match=r"someone/some-model: no such directory, and it does not come from"):
        Qwen2Settings(checkpoint="someone/some-model").resolve()


def test_sizes_that_contradict_the_checkpoint_are_refused(tmp_path: Path) -> None:
    make(tmp_path)
    with pytest.raises(InputError, match="depth: 3 is not the checkpoint's 2; leave it out"):
        Qwen2Settings(checkpoint=str(tmp_path), depth=3).resolve()


def test_the_identity_of_a_checkpoint_is_its_content(tmp_path: Path) -> None:
    make(tmp_path / "a")
    make(tmp_path / "b")
    (tmp_path / "c").mkdir()
    make(tmp_path / "c", tied=True)
    a, b, c = (Qwen2Settings(checkpoint=str(tmp_path / name)).resolve().identity() for name in "abc")
    assert a == b
    assert a["checkpoint"] != c["checkpoint"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kv_heads": 3}, "kv_heads: 3 does not divide the 4 heads"),
        ({"d_model": 20}, "head_dim: 5 is odd"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(changes: dict[str, int], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Qwen2Settings(**{"depth": 1, "heads": 4, "kv_heads": 2, "d_model": 32, "feed_forward": 48} | changes)
