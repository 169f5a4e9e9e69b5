"""Seeds train as they did when ENGINE was last raised; and where they do not, the golden runs notice it."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from seedsweep.workers import dropout, optimiser, shuffle
from seedsweep.workers.dialects import BUILT_IN as DIALECTS
from seedsweep.workers.dialects import Dialect, ParameterShape, Uniform
from seedsweep.workers.dialects.gpt_neox import GPTNeoX
from seedsweep.workers.dialects.post_ln import PostLN
from seedsweep.workers.dialects.qwen2 import Qwen2
from seedsweep.workers.tasks import BUILT_IN, addition, count
from tests.golden import make

Break = Callable[[pytest.MonkeyPatch], None]


@pytest.mark.parametrize("path", make.GOLDEN, ids=lambda path: path.stem)
def test_seeds_train_as_they_did(path: Path) -> None:
    if (problem := make.problem(path)) is not None:
        pytest.fail(problem, pytrace=False)


def test_every_task_and_dialect_has_a_golden_run_of_two_seeds_and_twenty_steps() -> None:
    golden = [json.loads(path.read_text()) for path in make.GOLDEN]
    assert {one["spec"]["task"]["name"] for one in golden} == set(BUILT_IN)
    assert {one["spec"]["model"]["dialect"] for one in golden} == set(DIALECTS)
    for one in golden:
        assert sum(what.startswith("train loss of seed") for what in one["numbers"]) == 2 * 20


def fewer_rounds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(shuffle, "ROUNDS", shuffle.ROUNDS // 2)


def other_draws(module: Any) -> Break:
    """The first two words of every draw change places."""
    honest = module.philox
    return lambda patch: patch.setattr(module, "philox", lambda *given: honest(*given)[..., [1, 0, 2, 3]])


def wider_start(dialect: type[Dialect], tensor: str) -> Break:
    """One tensor starts one percent wider."""
    honest = dialect.shapes

    def widened(shape: ParameterShape) -> ParameterShape:
        field = "bound" if isinstance(shape.start, Uniform) else "std"
        wider = dataclasses.replace(shape.start, **{field: 1.01 * getattr(shape.start, field)})
        return dataclasses.replace(shape, start=wider)

    def shapes(self: Dialect, embedded: int, predicted: int) -> list[ParameterShape]:
        return [widened(shape) if shape.name == tensor else shape for shape in honest(self, embedded, predicted)]

    return lambda patch: patch.setattr(dialect, "shapes", shapes)


def schedule_one_step_ahead(patch: pytest.MonkeyPatch) -> None:
    honest = optimiser.learning_rate
    patch.setattr(optimiser, "learning_rate", lambda train, step: honest(train, step + 1))


def other_dropout(patch: pytest.MonkeyPatch) -> None:
    honest = dropout.Dropout.words
    patch.setattr(dropout.Dropout, "words", lambda self, count, site: honest(self, count, site + 1))


@pytest.mark.parametrize(
    ("change", "name", "step"),
    [
        pytest.param(fewer_rounds, "question-formation-small", 1, id="rounds of the shuffle"),
        pytest.param(other_draws(count), "count", 1, id="draws of count"),
        # Its evaluation examples are drawn, too.
        pytest.param(other_draws(addition), "addition-least-significant-first", 0, id="draws of addition"),
        pytest.param(wider_start(GPTNeoX, "layer1.mlp_in.weight_DF"), "count", 0, id="start of gpt-neox"),
        pytest.param(wider_start(PostLN, "layer1.mlp_out.bias_D"), "question-formation-full", 0, id="of post-ln"),
        pytest.param(wider_start(Qwen2, "layer1.qkv.weight_DX"), "mmlu", 0, id="of qwen2"),
        pytest.param(schedule_one_step_ahead, "count", 2, id="schedule"),
        pytest.param(other_dropout, "question-formation-small", 1, id="dropout"),
    ],
)
def test_a_change_is_noticed_at_the_first_step_that_differs(
    change: Break, name: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(monkeypatch)
    told = make.problem(make.HERE / f"{name}.json")
    match = re.fullmatch(
        rf"tests/golden/{name}\.json: [a-z0-9-]+ [a-z_]+ of seed \d+ at step {step} is ([\d.e-]+), "
        r"and was ([\d.e-]+): unless that is a mistake, raise ENGINE, then `make golden`",
        told or "",
    )
    assert match, told
    assert match[1] != match[2]


@pytest.fixture
def golden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that may be written, made with ENGINE 1, which is what ENGINE is."""
    path = Path(shutil.copy(make.HERE / "count.json", tmp_path))
    edit(path, engine=1)
    monkeypatch.setattr(make, "ENGINE", 1)
    return path


def edit(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes, indent=1) + "\n")


def test_engine_and_files_are_raised_together(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "ENGINE", 2)
    told = "tests/golden/count.json was made with ENGINE 1, and ENGINE is 2 now: `make golden`"
    assert make.problem(golden) == told
    monkeypatch.setattr(make, "ENGINE", 1)
    edit(golden, engine=2)
    told = (
        "tests/golden/count.json was made with ENGINE 2, and ENGINE is only 1: raise ENGINE, or take the file back"
    )
    assert make.problem(golden) == told


def test_other_numbers_are_stored_only_under_another_engine(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = golden.read_text()
    schedule_one_step_ahead(monkeypatch)
    with pytest.raises(ValueError, match=r"at step 2 is .*: unless that is a mistake, raise ENGINE, then"):
        make.remake(golden)
    assert golden.read_text() == before

    monkeypatch.setattr(make, "ENGINE", 2)
    make.remake(golden)
    assert make.problem(golden) is None
    old, new = (json.loads(text)["numbers"] for text in (before, golden.read_text()))
    changed = {what for what in old if old[what] != new[what]}
    assert "train loss of seed 0 at step 2" in changed
    assert not any(what.endswith((" step 0", " step 1")) for what in changed)


def test_a_number_that_holds_stays_to_its_last_digit(golden: Path) -> None:
    stored = json.loads(golden.read_text())["numbers"]
    numbers = {what: value * (1 + 3e-6) for what, value in stored.items()}  # as another processor might give
    edit(golden, numbers=numbers)
    assert make.problem(golden) is None
    make.remake(golden)
    assert json.loads(golden.read_text())["numbers"] == numbers


def test_another_metric_asks_for_no_other_engine(golden: Path) -> None:
    before = golden.read_text()
    numbers = json.loads(before)["numbers"]
    what, _ = numbers.popitem()
    edit(golden, numbers=numbers)
    told = (
        f"tests/golden/count.json and its run do not have the same metrics, {what} is in one only: `make golden`"
    )
    assert make.problem(golden) == told
    make.remake(golden)
    assert golden.read_text() == before


def test_a_new_file_needs_nothing_but_its_spec(golden: Path) -> None:
    spec = json.loads(golden.read_text())["spec"]
    golden.write_text(json.dumps({"spec": spec}))
    make.remake(golden)
    assert make.problem(golden) is None
