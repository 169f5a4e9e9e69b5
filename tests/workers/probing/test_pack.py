"""Seeds are stacked as far as memory goes, whatever their files are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import seedsweep
from seedsweep.errors import InputError
from seedsweep.probed import ProbePlan
from seedsweep.workers.dialects.gpt_neox_files import read_config
from seedsweep.workers.probing import pack
from seedsweep.workers.probing.checkpoints import find_checkpoints
from seedsweep.workers.probing.measure import measure
from seedsweep.workers.probing.pack import Pack
from tests.workers.probing.conftest import (
    WORDS,
    prompts_of,
    random_decoder,
    rows_of,
    save,
    word_level,
)


def test_seeds_that_do_not_fit_are_split_and_one_that_does_not_is_refused(
    some: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[ProbePlan] = []
    config = read_config(some / "small/seed0/step0")
    one = pack.seed_bytes(config, 64 * 51)
    monkeypatch.setattr(pack, "free_memory", lambda: round(2.5 * one / pack.SHARE))
    seedsweep.probe(some, tmp_path / "p.csv", on_plan=plans.append)
    assert [(plan.missing, plan.packs, plan.seeds) for plan in plans] == [(6, 4, 2)]
    monkeypatch.setattr(pack, "free_memory", lambda: round(0.5 * one / pack.SHARE))
    with pytest.raises(InputError, match=r"a model of 33664 parameters takes .* use a machine with more"):
        seedsweep.probe(some, tmp_path / "q.csv")


def test_a_pack_is_used_again_for_fewer_seeds(some: Path, tmp_path: Path) -> None:
    """Its rows then are of those seeds alone."""
    config = read_config(some / "small/seed0/step0")
    checkpoints = find_checkpoints(some)
    room = Pack(config, 3, torch.device("cpu"))
    room.load(checkpoints[:3])
    decoder, read_, refused = room.load(checkpoints[4:])
    assert ([one.seed for one in read_], refused) == ([1, 2], {})
    assert len(decoder.parameters["embed_VD"]) == 2
    prompts = prompts_of(some / "small", "copy")
    alone = Pack(config, 1, torch.device("cpu")).load(checkpoints[4:5])[0]
    assert measure(decoder, prompts, len(WORDS))[0] == measure(alone, prompts, len(WORDS))[0]


def test_shards_and_half_precision_are_the_same_rows(tmp_path: Path) -> None:
    decoder = random_decoder(1)
    with torch.no_grad():
        decoder.flat_SP.copy_(decoder.flat_SP.half().float())
    for model, more in {"whole": {}, "shards": {"max_shard_size": "30KB"}}.items():
        save(decoder, 0, tmp_path / "all" / model / "0" / "step5", **more)
    for file in (tmp_path / "all" / "whole").rglob("*.safetensors"):
        save_file({name: tensor.half() for name, tensor in load_file(file).items()}, file)
    word_level().save(str(tmp_path / "all" / "tokenizer.json"))
    seedsweep.probe(tmp_path / "all", tmp_path / "p.csv")
    rows = rows_of(tmp_path / "p.csv")
    shards, whole = rows[:4], rows[4:]
    assert [r | {"model": ""} for r in shards] == [r | {"model": ""} for r in whole]
