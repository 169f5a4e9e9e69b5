"""Whatever dies, wherever it dies, the same command finishes the sweep, and its rows are the undisturbed ones."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from seedsweep import load
from tests.chaos import hook, inline, onray
from tests.chaos.__main__ import kill_inline
from tests.chaos.hook import HALF, RENAMED, WHOLE, Order
from tests.chaos.sweeps import GOALS, KINDS
from tests.chaos.toll import Toll, started_by

DEATHS = [
    Order(f"record {WHOLE}"),
    Order(hook.TRAINING, passed=3),
    Order(f"block {HALF}"),
    Order(f"checkpoint {WHOLE}", passed=1),
    Order(f"pack.json {RENAMED}"),
    Order(f"block {WHOLE}", passed=1),
    Order(f"checkpoint {HALF}"),
    Order(f"block {RENAMED}", passed=1),
    Order("a deletion", passed=1),
]
IN_EVALUATION = Order(hook.EVALUATION, passed=5)
KEEPING = [
    Order(f"kept checkpoint {HALF}"),
    Order(f"kept checkpoint {RENAMED}"),
    Order(f"kept checkpoint {WHOLE}", passed=1),
]


@pytest.fixture
def toll() -> Iterator[Toll]:
    """Of a test, which must have cost nothing."""
    toll = Toll()
    yield toll
    assert toll.harm == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_killed_at_any_moment_is_finished_by_the_same_command(
    kind: str, tmp_path: Path, toll: Toll
) -> None:
    # Longer than elsewhere: every death leaves less to be trained, and all are to be met.
    known = inline.Kind(kind, tmp_path, seeds=2, steps=2 * inline.STEPS)
    out, folder = tmp_path / "out", hook.make_folder(tmp_path / "chaos")
    orders = [*([IN_EVALUATION, *KEEPING] if kind == "engine" else []), *DEATHS]
    for order in orders:
        order.give(folder)
        assert inline.live(known.spec, out, folder) == -signal.SIGKILL, order
        toll.compare(out, known.rows, complete=False)
    assert inline.live(known.spec, out, folder) == 0
    assert [kill.moment for kill in hook.kills(folder)] == [order.moment for order in orders]
    toll.compare(out, known.rows, complete=True)
    assert toll.rows == known.rows.num_rows > 0
    toll.look_for_files(out)
    undisturbed = tmp_path / "undisturbed"
    kept = sorted(file.relative_to(undisturbed) for file in undisturbed.glob("checkpoints/*/*"))
    assert len(kept) == (4 if kind == "engine" else 0)
    assert [file for file in kept if (out / file).read_bytes() != (undisturbed / file).read_bytes()] == []
    wait_until_all_have_ended(folder, toll)


@pytest.mark.parametrize("kind", [pytest.param("engine", marks=pytest.mark.heavy), "function"])
def test_a_goal_comes_to_the_same_seeds_and_rows_however_the_run_is_killed(
    kind: str, tmp_path: Path, toll: Toll
) -> None:
    known = inline.Kind(kind, tmp_path, seeds=GOALS[kind], steps=8)
    out, folder = tmp_path / "out", hook.make_folder(tmp_path / "chaos")
    for number, order in enumerate(DEATHS):
        order.give(folder)
        # Also with packs of another size: begun ones are grouped anew then, across batches.
        assert inline.live(known.spec, out, folder, pack=3 if number % 2 else None) == -signal.SIGKILL, order
        toll.compare(out, known.rows, complete=False)  # nor a row of a seed that is not needed
    assert inline.live(known.spec, out, folder) == 0
    toll.compare(out, known.rows, complete=True)
    final = load(out).final(load(out).criterion.metric)
    counts = [final.seeds_at(scale).size for scale in final.scales]
    assert [final.seeds_at(scale).tolist() for scale in final.scales] == [list(range(n)) for n in counts]
    assert min(counts) >= 8
    assert kind == "engine" or len(set(counts)) == 2  # each scale has its own number
    toll.look_for_files(out)
    wait_until_all_have_ended(folder, toll)


def wait_until_all_have_ended(folder: Path, toll: Toll) -> None:
    """What a killed worker had started ends without being told."""
    deadline = time.monotonic() + 60
    while started_by(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    toll.look_for_processes(folder)


def test_lost_doubled_and_different_rows_are_counted(tmp_path: Path) -> None:
    """And what is left over: a harness that sees no harm would find none."""
    known = inline.Kind("function", tmp_path, seeds=4)
    out = tmp_path / "undisturbed"
    first, second, *_ = sorted(out.glob("metrics/**/*.parquet"))
    shutil.copy(first, first.with_name("again.parquet"))
    table = pq.read_table(second)
    pq.write_table(table.set_column(table.schema.get_field_index("value"), "value", [[0.5] * len(table)]), second)
    (out / "work/somebody").mkdir(parents=True)
    (out / "work/somebody/checkpoint.pt").write_bytes(b"")
    toll = Toll()
    toll.compare(out, known.rows, complete=True)
    toll.look_for_files(out)
    counted = (toll.lost, toll.doubled, toll.different, toll.left_over)
    assert counted == (0, len(pq.read_table(first)), len(table), ["work/somebody/checkpoint.pt"])
    shutil.rmtree(out / "metrics")
    toll.compare(out, known.rows, complete=True)
    assert toll.lost == known.rows.num_rows
    assert len(toll.harm) == 4


@pytest.mark.heavy
def test_many_kills_at_random_cost_nothing(tmp_path: Path, toll: Toll) -> None:
    kill_inline(tmp_path, 2, 60, toll)
    assert toll.total >= 60
    assert toll.in_a_write >= 20
    told = json.loads(toll.to_json())
    assert told["kills"] == told["of workers"] == sum(part["kills"] for part in told["by kind"].values())
    assert told["in a write"] == sum(part["in a write"] for part in told["by role"].values())


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_kills_of_workers_driver_and_raylet_cost_nothing(kind: str, tmp_path: Path, toll: Toll) -> None:
    onray.sweep(inline.Kind(kind, tmp_path), "out", random.Random(3), toll, 8)
    assert {"worker"} <= {role for _, role, _ in toll.kills}


@pytest.mark.heavy
def test_a_goal_comes_to_the_same_rows_on_ray(tmp_path: Path, toll: Toll) -> None:
    onray.sweep(inline.Kind("function", tmp_path, seeds=GOALS["function"]), "out", random.Random(5), toll, 8)
    assert {"worker"} <= {role for _, role, _ in toll.kills}
