"""Streams and interventions from the spec to the store, and what is said of a spec that cannot be."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import numpy as np
import pytest

from seedsweep import report
from seedsweep.analysis import inside
from seedsweep.analysis.study.summary import summarise_population
from seedsweep.cli.source import of_sweep
from seedsweep.errors import InputError
from seedsweep.sweep.reader import load
from seedsweep.sweep.run import run
from seedsweep.sweep.specfile import read_spec
from tests.sweep.conftest import SPEC

PLAIN = """\
task: {name: linear-map, bits: 8, ones: 3, evaluation_examples: 32}
model: {dialect: pre-ln, depth: 1, d_model: 16}
train: {steps: 8, batch: 4, learning_rate: 1.0e-2}
scale: {field: model.heads, values: [1, 2]}
seeds: 0:3
success: {metric: exact_match, split: test, at_least: 0.5}
execution: {device: cpu, pack: 2}
"""
INSIDE = (
    PLAIN
    + """\
streams: [outputs, {name: attention, rows: 16}]
interventions:
  - {do: bias, pattern: true, strength: 2, until_step: 4}
  - {do: ablate, heads: best, at: evaluation}
"""
)


def spec_of(text: str, folder: Path) -> Path:
    path = folder / "x.yaml"
    path.write_text(text)
    return path


def test_what_is_read_stands_beside_what_is_measured(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(read_spec(spec_of(INSIDE, tmp_path)).spec, out, executor="inline")
    population = load(out)
    assert population.final("attention_mass", split="output-7").values.shape == (2, 3)
    accuracies = [population.final("accuracy", split=f"output-{output}").values for output in range(8)]
    np.testing.assert_allclose(
        np.mean(accuracies, axis=0), population.final("token_accuracy", split="test").values, rtol=1e-12
    )
    assert set(population.final("exact_match", split="test+ablate-best").values.flat) <= {
        count / 32 for count in range(33)
    }
    rows = duckdb.sql(
        f"select * from '{out}/metrics/**/*.parquet' where split = 'attention' and metric = 'attention_iou'"
    )
    assert rows is not None
    assert len(rows.fetchall()) == 2 * 3 * 9  # cells × evaluations
    judged = of_sweep(str(out), ["attention_mass"], "attention", 0.2, higher_is_worse=False).population
    criterion = summarise_population(judged).criterion
    assert (criterion.metric, criterion.split, criterion.threshold) == ("attention_mass", "attention", 0.2)


def test_they_are_part_of_the_identity_and_only_where_they_are_given(tmp_path: Path) -> None:
    plain, inside = (read_spec(spec_of(text, tmp_path)).spec for text in (PLAIN, INSIDE))
    assert not {"streams", "interventions"} & set(plain.identity())
    assert {"streams", "interventions"} <= set(inside.identity())
    others = [INSIDE.replace(*change) for change in (("strength: 2", "strength: 3"), ("rows: 16", "rows: 17"))]
    fingerprints = {read_spec(spec_of(text, tmp_path)).spec.fingerprint() for text in (PLAIN, INSIDE, *others)}
    assert len(fingerprints) == 4


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[outputs,", "[output,", "streams: unknown stream 'output' (did you mean 'outputs'?)"),
        ("[outputs,", "[outputs, outputs,", "streams: outputs is given twice"),
        ("[outputs,", "[3,", "streams: 3 is no stream; give its name"),
        ("streams: [outputs, {name: attention, rows: 16}]", "streams: outputs", "streams: give a list of streams"),
        ("rows: 16", "row: 16", "streams[1].row: unknown key"),
        ("rows: 16", "rows: 0", "streams[1].rows: 0 is out of range; give at least 1"),
        ("do: bias", "do: bais", "interventions[0].do: 'bais' is not one of 'bias', 'block', 'clamp', "),
        ("until_step: 4", "until_stp: 4", "interventions[0].until_stp: unknown key (did you mean 'until_step'?)"),
        (
            "pattern: true",
            "pattern: tru",
            "interventions: bias-tru: pattern: 'tru' is not one of linear-map's: true, ",
        ),
        ("heads: best", "heads: bset", "interventions[1].heads"),
        ("heads: best", "heads: [1]", "interventions: ablate-1: heads: there is no 1"),
        (
            "split: test",
            "split: output-8",
            "success.split: 'output-8' is not a split of this task or read by its streams; it has test, "
            "test+ablate-best, output-0 to output-7, attention, attention-permuted, heads-sorted-0",
        ),
        (
            "split: test",
            "split: heads-sorted-1",
            "'heads-sorted-1' is not a split of this task or read by its streams at model.heads = 1; it has ",
        ),
        (
            "metric: exact_match, split: test",
            "metric: attention_mas, split: attention",
            "success.metric: 'attention_mas' is not a metric of attention (did you mean 'attention_mass'?); it ",
        ),
    ],
)
def test_what_cannot_be_is_one_line(old: str, new: str, message: str, tmp_path: Path) -> None:
    assert old in INSIDE
    with pytest.raises(InputError) as caught:
        read_spec(spec_of(INSIDE.replace(old, new), tmp_path))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_task_without_a_pattern_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="streams: attention: the task count knows no pattern"):
        read_spec(spec_of(SPEC + "streams: [attention]\n", tmp_path))
    with pytest.raises(
        InputError, match="interventions: clamp-true: pattern: 'true' is not one of count's: previous, self"
    ):
        read_spec(spec_of(SPEC + "interventions: [{do: clamp, pattern: true}]\n", tmp_path))


def test_a_dialect_without_attention_says_so(tmp_path: Path) -> None:
    mixer = PLAIN.replace("pre-ln", "mixer")
    read_spec(spec_of(mixer + "streams: [outputs]\n", tmp_path))
    for more, said in (
        ("streams: [outputs, attention]", "streams: attention"),
        ("interventions: [{do: bias, pattern: true, strength: 2}]", "interventions: bias-true"),
        ("interventions: [{do: ablate, heads: best, at: evaluation}]", "interventions: ablate-best"),
    ):
        with pytest.raises(InputError, match=f"{said}: the dialect mixer has no attention; pre-ln has") as caught:
            read_spec(spec_of(f"{mixer}{more}\n", tmp_path))
        assert "\n" not in str(caught.value)


def test_scales_may_have_outputs_of_their_own(tmp_path: Path) -> None:
    text = INSIDE.replace("field: model.heads, values: [1, 2]}", "field: task.bits, values: [6, 8]}")
    text = text.replace("d_model: 16", "d_model: 16, heads: 2")
    run(read_spec(spec_of(text, tmp_path)).spec, tmp_path / "out", executor="inline")
    population = load(tmp_path / "out")
    measured = population.reader.measured
    assert [f"output-{output}" in measured for output in range(9)] == [True] * 8 + [False]
    last = population.final("accuracy", "output-7")
    assert last.present.tolist() == [[False] * 3, [True] * 3]
    assert {scale: len(curves.seeds) for scale, curves in population.curves("accuracy", "output-7").items()} == {
        6: 0, 8: 3
    }  # fmt: skip
    found = inside(population)
    assert found is not None
    assert [(scale.n, scale.outputs) for scale in found.scales] == [(3, 6), (3, 8)]
    for scale in found.scales:
        ends = [
            population.final("accuracy", f"output-{output}").at(scale.scale) for output in range(scale.outputs)
        ]
        assert scale.learnt == pytest.approx((np.array(ends) >= found.learnt_at).mean())
    assert len(report(population).findings.inside) > 0


@pytest.mark.parametrize(
    ("metric", "split", "threshold"),
    [
        ("attention_mass", "attention", "at_least: 0.1"),
        ("attention_mass", "heads-sorted-0", "at_least: 0.1"),
        ("nll", "output-3", "at_most: 0.7"),
        ("exact_match", "test+ablate-best", "at_least: 0.01"),
    ],
)
def test_success_may_be_judged_by_what_is_read(metric: str, split: str, threshold: str, tmp_path: Path) -> None:
    success = f"success: {{metric: {metric}, split: {split}, {threshold}}}"
    text = INSIDE.replace("success: {metric: exact_match, split: test, at_least: 0.5}", success)
    run(read_spec(spec_of(text, tmp_path)).spec, tmp_path / "out", executor="inline")
    population = load(tmp_path / "out")
    assert (population.criterion.metric, population.criterion.split) == (metric, split)
    summary = summarise_population(population)
    for scale in summary.scales:
        values = population.criterion.oriented(population.final(metric, split).at(scale.scale))
        assert scale.success.successes == (values >= population.criterion.least).sum()
    assert f"{metric} on {split}" in report(population).html


def test_a_sweep_whose_success_is_read_can_be_looked_at_before_a_seed_is_finished(tmp_path: Path) -> None:
    text = INSIDE.replace("metric: exact_match, split: test", "metric: attention_mass, split: attention")
    run(read_spec(spec_of(text, tmp_path)).spec, tmp_path / "out", executor="inline")
    shutil.rmtree(tmp_path / "out" / "metrics")
    population = load(tmp_path / "out")
    assert population.cells == 0
    assert population.final("attention_mass").values.shape == (0, 0)
