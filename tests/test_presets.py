"""Every preset is a valid spec that says what it is."""

from __future__ import annotations

import pytest

from seedsweep.sweep.presets import list_presets, preset_text
from seedsweep.sweep.specfile import read_spec
from tests.kinds import read_engine_spec

NAMES = [preset.name for preset in list_presets()]


def test_there_are_presets() -> None:
    ladders = {f"paper/{task}-{axis}" for task in ("count", "addition") for axis in ("depth", "width")}
    assert {"pocket/count-depth"} | ladders <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_reads_and_has_a_title(name: str) -> None:
    assert preset_text(name).startswith("# ")
    named = read_spec(name)
    assert named.name == name
    assert tuple(named.spec.recipes) == named.spec.scale.values


def test_the_papers_numbers_for_count() -> None:
    """arXiv 2502.17356, section 2 of the facts: what a preset under paper/ may not change by accident."""
    width = read_engine_spec("paper/count-width")
    assert {heads: recipe.settings.model.width for heads, recipe in width.recipes.items()} == {
        heads: 64 * heads for heads in width.scale.values
    }
    assert width.recipes[1].settings.model.parameters(154) == 219_776
    depth = read_engine_spec("paper/count-depth")
    assert depth.recipes[4].settings.model.parameters(154) == 12_768_256
    for spec in (width, depth):
        assert (spec.train.steps, spec.train.batch, spec.task.tokens_per_row()) == (10_000, 128, 256)
        assert len(spec.seeds.pairs()) == 250
        assert [split.examples for split in spec.task.splits()] == [121, 91]
        assert spec.success.at_least == 0.5


def test_the_papers_numbers_for_the_linear_map_and_automata() -> None:
    """arXiv 2606.25010, as quoted in the facts: one layer or four, d 128, 8 heads, 10,000 steps."""
    for axis in ("heads", "context", "density"):
        spec = read_engine_spec(f"paper/linear-map-{axis}")
        cells = [recipe.settings for recipe in spec.recipes.values()]
        assert {(cell.model.depth, cell.model.width, cell.train.steps) for cell in cells} == {(1, 128, 10_000)}
        assert {cell.batch * cell.task.tokens_per_row() // 1000 for cell in cells} == {8}
        base = {"bits": 16, "ones": 3}.items()  # where the ladders cross
        assert any(cell.model.heads == 8 and base <= cell.task.model_dump().items() for cell in cells)
    for axis in ("heads", "context", "window", "tables"):
        spec = read_engine_spec(f"paper/automata-{axis}")
        cells = [recipe.settings for recipe in spec.recipes.values()]
        assert {(cell.model.depth, cell.model.width, cell.train.steps) for cell in cells} == {(4, 128, 10_000)}
        assert {cell.batch * cell.task.tokens_per_row() for cell in cells} == {32_768}
        assert {cell.task.vocabulary_size() for cell in cells} == {4}


def test_the_papers_numbers_for_addition() -> None:
    width, depth = read_engine_spec("paper/addition-width"), read_engine_spec("paper/addition-depth")
    assert [width.recipes[heads].settings.model.width for heads in (1, 2, 4, 8)] == [64, 128, 256, 512]
    assert {width.recipes[heads].settings.model.depth for heads in width.scale.values} == {6}
    assert {1, 2, 3, 4} <= set(depth.scale.values)
    assert {depth.recipes[layers].settings.model.width for layers in depth.scale.values} == {512}
    assert width.recipes[8].settings == depth.recipes[6].settings  # where the ladders cross
    for spec in (width, depth):
        task = spec.task
        assert task.model_dump(include={"train_lengths", "test_lengths", "hints"}) == {
            "train_lengths": (1, 35), "test_lengths": (40,), "hints": 102
        }  # fmt: skip
        assert task.vocabulary_size() == 10 + 102 + 5
        assert (spec.train.steps, spec.train.batch, task.tokens_per_row()) == (30_000, 64, 512)
        assert (spec.train.weight_decay, spec.train.schedule) == (0, "cosine")
        assert len(spec.seeds.pairs()) == 200
        assert {split.name: split.examples for split in task.splits()} == {
            "digits-35": 64_000,
            "digits-40": 64_000,
        }
        assert (spec.success.metric, spec.success.split, spec.success.at_least) == (
            "exact_match",
            "digits-40",
            0.2,
        )


def test_the_papers_numbers_for_question_formation() -> None:
    mix = read_engine_spec("paper/question-formation-mix")
    depth = read_engine_spec("paper/question-formation-depth")
    assert [depth.recipes[value].settings.model.depth for value in depth.scale.values] == [3, 4, 5, 6]
    assert [mix.recipes[value].settings.task.model_dump()["mix"] for value in (0, 0.1, 1)] == [0, 0.1, 1]
    for spec in (mix, depth):
        cell = spec.recipes[spec.scale.values[-1]].settings
        assert (cell.model.depth, cell.model.width, cell.model.heads) == (6, 512, 8)
        assert (spec.train.steps, spec.train.batch, spec.train.warmup) == (600_000, 8, 10_000)
        assert (spec.train.schedule, spec.train.adam_epsilon, spec.train.weight_decay) == ("linear", 1e-7, 0)
        assert len(spec.seeds.pairs()) == 80
        assert [split.examples for split in spec.task.splits()] == [4_100, 10_000]
        assert spec.task.model_dump()["types"] == "original"


def test_the_papers_numbers_for_mmlu() -> None:
    for name, parameters, epochs in (("0.5b", 494_032_768, 2), ("1.5b", 1_543_714_304, 5)):
        spec = read_engine_spec(f"paper/mmlu-{name}-mix")
        cell = spec.recipes[0.05].settings
        untied = cell.model.parameters(cell.vocabulary_size)
        assert untied - cell.vocabulary_size * cell.model.width == parameters  # as the model card says, tied
        assert {0.05, 0.1} <= set(spec.scale.values)
        assert spec.train.steps * cell.batch == pytest.approx(epochs * 99_842, rel=1e-3)
        assert (spec.train.learning_rate, spec.train.schedule) == (1e-5, "linear")
        assert [split.examples for split in spec.task.splits()] == [14_042, 14_042]
        assert len(spec.seeds.pairs()) == 80


@pytest.mark.parametrize(
    ("name", "fingerprint"),
    [
        ("pocket/count-depth", "138be3621424bcf8"),
        ("paper/count-depth", "197fede761f4038d"),
        ("paper/count-width", "2b2ab248a1f5d3ff"),
        ("paper/addition-depth", "c9ec1c2f0410f3fe"),
        ("paper/addition-width", "02f868ce8bbad03f"),
    ],
)
def test_sweeps_of_the_first_presets_go_on(name: str, fingerprint: str) -> None:
    """Fingerprints under engine 1, written down before the spec got any field more."""
    assert read_spec(name).spec.fingerprint() == fingerprint
