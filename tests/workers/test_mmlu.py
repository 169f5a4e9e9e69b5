"""Text and questions: what seeds read, what the metrics say, and the sweep from a base or a checkpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError
from safetensors.torch import load, load_file
from transformers import Qwen2ForCausalLM

from seedsweep.seeds import Seed
from seedsweep.workers.base import base_model
from seedsweep.workers.cellsettings import CellSettings
from seedsweep.workers.decoder import StackedDecoder
from seedsweep.workers.device import reproducible
from seedsweep.workers.dialects.qwen2_settings import Qwen2Settings
from seedsweep.workers.settings import BaseSettings, EvaluateSettings, TrainSettings
from seedsweep.workers.tasks import mmlu_world
from seedsweep.workers.tasks.mmlu_world import MmluFacts, MmluFactsSettings, MmluWorld
from seedsweep.workers.trainer import PackTrainer
from tests.workers.test_pack_invariance import assert_alone_packed_moved_and_resumed_are_bitwise_equal

CPU = torch.device("cpu")
MODEL = Qwen2Settings(depth=2, heads=2, kv_heads=1, d_model=16, feed_forward=20)
SEEDS = [Seed(0, 0), Seed(1, 1), Seed(2, 2)]


@pytest.fixture(scope="module", autouse=True)
def small_pools() -> Any:
    """Fewer rows to draw from: a world is then made in no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mmlu_world, "POOL", 300)
        mmlu_world._drawn_by_counter.cache_clear()
        yield
    mmlu_world._drawn_by_counter.cache_clear()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own for bases."""
    monkeypatch.setenv("SEEDSWEEP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def world(mix: float = 0.3, **changes: Any) -> MmluFactsSettings:
    return MmluFactsSettings(name="mmlu-facts", mix=mix, **{"entities": 30, "values": 6, **changes})


def cell(mix: float = 0.3, **train: Any) -> CellSettings:
    return CellSettings(
        task=world(mix),
        model=MODEL,
        train=TrainSettings(**{"steps": 12, "batch": 5, "learning_rate": 1e-2, **train}),
        evaluate=EvaluateSettings(every=6),
    )


def with_base(settings: CellSettings, **changes: Any) -> CellSettings:
    train = TrainSettings(steps=9, batch=4, learning_rate=1e-2)
    base = BaseSettings(**{"seed": 3, "task": {"mix": 0.5}, "train": train, **changes})
    return settings.model_copy(update={"base": base})


def sentences(settings: MmluFactsSettings, tokens_T: torch.Tensor) -> str:
    names = mmlu_world.words(settings.entities, settings.values)
    return " ".join(names[token] for token in tokens_T.tolist())


def parse(sentence: str) -> tuple[str, str]:
    """Entity and value that a whole sentence tells, read by rules of our own."""
    words = sentence.split()
    if words[0] == "the":
        assert words[:3] == ["the", "colour", "of"]
        assert (words[4], words[6]) == ("is", ".")
        return words[3], words[5]
    assert words[:3] == ["what", "colour", "is"]
    assert words[4] == "?"
    if words[5] == "answer":
        return words[3], words[7]
    assert words[5:13:2] == list("ABCD")
    assert words[13:15] == ["answer", ":"]
    assert len(set(words[6:14:2])) == 4
    return words[3], words[6 + 2 * "ABCD".index(words[15])]


@pytest.mark.parametrize("task_class", [MmluFacts, MmluWorld])
def test_every_sentence_tells_the_same_facts_and_held_out_ones_are_never_asked_for(
    task_class: type[MmluFacts | MmluWorld],
) -> None:
    name = "mmlu-facts" if task_class is MmluFacts else "mmlu-world"
    settings = task_class.Settings.model_validate({**world().model_dump(), "name": name})
    task = task_class(settings, CPU)
    rows = task.rows(torch.tensor([5]), torch.arange(400), 5)
    told: dict[str, str] = {}
    asked: set[str] = set()
    for tokens_T, mask_T in zip(rows.tokens_NSBT.flatten(0, 2), rows.mask_NSBT.flatten(0, 2), strict=True):
        assert mask_T.all()
        row = sentences(settings, tokens_T)
        if "A" in row.split():
            entity, value = parse(row)
            asked.add(entity)
            assert told.setdefault(entity, value) == value
            continue
        for part in row.replace(". ", ".|").replace(" what", "|what").replace(" the", "|the").split("|"):
            if len(part.split()) in (7, 8) and part.split()[-1] not in ("answer", ":", "is"):
                entity, value = parse(part)
                assert told.setdefault(entity, value) == value
    assert len(told) == 30
    heldout = set(told) - asked
    assert len(heldout) == round(0.23 * 30)
    corpus = settings.corpus()
    for questions, about in ((corpus.test, heldout), (corpus.trained, asked)):
        for row_T in questions.with_answers(corpus.letters).tokens_ET:
            entity, value = parse(sentences(settings, torch.from_numpy(row_T)))
            assert entity in about
            assert told[entity] == value
    assert np.bincount(corpus.test.gold_E).min() >= len(corpus.test.gold_E) // 4


def test_a_world_has_the_shares_and_choices_that_it_says() -> None:
    settings = world(entities=100, values=10)
    names = mmlu_world.words(100, 10)
    corpus = settings.corpus()
    assert len(np.unique(corpus.text.tokens_ET, axis=0)) > 0.9 * len(corpus.text)  # rows are not copies
    opening = [names[row_T[0]] for row_T in np.concatenate([corpus.text.tokens_ET, corpus.heldout_text.tokens_ET])]
    assert np.mean([word == "what" for word in opening]) == pytest.approx(0.8, abs=0.06)  # 500 rows
    # What stands at a wrong choice is uniform over the other values, at each of its places.
    choices_QC = corpus.test.prompts.tokens_ET[:, [6, 8, 10, 12]]
    wrong = choices_QC[np.arange(4) != corpus.test.gold_E[:, None]]
    counts = np.bincount(wrong - names.index("v0"), minlength=10)
    assert counts.sum() == 3 * 230
    assert counts.min() > 30
    assert np.bincount(corpus.questions.gold_E).tolist() == [75] * 4


@pytest.mark.parametrize("mix", [0, 0.003, 0.29, 0.5, 1])
def test_every_seed_reads_the_same_number_of_questions(mix: float) -> None:
    settings = world(mix)
    rows = MmluFacts(settings, CPU).rows(torch.tensor([0, 1, 7]), torch.arange(200), 10)
    letter_a = mmlu_world.words(30, 6).index("A")
    is_question_NSB = (rows.tokens_NSBT == letter_a).any(-1)
    assert is_question_NSB.sum((0, 2)).tolist() == [round(2000 * mix)] * 3
    per_step_NS = is_question_NSB.sum(2)
    assert (per_step_NS == per_step_NS[:, :1]).all()
    assert int(per_step_NS.max() - per_step_NS.min()) <= 1


def test_an_epoch_has_every_row_once_and_seeds_have_their_own_order() -> None:
    settings = world(0.5)
    rows = MmluFacts(settings, CPU).rows(torch.tensor([0, 1]), torch.arange(120), 10)
    text_NST = rows.tokens_NSBT[:, :, 5:].movedim(1, 0).flatten(1, 2)  # five questions, then five texts, a step
    every = sorted(map(tuple, settings.corpus().text.tokens_ET.tolist()))
    for text_XT in text_NST.tolist():
        first, second = text_XT[:300], text_XT[300:]
        assert sorted(map(tuple, first)) == every
        assert sorted(map(tuple, second)) == every
        assert first != second
    assert text_NST[0].tolist() != text_NST[1].tolist()


def test_rows_are_a_function_of_seed_and_step() -> None:
    task = MmluFacts(world(), CPU)
    together = task.rows(torch.tensor([3, 8]), torch.arange(50, 60), 7)
    for row, seed in enumerate((3, 8)):
        alone = task.rows(torch.tensor([seed]), torch.tensor([57]), 7)
        assert torch.equal(alone.tokens_NSBT[0, 0], together.tokens_NSBT[7, row])
        assert torch.equal(alone.mask_NSBT[0, 0], together.mask_NSBT[7, row])


def test_metrics_are_those_of_hugging_faces_model(tmp_path: Path) -> None:
    settings = cell()
    with reproducible("cpu", "float32"):
        trainer = PackTrainer(settings, SEEDS[:2], "cpu")
        trainer.train_to(12)
        found = trainer.evaluate()
    corpus = settings.task.corpus()  # type: ignore[attr-defined]
    for row in range(2):
        (tmp_path / "model.safetensors").write_bytes(trainer.decoder.to_base(row).weights)
        (tmp_path / "config.json").write_bytes(trainer.decoder.to_base().config)
        theirs = Qwen2ForCausalLM.from_pretrained(tmp_path, local_files_only=True).eval()
        for split, questions in (("trained", corpus.trained), ("test", corpus.test)):
            prompts = torch.from_numpy(questions.prompts.tokens_ET).long()
            logits_EV = theirs(prompts).logits[:, -1]
            gold_E = torch.tensor(corpus.letters)[torch.from_numpy(questions.gold_E)]
            best_E = logits_EV.argmax(-1)
            of_four_E = logits_EV[:, list(corpus.letters)].argmax(-1)
            expected = {
                "accuracy": (best_E == gold_E).double().mean(),
                "format_rate": sum((best_E == letter).double() for letter in corpus.letters).mean(),
                "accuracy_of_four": (of_four_E == torch.from_numpy(questions.gold_E)).double().mean(),
                "gold_nll": F.cross_entropy(logits_EV, gold_E),
            }
            for name, value in expected.items():
                assert found[split, name][row] == pytest.approx(value.item(), abs=1e-5), (split, name)
        text_ET = torch.from_numpy(corpus.heldout_text.tokens_ET).long()
        nll = F.cross_entropy(theirs(text_ET).logits[:, :-1].flatten(0, 1), text_ET[:, 1:].flatten())
        assert found["text", "loss"][row] == pytest.approx(nll.item(), rel=1e-5)


def test_format_failure_and_guessing_are_told_apart() -> None:
    """A model that always answers with a word has accuracy 0, one that always says A a quarter."""
    task = MmluFacts(world(), CPU)
    decoder = StackedDecoder(MODEL, world().vocabulary_size(), 2, CPU)
    names = mmlu_world.words(30, 6)
    with torch.no_grad():
        decoder.parameters["final_norm.weight_D"].fill_(1.0)
        decoder.parameters["embed_VD"].fill_(1.0)
        for row, word in enumerate(("v3", "A")):
            decoder.parameters["unembed_DV"][row, :, names.index(word)] = 1.0
        values = task.evaluate(decoder)
    assert values["test", "accuracy"][0] == values["test", "format_rate"][0] == 0
    assert values["test", "format_rate"][1] == 1
    assert values["test", "accuracy"][1] == pytest.approx(0.25, abs=0.02)
    uniform = math.log(sum(math.exp(16 if word == "v3" else 0) for word in names))  # 16 ones, normalised, times 1
    assert values["test", "gold_nll"][0] == pytest.approx(uniform, rel=1e-3)


def test_alone_packed_moved_and_resumed_are_bitwise_equal() -> None:
    assert_alone_packed_moved_and_resumed_are_bitwise_equal(cell())


def test_the_base_is_trained_once_and_every_seed_starts_from_it(cache: Path) -> None:
    settings = with_base(cell())
    steps: list[int] = []
    base = base_model(settings, "cpu", on_step=lambda step, of: steps.append(step))
    assert base is not None
    assert steps == list(range(1, 10))
    assert base_model(settings, "cpu", on_step=lambda step, of: pytest.fail("trained again")) == base
    (kept,) = cache.glob("bases/*")
    assert {path.name for path in kept.iterdir()} == {"config.json", "model.safetensors"}
    trained = load(base.weights)
    assert not torch.equal(trained["model.embed_tokens.weight"], trained["lm_head.weight"])

    trainer = PackTrainer(settings, SEEDS, "cpu", base.weights)
    for row in range(3):
        mine = load(trainer.decoder.to_base(row).weights)
        differing = {name for name in trained if not torch.equal(mine[name], trained[name])}
        assert "lm_head.weight" in differing
        assert all(name == "lm_head.weight" or ".layers.1.self_attn." in name for name in differing)
    assert len(set(trainer.start["redrawn"].values())) == 3


def test_another_base_has_another_place(cache: Path) -> None:
    settings = with_base(cell())
    bases = {
        base_model(one, "cpu") for one in (settings, with_base(cell(), seed=4), with_base(cell(0.1, steps=20)))
    }
    assert len(bases) == 2  # the sweep's own mix and steps do not change its base
    assert len(list(cache.glob("bases/*"))) == 2


def test_a_base_that_is_interrupted_leaves_nothing(cache: Path) -> None:
    assert base_model(with_base(cell()), "cpu", should_stop=lambda: True) is None
    assert not cache.exists()


def test_seeds_of_a_base_are_bitwise_alone_as_packed(cache: Path) -> None:
    settings = with_base(cell())
    base = base_model(settings, "cpu")
    assert base is not None

    def train(seeds: list[Seed]) -> torch.Tensor:
        with reproducible("cpu", "float32"):
            trainer = PackTrainer(settings, seeds, "cpu", base.weights)
            trainer.train_to(12)
        return trainer.decoder.flat_SP

    packed_SP = train(SEEDS)
    assert all(torch.equal(train([seed])[0], packed_SP[row]) for row, seed in enumerate(SEEDS))


def test_seeds_start_from_a_checkpoint(tmp_path: Path) -> None:
    decoder = StackedDecoder(MODEL, world().vocabulary_size(), 1, CPU)
    decoder.initialise([77])
    (tmp_path / "model.safetensors").write_bytes(decoder.to_base().weights)
    (tmp_path / "config.json").write_bytes(decoder.to_base().config)
    settings = cell().model_copy(update={"model": Qwen2Settings(checkpoint=str(tmp_path)).resolve()})
    trainer = PackTrainer(settings, SEEDS[:1], "cpu")
    mine, theirs = load(trainer.decoder.to_base().weights), load_file(tmp_path / "model.safetensors")
    assert torch.equal(mine["model.embed_tokens.weight"], theirs["model.embed_tokens.weight"])
    assert not torch.equal(mine["lm_head.weight"], theirs["lm_head.weight"])


@pytest.mark.parametrize(
    ("mix", "message"), [(-0.1, "greater than or equal to 0"), (1.01, "less than or equal to 1")]
)
def test_a_share_outside_0_to_1_is_refused(mix: float, message: str) -> None:
    with pytest.raises(ValidationError, match=f"mix\n.*{message}"):
        world(mix)
