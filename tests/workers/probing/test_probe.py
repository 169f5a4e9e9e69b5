"""The rows of a ladder that was trained here say what `transformers` computes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import GPTNeoXForCausalLM

import seedsweep
from seedsweep.probed import ProbePlan
from seedsweep.workers.dialects.attention import Attention, read
from seedsweep.workers.probing import ladder as going
from seedsweep.workers.probing.measure import measure
from seedsweep.workers.probing.table import SCHEMA
from tests.workers.probing.conftest import (
    ALL,
    PADDED,
    SEEDS,
    STEPS,
    WORDS,
    prompts_of,
    random_decoder,
    rows_of,
)


def test_a_row_for_every_seed_step_and_probe(probed: Path) -> None:
    assert pq.read_schema(probed).remove_metadata() == SCHEMA
    rows = rows_of(probed)
    keys = {(row["model"], row["seed"], row["step"], row["probe"]) for row in rows}
    assert keys == {("small", seed, step, probe) for seed in SEEDS for step in STEPS for probe in ALL}
    for row in rows:
        assert (row["init_seed"], row["data_seed"], row["prompt_seed"], row["bos"]) == (
            row["seed"],
            row["seed"],
            0,
            True,
        )
        assert row["tokens_seen"] == 816 * row["step"]
        assert row["parameters"] == 2 * PADDED * 32 + 2 * (12 * 32 * 32 + 13 * 32) + 2 * 32
        assert row["n"] == (64 * 24 if row["probe"] == "repeat" else 64)


def curve(path: Path, probe: str, metric: str, seed: int) -> list[float]:
    return [row[metric] for row in rows_of(path) if (row["probe"], row["seed"]) == (probe, seed)]


@pytest.mark.parametrize("seed", SEEDS)
def test_repetition_is_learnt_and_indirect_objects_are_not(probed: Path, seed: int) -> None:
    """It was trained on the one, never saw the other."""
    accuracy, gain, matching = (
        curve(probed, "repeat", name, seed) for name in ("accuracy", "gain", "prefix_matching")
    )
    assert accuracy[0] < 0.05
    assert accuracy[-1] > 0.9
    assert abs(gain[0]) < 0.05
    assert gain[-1] > 3
    assert matching[0] < 0.05
    assert matching[-1] > 0.3
    assert max(curve(probed, "ioi", "accuracy", seed)) < 0.25
    assert max(curve(probed, "ioi", "p", seed)) < 0.1


def test_weights_as_initialised_guess(probed: Path) -> None:
    """Among the words of the tokenizer; the padding of the embedding is none of them."""
    for row in rows_of(probed):
        if row["step"] == 0:
            assert row["p"] == pytest.approx(1 / len(WORDS), rel=0.05)
            assert row["nll"] == pytest.approx(math.log(len(WORDS)), rel=0.02)
        if (row["step"], row["probe"]) == (0, "repeat"):
            assert row["rank"] == pytest.approx((len(WORDS) + 1) / 2, rel=0.1)
            assert row["accuracy"] < 0.05


@pytest.mark.parametrize("probe", ALL)
def test_every_metric_is_what_transformers_computes(ladder: Path, probed: Path, probe: str) -> None:
    prompts = prompts_of(ladder, probe)
    theirs = GPTNeoXForCausalLM.from_pretrained(
        ladder / "small" / "1" / f"step{STEPS[-1]}", local_files_only=True, attn_implementation="eager"
    ).eval()
    with torch.no_grad():
        told = theirs(torch.from_numpy(prompts.tokens_BT), output_attentions=True)
    logp_BTV = told.logits[..., : len(WORDS)].double().log_softmax(-1).numpy()
    places_LBHTT = torch.stack(told.attentions).double().numpy()
    found: dict[str, list[float]] = {name: [] for name in ("accuracy", "p", "nll", "rank", "difference", "first")}
    attention_LH, matching_LH = np.zeros((2, 4)), np.zeros((2, 4))
    for b, (queries, wanted) in enumerate(zip(prompts.query_BQ, prompts.answer_BQ, strict=True)):
        for q, (query, answer) in enumerate(zip(queries, wanted, strict=True)):
            logp = logp_BTV[b, query]
            found["accuracy"].append(float(logp.argmax() == answer))
            found["p"].append(math.exp(logp[answer]))
            found["nll"].append(-logp[answer])
            found["rank"].append(int((-logp).argsort().tolist().index(answer)) + 1)
            if prompts.rival_BQ is not None:
                found["difference"].append(logp[answer] - logp[prompts.rival_BQ[b, q]])
            if prompts.first_BQ is not None:
                found["first"].append(-logp_BTV[b, prompts.first_BQ[b, q], answer])
            before = [t for t in range(query + 1) if prompts.tokens_BT[b, t] == answer]
            looked_LH = places_LBHTT[:, b, :, query][..., before].sum(-1)
            matching_LH += looked_LH / prompts.answer_BQ.size
            if q == len(queries) - 1:
                attention_LH += looked_LH / len(prompts.answer_BQ)
    (row,) = (r for r in rows_of(probed) if (r["step"], r["seed"], r["probe"]) == (STEPS[-1], 1, probe))
    for name in ("accuracy", "p", "nll", "rank"):
        assert row[name] == pytest.approx(np.mean(found[name]), rel=1e-5), name
    expected = {
        "logit_difference": np.mean(found["difference"]) if probe == "ioi" else None,
        "gain": np.mean(found["first"]) - row["nll"] if probe == "repeat" else None,
        "attention": None if probe == "list" else attention_LH.max(),
        "prefix_matching": matching_LH.max() if probe == "repeat" else None,
    }
    for name, value in expected.items():
        assert row[name] == (value if value is None else pytest.approx(value, rel=1e-4)), name


class OwnPattern(Attention):
    """What heads read with the pattern that they have anyway, put in its place."""

    def __call__(self, layer: int, q_NHTK: Tensor, k_NHTK: Tensor, v_NHTK: Tensor) -> Tensor:
        return read(self.shares(layer, q_NHTK, k_NHTK), v_NHTK)


@pytest.mark.parametrize("probe", ALL)
def test_a_model_patched_with_its_own_pattern_is_unchanged(ladder: Path, probe: str) -> None:
    prompts, decoder = prompts_of(ladder, probe), random_decoder(2)
    plain, patched = (
        measure(each, prompts, len(WORDS)) for each in (decoder, decoder.with_attention(OwnPattern()))
    )
    for one, other in zip(plain, patched, strict=True):
        assert one == {name: pytest.approx(value, rel=1e-5, abs=1e-6) for name, value in other.items()}


def test_seeds_are_the_same_alone_and_packed(
    ladder: Path, probed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(going, "seeds_at_once", lambda *_: 2)
    plans: list[ProbePlan] = []
    seedsweep.probe(ladder, tmp_path / "p.parquet", suite=ALL, tokens_per_step=816, on_plan=plans.append)
    assert rows_of(tmp_path / "p.parquet") == rows_of(probed)
    assert [(plan.packs, plan.seeds) for plan in plans] == [(16, 2)]


def test_a_diverged_seed_harms_no_other(some: Path, probed: Path, tmp_path: Path) -> None:
    file = some / f"small/seed1/step{STEPS[-1]}/model.safetensors"
    tensors = load_file(file)
    tensors["gpt_neox.layers.0.mlp.dense_4h_to_h.bias"][3] = math.nan
    save_file(tensors, file)
    path = tmp_path / "p.csv"
    seedsweep.probe(some, path, suite=["repeat"], tokens_per_step=816)
    whole = {(r["step"], r["seed"]): r for r in rows_of(probed) if r["probe"] == "repeat"}
    for row in rows_of(path):
        if (row["step"], row["seed"]) == (STEPS[-1], 1):
            assert all(math.isnan(row[name]) for name in ("accuracy", "p", "nll", "rank", "gain", "attention"))
        else:
            assert row == whole[row["step"], row["seed"]]
    final = seedsweep.read_table(path, scale="parameters", seed="seed", step="step", metric="accuracy").final(
        "accuracy", "all rows"
    )
    assert np.isnan(final.values).tolist() == [[False, True, False]]
    assert final.present.all()
