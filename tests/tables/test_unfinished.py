"""Seeds that end before the others of their scale are named, and are not taken as if measured at the end."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedsweep import read_table
from seedsweep.analysis import study
from seedsweep.errors import InputError
from seedsweep.population import Population, Taken

ROLES: dict[str, Any] = {"scale": "width", "seed": "seed", "metric": "acc", "step": "step", "threshold": 0.5}
ENDS = {32: [0.2, 0.9, 0.1, 0.8, 0.3], 64: [0.9, 0.7, 0.2, 0.1, 0.8]}


def rows(ends: dict[int, list[float]], early: int = 100) -> str:
    """Five seeds of each width that rise to their end at step 500, and a sixth that is at .6 and ends early."""
    lines = ["width,seed,step,acc"]
    for width, values in ends.items():
        for seed, end in enumerate(values):
            lines += [f"{width},{seed},{step},{end * step / 500}" for step in range(100, 501, 100)]
        lines += [f"{width},5,{step},0.6" for step in range(100, early + 1, 100)]
    return "\n".join(lines)


def read(folder: Path, text: str, **options: Any) -> Population:
    file = folder / "runs.csv"
    file.write_text(text)
    return read_table(file, **(ROLES | options))


def test_they_are_left_out_named_and_counted(tmp_path: Path) -> None:
    examined = study(read(tmp_path, rows(ENDS)))
    summary = examined.summary
    assert [(scale.n, scale.success.successes) for scale in summary.scales] == [(5, 2), (5, 3)]
    assert summary.scales[0].mean.estimate == pytest.approx(np.mean(ENDS[32]))
    (note,) = summary.notes
    assert note.startswith(
        "2 seeds end before the step at which their scale is compared, at width 32 (5 at step 100)"
    )
    assert "they are left out" in note
    told = json.loads(json.dumps(summary.to_dict(), allow_nan=False))
    assert told["unfinished"] == {
        "taken": "dropped",
        "ends": [{"scale": width, "seed": 5, "step": 100.0} for width in (32.0, 64.0)],
    }
    assert [scale["step"] for scale in told["scales"]] == [500.0, 500.0]
    assert examined.survival is not None
    assert [scale.cut_off.n for scale in examined.survival.scales] == [5, 5]


def test_in_times_to_success_they_are_censored_where_they_end(tmp_path: Path) -> None:
    """Neither a failure nor, unlike one whose last value is NaN, diverged; and a success if they got there."""
    text = rows(ENDS) + "\n32,6,100,0.1\n32,6,200,nan\n64,7,100,0.1\n64,7,200,0.6\n64,7,300,0.7"
    survival = study(read(tmp_path, text)).survival
    assert survival is not None
    small, large = (scale.times for scale in survival.scales)
    assert small.steps.tolist() == [500, 300, 500, 400, 500, 500, 100]
    assert small.reached.tolist() == [False, True, False, True, False, False, True]
    assert small.diverged.tolist() == [False] * 5 + [True, False]
    assert large.steps[-2:].tolist() == [100, 200]
    assert large.reached[-2:].tolist() == [True, True]
    late = rows({32: ENDS[32]}).replace(",5,100,0.6", ",5,100,0.2")
    survival = study(read(tmp_path, late)).survival
    assert survival is not None
    (scale,) = survival.scales
    assert (scale.times.steps[-1], scale.times.reached[-1], scale.times.diverged[-1]) == (100, False, False)
    # Six are at risk, one is censored at 100, one of five gets there at 300, one of four at 400.
    assert scale.survival.n == 6
    assert scale.survival.survival[-1] == pytest.approx(4 / 5 * 3 / 4)
    assert (scale.cut_off.n, scale.success[-1].n) == (5, 5)


@pytest.mark.parametrize(("taken", "successes", "diverged"), [("failed", 2, 1), ("last", 3, 0)])
def test_one_option_decides(taken: Taken, successes: int, diverged: int, tmp_path: Path) -> None:
    examined = study(read(tmp_path, rows(ENDS), unfinished=taken))
    scale = examined.summary.scales[0]
    assert (scale.n, scale.success.successes, scale.n_diverged) == (6, successes, diverged)
    assert any("2 seeds end before" in note for note in examined.summary.notes)
    assert examined.survival is not None
    assert examined.survival.scales[0].success[-1] == scale.success  # curves and final values agree
    with pytest.raises(InputError, match="unfinished: 'ignored' is not one of dropped, failed, last"):
        read(tmp_path, rows(ENDS), unfinished="ignored")


def test_runs_that_log_at_nearly_the_same_steps_are_finished(tmp_path: Path) -> None:
    text = "width,seed,step,acc\n1,a,0,0\n1,a,998,.5\n1,b,0,0\n1,b,1000,.75\n1,c,0,0\n1,c,1000,1\n1,d,990,1"
    final = read(tmp_path, text).final("acc")
    assert (final.steps, final.unfinished) == ((1000.0,), None)
    assert final.at(1).tolist() == [0.5, 0.75, 1.0, 1.0]


def test_a_seed_that_goes_on_is_compared_where_the_others_end(tmp_path: Path) -> None:
    text = "width,seed,step,acc\n" + "\n".join(f"1,{seed},100,.{seed}" for seed in range(1, 6)) + "\n1,5,200,.9"
    final = read(tmp_path, text).final("acc")
    assert (final.steps, final.unfinished) == ((100.0,), None)
    assert final.at(1).tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]


def test_a_seed_that_diverged_is_no_unfinished_one(tmp_path: Path) -> None:
    text = rows({32: [0.2, 0.9, 0.8]}) + "\n32,6,100,.1\n32,6,200,nan"
    final = read(tmp_path, text).final("acc")
    assert final.seeds_at(32).tolist() == [0, 1, 2, 6]
    assert math.isnan(final.at(32)[-1])
    assert final.unfinished is not None
    assert list(final.unfinished.ends[32.0]) == [5]


@given(
    cells=st.lists(
        st.lists(st.sampled_from(["", "nan", "0.25", "0.5", "1"]), min_size=3, max_size=3), min_size=2, max_size=4
    ),
    taken=st.sampled_from(get_args(Taken)),
)
def test_wide_and_long_tables_give_the_same_answer_to_blanks(
    cells: list[list[str]], taken: Taken, tmp_path_factory: pytest.TempPathFactory
) -> None:
    if not any(cell not in ("", "nan") for run in cells for cell in run):
        return
    folder = tmp_path_factory.mktemp("blanks")
    long, wide = folder / "long.csv", folder / "wide.csv"
    lines = [f"1,{seed},{step},{run[step]}" for seed, run in enumerate(cells) for step in range(3)]
    long.write_text("\n".join(["width,seed,step,acc", *lines]))
    names = [f"width=1 seed={seed} - acc" for seed in range(len(cells))]
    table = [f"{step},{','.join(run[step] for run in cells)}" for step in range(3)]
    wide.write_text("\n".join([",".join(["step", *names]), *table]))
    finals = [read_table(path, **ROLES, unfinished=taken).final("acc").to_dict() for path in (long, wide)]
    assert finals[0] == finals[1]
    curves = [read_table(path, **ROLES).curves("acc")[1.0] for path in (long, wide)]
    np.testing.assert_equal(curves[0].values, curves[1].values)
