"""The spec: defaults, checks, identity."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from seedsweep.cell import Pack
from seedsweep.errors import InputError
from seedsweep.seeds import Seed
from seedsweep.sweep.enginespec import EngineSpec
from seedsweep.sweep.spec import SweepSpec
from seedsweep.workers import settings
from seedsweep.workers.dialects.gpt_neox import GPTNeoXSettings
from seedsweep.workers.dialects.post_ln import PostLNSettings
from seedsweep.workers.settings import EvaluateSettings
from tests.kinds import engine

RAW: dict[str, Any] = {
    "task": {"name": "count", "vocabulary": 12, "train_lengths": [1, 3], "test_lengths": [5], "context": 24},
    "model": {"heads": 2, "head_dim": 8},
    "train": {"steps": 6, "batch": 4, "learning_rate": 0.01},
    "scale": {"field": "model.depth", "values": [2, 1]},
    "seeds": "0:4",
    "success": {"metric": "exact_match", "split": "length-5", "at_least": 0.5},
}


def spec(**changes: Any) -> EngineSpec:
    """RAW with dotted changes: `spec(**{"train.steps": 9})`."""
    raw = copy.deepcopy(RAW)
    for dotted, value in changes.items():
        section, _, key = dotted.partition(".")
        if key:
            raw[section][key] = value
        else:
            raw[section] = value
    return engine(SweepSpec.model_validate(raw))


def test_defaults_are_filled_in_and_the_dump_reads_back() -> None:
    made = spec()
    assert made.scale.values == (1, 2)
    assert isinstance(made.model, GPTNeoXSettings)
    assert made.model.rotary_fraction == 0.25
    assert made.train.schedule == "cosine"
    assert made.task.vocabulary_size() == 16
    assert SweepSpec.model_validate(made.model_dump(mode="json")) == made


def test_the_swept_field_takes_every_value_of_the_ladder() -> None:
    made = spec()
    assert [made.recipes[value].settings.model.depth for value in made.scale.values] == [1, 2]
    by_rate = spec(scale={"field": "train.learning_rate", "values": [0.1, 1]}, **{"model.depth": 1})
    assert [by_rate.recipes[value].settings.train.learning_rate for value in by_rate.scale.values] == [0.1, 1.0]


def in_tokens(tokens: int, **changes: Any) -> EngineSpec:
    """RAW with `batch_tokens` in place of `batch`."""
    raw = copy.deepcopy(RAW)
    raw["train"] = {**raw["train"], "batch_tokens": tokens}
    del raw["train"]["batch"]
    return engine(SweepSpec.model_validate(raw | changes))


def test_a_batch_in_tokens_has_as_many_whole_rows_at_every_scale() -> None:
    made = in_tokens(
        200, scale={"field": "task.context", "values": [24, 32, 48, 200]}, model=RAW["model"] | {"depth": 1}
    )
    assert [recipe.settings.batch for recipe in made.recipes.values()] == [8, 6, 4, 1]
    assert SweepSpec.model_validate(made.model_dump(mode="json")) == made
    flop = [recipe.cost().flop_per_step for recipe in made.recipes.values()]
    as_rows = [spec(**{"train.batch": rows, "task.context": context}) for rows, context in [(8, 24), (4, 48)]]
    assert [flop[0], flop[2]] == [one.recipes[1].cost().flop_per_step for one in as_rows]
    assert made.resolve() == made


def test_a_batch_that_holds_no_row_is_refused_before_anything_is_trained() -> None:
    with pytest.raises(InputError, match=r"^train\.batch_tokens: 23 tokens hold no row, which has 24$"):
        in_tokens(23).resolve()
    ladder = in_tokens(30, scale={"field": "task.context", "values": [24, 48]}, model=RAW["model"] | {"depth": 1})
    with pytest.raises(InputError, match=r"^train\.batch_tokens: 30 tokens hold no row, which has 48$"):
        ladder.resolve()


def test_a_batch_is_said_once() -> None:
    with pytest.raises(ValidationError, match=r"batch_tokens: not with batch, which says the same in rows"):
        spec(**{"train.batch_tokens": 100})
    with pytest.raises(ValidationError, match=r"batch: is missing; give it, in rows, or batch_tokens"):
        spec(**{"train.batch": None})


def test_identity_is_all_that_changes_numbers_and_nothing_else() -> None:
    base = spec().fingerprint()
    for same in (
        {"seeds": "7:9"},
        {"scale.values": [5]},
        {"model.depth": 3},  # every cell takes its depth from the ladder
        {"success.at_least": 0.1},
        {"execution": {"pack": 2, "workers": 1, "device": "cpu"}},
    ):
        assert spec(**same).fingerprint() == base, same
    for other in (
        {"train.steps": 7},
        {"train.precision": "bfloat16"},
        {"task.context": 25},
        {"model.init_std": 0.1},
        {"evaluate": {"every": 2}},
        {"scale": {"field": "model.heads", "values": [1, 2]}, "model.depth": 1},
    ):
        assert spec(**other).fingerprint() != base, other


def test_a_field_added_later_is_part_of_the_identity_unless_it_has_its_default() -> None:
    base = spec()
    assert "train.adam_epsilon" not in base.identity()
    assert spec(**{"train.adam_epsilon": 1e-8}).fingerprint() == base.fingerprint()
    other = spec(**{"train.adam_epsilon": 1e-7})
    assert other.identity() == base.identity() | {"train.adam_epsilon": 1e-7}
    swept = spec(scale={"field": "train.adam_epsilon", "values": [1e-8, 1e-7]}, **{"model.depth": 1})
    assert "train.adam_epsilon" not in swept.identity()


def test_compiled_steps_have_a_version_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    base, compiled = spec(), spec(**{"train.compile": True})
    assert compiled.identity() == base.identity() | {"train.compile": True, "train.compiled": settings.COMPILED}
    before = compiled.fingerprint()
    monkeypatch.setattr(settings, "COMPILED", settings.COMPILED + 1)
    assert compiled.fingerprint() != before
    assert base.fingerprint() == spec().fingerprint()


def test_the_dialect_decides_which_fields_a_model_has() -> None:
    post_ln = spec(model={"dialect": "post-ln", "heads": 2, "head_dim": 8})
    assert post_ln.model == PostLNSettings(depth=1, heads=2, head_dim=8, dropout=0.1)
    assert post_ln.recipes[2].settings.model == PostLNSettings(depth=2, heads=2, head_dim=8)
    assert SweepSpec.model_validate(post_ln.model_dump(mode="json")) == post_ln
    assert post_ln.identity()["model.dropout"] == 0.1
    assert isinstance(spec().model, GPTNeoXSettings)
    swept = {"field": "model.dropout", "values": [0, 0.1]}
    wide = spec(model={"dialect": "post-ln", "depth": 1, "heads": 2, "head_dim": 8}, scale=swept)
    assert [wide.recipes[value].settings.model for value in (0, 0.1)] == [
        PostLNSettings(depth=1, heads=2, head_dim=8, dropout=share) for share in (0, 0.1)
    ]


def test_a_task_field_that_is_swept_is_blamed_on_the_ladder() -> None:
    task = {"name": "question-formation"}
    success = {"metric": "first_auxiliary", "split": "gen", "at_least": 0.5}
    ladder = {"field": "task.mix", "values": [0, 0.5, 1]}
    made = spec(task=task, scale=ladder, success=success, **{"model.depth": 1})
    assert [made.recipes[value].settings.task for value in (0, 1)] == [
        type(made.task).model_validate(task | {"mix": mix}) for mix in (0, 1)
    ]
    for values in ([1.5], [0, 1.5]):
        with pytest.raises(ValidationError, match=r"scale.values: task.mix = 1.5 cannot be"):
            spec(task=task, scale=ladder | {"values": values}, success=success, **{"model.depth": 1})


def test_evaluation_is_log_spaced_early_then_regular() -> None:
    assert EvaluateSettings(every=50).steps(120) == (0, 1, 2, 4, 8, 16, 32, 50, 100, 120)
    assert EvaluateSettings().steps(3) == (0, 1, 2, 3)
    assert EvaluateSettings(every=1000).steps(10) == (0, 1, 2, 4, 8, 10)


def test_pack_names_are_deterministic_and_distinct() -> None:
    pack = Pack("model.depth", 2.0, (Seed(0, 0), Seed(1, 1)), "f")
    assert pack.name == Pack("model.depth", 2, (Seed(0, 0), Seed(1, 1)), "f").name
    assert pack.name.startswith("depth-2-seeds-0-1-")
    others = [
        Pack("model.depth", 3.0, pack.seeds, "f"),
        Pack("model.depth", 2.0, (Seed(0, 0), Seed(1, 2)), "f"),
        Pack("model.depth", 2.0, pack.seeds, "g"),
    ]
    assert len({pack.name, *(other.name for other in others)}) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.d_model": 16}, "either head_dim .* or d_model"),
        (
            {"model": {"heads": 3, "d_model": 16}},
            "d_model 16 is not divisible by heads 3; the nearest that is: 15",
        ),
        ({"model.head_dim": 5}, "not a multiple of 4"),
        ({"model.rotary_fraction": 0.13}, "odd number"),
        ({"train.warmup": 7}, "warmup 7 is longer than the 6 steps"),
        ({"scale.values": []}, "at least one number"),
        ({"scale.values": [1, 1]}, "value 1 is given twice"),
        ({"scale.values": ["two"]}, "'two' is not a number"),
        ({"scale.values": [0]}, "scale.values: model.depth = 0 cannot be"),
        ({"scale.values": [1.5]}, "scale.values: model.depth = 1.5 cannot be"),
        ({"scale.field": "model.dept"}, "not a numeric field .*did you mean 'model.depth'"),
        ({"scale.field": "model.dialect"}, "not a numeric field"),
        ({"success.split": "length-9"}, "length-9' is not a split of this task; it has length-3, length-5"),
        ({"success.metric": "exact_mach"}, "did you mean 'exact_match'"),
        ({"task.name": "cuont"}, "unknown task 'cuont' .*did you mean 'count'"),
        ({"task": "count"}, "mapping with the task's name"),
        ({"task.test_lengths": [13]}, "13 is over the vocabulary"),
        ({"seeds": "4:0"}, "reversed; write 0:4"),
        ({"train.learning_rate": float("nan")}, "finite"),
        ({"execution": {"pack": 0}}, "at least 1, or auto"),
    ],
)
def test_bad_specs_say_what_would_be_right(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**changes)


def test_what_is_kept_is_no_part_of_the_identity_and_penalties_are() -> None:
    base = spec()
    assert spec(keep_checkpoints=[0, 1]).fingerprint() == base.fingerprint()
    assert not [key for key in base.identity() if key.startswith(("start", "keep", "train.l2"))]
    for field in ("train.l2", "train.weight_decay"):
        swept = spec(scale={"field": field, "values": [0, 0.1]}, **{"model.depth": 1})
        assert [recipe.settings.train.identity().get(field[6:], 0) for recipe in swept.recipes.values()] == [
            0,
            0.1,
        ]
        assert field not in swept.identity()
    parts = spec(**{"train.l2": 0.1, "train.l2_parts": ["mlp"]})
    assert parts.identity() == base.identity() | {"train.l2": 0.1, "train.l2_parts": ["mlp"]}
