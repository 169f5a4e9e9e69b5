"""What researchers mistype, and the one line that they get for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seedsweep.errors import InputError
from seedsweep.sweep import presets
from seedsweep.sweep.presets import list_presets, preset_text
from seedsweep.sweep.specfile import read_spec
from tests.kinds import read_engine_spec
from tests.sweep.conftest import SPEC


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the small sweep as `x.yaml`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(SPEC)
    return tmp_path


def refusal(text: str = SPEC, **changes: object) -> str:
    Path("x.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        read_spec("x.yaml", **changes)  # type: ignore[arg-type]
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("heads:", "head:", "x.yaml: model.head: unknown key (did you mean 'heads'?) (and 1 more)"),
        ("task:", "tsk:", "x.yaml: tsk: unknown key (did you mean 'task'?) (and 1 more)"),
        ("test_lengths:", "test_length:", "x.yaml: task.test_length: unknown key (did you mean 'test_lengths'?)"),
        ("batch: 4, ", "", "x.yaml: train.batch: is missing"),
        ("steps: 6", "steps: abc", "x.yaml: train.steps: 'abc' is not a whole number"),
        ("steps: 6", "steps: 2.5", "x.yaml: train.steps: 2.5 is not a whole number"),
        ("steps: 6", "steps: true", "x.yaml: train.steps: true is not a number"),
        ("steps: 6", 'steps: "6"', "x.yaml: train.steps: '6' is a text, not a number; write it without quotes"),
        ("steps: 6", "steps: 0", "x.yaml: train.steps: 0 is out of range; give at least 1"),
        ("1.0e-2", "x", "x.yaml: train.learning_rate: 'x' is not a number"),
        ("at_least: 0.5", "at_least: .inf", "x.yaml: success.at_least: Infinity is not a finite number"),
        ("gpt-neox", "gpt-2", "x.yaml: model.dialect: 'gpt-2' is not one of 'attention-only', 'gpt-neox'"),
        (
            "gpt-neox",
            "post-lm",
            "'gpt-neox', 'mixer', 'post-ln', 'pre-ln', 'qwen2' (did you mean 'post-ln'?)",
        ),
        ("gpt-neox", "3", "x.yaml: model.dialect: 3 is not one of 'attention-only', 'gpt-neox'"),
        ("head_dim: 8", "head_dim: 8, dropout: 0.1", "x.yaml: model.dropout: unknown key"),
        (
            "head_dim: 8",
            "head_dim: 8, rotary_fration: 1",
            "x.yaml: model.rotary_fration: unknown key (did you mean",
        ),
        ("head_dim: 8", "head_dim: 0", "x.yaml: model.head_dim: 0 is out of range; give at least 1"),
        ("model: {", "model: 3 # {", "x.yaml: model: 3 is not a section with keys of its own"),
        ("pack: 2", "pack: two", "x.yaml: execution.pack: 'two' is neither a whole number nor 'auto'"),
        (
            "device: cpu",
            "device: cudda",
            "x.yaml: execution.device: 'cudda' is not one of 'auto', 'cpu', 'cuda' (did",
        ),
        ("head_dim: 8", "d_model: 17", "x.yaml: model: d_model 17 is not divisible by heads 2"),
        ("seeds: 0:4", "seeds: 4:0", "x.yaml: seeds: range 4:0 is reversed; write 0:4"),
        ("seeds: 0:4", "seeds: []", "x.yaml: seeds: no seeds given"),
        ("seeds: 0:4", "seeds: 3:3", "x.yaml: seeds: range 3:3 is empty"),
        ("seeds: 0:4", "seeds: [1, 1]", "x.yaml: seeds: seed 1 is given twice"),
        ("name: count", "name: cuont", "x.yaml: task: unknown task 'cuont' (did you mean 'count'?)"),
        ("[5]", "[50]", "x.yaml: task.test_lengths: 50 is over the vocabulary of 12 integers"),
        ("[5]", "[a]", "x.yaml: task.test_lengths[0]: 'a' is not a whole number"),
        ("[1, 2]", "[1, 1]", "x.yaml: scale.values: value 1 is given twice"),
        ("[1, 2]", "[1, 2.5]", "x.yaml: scale.values: model.depth = 2.5 cannot be"),
        (
            "model.depth",
            "model.dept",
            "x.yaml: scale.field: 'model.dept' is not a numeric field of task, model, train or start",
        ),
        ("length-5", "length-9", "x.yaml: success.split: 'length-9' is not a split of this task"),
        ("exact_match", "exact", "x.yaml: success.metric: 'exact' is not a metric of this task (did you mean"),
        ("train: {", "train: 3 # {", "x.yaml: train: 3 is not a section with keys of its own"),
        ("seeds: 0:4", "seeds: 0:4\nseeds: 0:5", 'x.yaml line 7: not YAML: found duplicate key "seeds"'),
        ("head_dim: 8}", "head_dim: 8", "not YAML"),
        (SPEC, "- 1", "x.yaml: a spec is a mapping with the keys task, model"),
        (SPEC, "", "x.yaml: a spec is a mapping with the keys task, model"),
    ],
)
def test_a_mistake_in_the_file_is_named_in_one_line(here: Path, old: str, new: str, message: str) -> None:
    assert old in SPEC
    assert message in refusal(SPEC.replace(old, new, 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.step=10", "--set train.step=10: unknown key (did you mean 'steps'?)"),
        ("train.steps=abc", "--set train.steps=abc: 'abc' is not a whole number"),
        ("train.steps=", "--set train.steps=: null is not a whole number"),
        ("trian.steps=3", "--set trian.steps=3: trian: unknown key (did you mean 'train'?)"),
        ("steps", "--set steps: write key=value"),
        ("=3", "--set =3: write key=value"),
        ("seeds=3:1", "--set seeds=3:1: range 3:1 is reversed; write 1:3"),
        ("seeds.init=3", "--set seeds.init=3: seeds has no keys of its own"),
        ("model.depth=3", "--set model.depth=3: has no effect, model.depth is the swept field"),
        ("scale.values=[0]", "--set scale.values=[0]: model.depth = 0 cannot be"),
        ("task.test_lengths=[3]", "--set task.test_lengths=[3]: 3 is not out of distribution"),
        ("success.metric=accuracy", "--set success.metric=accuracy: 'accuracy' is not a metric of this task"),
        ("a=[", "--set a=[: not YAML"),
    ],
)
def test_a_mistake_in_an_option_names_the_option(here: Path, change: str, message: str) -> None:
    assert refusal(overrides=[change]).startswith(message)


def test_a_mistake_in_the_seeds_option_names_it(here: Path) -> None:
    assert refusal(seeds="5:3") == "--seeds 5:3: range 5:3 is reversed; write 3:5"
    assert refusal(seeds="x").startswith("--seeds x: 'x' is not a seed or a range")


def test_options_take_the_place_of_what_the_file_says(here: Path) -> None:
    changes = ["train.steps=7", "train.steps=8", "scale.values=[1, 4]", "evaluate.every=2", "seeds=0:2"]
    spec = read_engine_spec("x.yaml", overrides=changes)
    assert spec.train.steps == 8
    assert spec.scale.values == (1, 4)
    assert spec.evaluate.every == 2
    assert [seed.id for seed in spec.seeds.pairs()] == [0, 1]
    assert len(read_spec("x.yaml", seeds="{init: 0:2, data: 0:3}").spec.seeds.pairs()) == 6
    assert [seed.id for seed in read_spec("x.yaml", seeds="5").spec.seeds.pairs()] == [5]
    assert [seed.id for seed in read_spec("x.yaml", seeds="16:18,3").spec.seeds.pairs()] == [3, 16, 17]


def test_a_yaml_alias_is_changed_in_one_place_only(here: Path) -> None:
    text = SPEC.replace("model: {", "model: &m {").replace("test_lengths: [5]", "test_lengths: &t [5]")
    (here / "x.yaml").write_text(text)
    assert read_engine_spec("x.yaml", overrides=["model.heads=4"]).model.heads == 4


def test_names(here: Path) -> None:
    assert read_spec("x.yaml").name == "x"
    assert read_spec("x.yaml").origin == "x.yaml"
    assert read_spec(here / "x.yaml").spec == read_spec("x.yaml").spec


def test_a_file_that_is_not_there_suggests_the_nearest(here: Path) -> None:
    (here / "sub").mkdir()
    cases = {
        "y.yaml": "y.yaml: no such file or preset (did you mean 'x.yaml'?)",
        "sub": "sub: is a directory",
        "nowhere/z.yaml": "nowhere/z.yaml: no such file or preset",
    }
    for source, message in cases.items():
        with pytest.raises(InputError) as caught:
            read_spec(source)
        assert str(caught.value).startswith(message)
    (here / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a text file in UTF-8"):
        read_spec("x.yaml")


def test_presets_are_found_beside_the_code_or_in_the_checkout(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = here / "site-packages/seedsweep"
    (package / "sweep").mkdir(parents=True)
    monkeypatch.setattr(presets, "__file__", str(package / "sweep/presets.py"))
    assert list_presets() == ()
    for root, title in [(package.parent / "presets", "Checkout"), (package / "presets", "Installed")]:
        (root / "pocket").mkdir(parents=True)
        (root / "pocket/count-depth.yaml").write_text(SPEC.replace("Count, very small", title))
        assert list_presets() == (("pocket/count-depth", title),)
    assert preset_text("pocket/count-depth").startswith("# Installed\n")
    named = read_spec("pocket/count-depth")
    assert named.name == "pocket/count-depth"
    for call in (read_spec, preset_text):
        with pytest.raises(InputError, match=r"pocket/count-dept.*did you mean 'pocket/count-depth'\?"):
            call("pocket/count-dept")


def test_every_preset_reads() -> None:
    for preset in list_presets():
        assert preset.title, f"{preset.name}: its first line is a comment that says what it is"
        assert read_spec(preset.name).name == preset.name


def test_reading_a_spec_makes_nothing(here: Path) -> None:
    before = sorted(os.listdir(here))
    read_spec("x.yaml")
    assert sorted(os.listdir(here)) == before
