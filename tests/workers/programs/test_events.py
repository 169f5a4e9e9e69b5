"""TensorBoard's event files, as its own writers make them and its own reader reads them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util.tensor_util import make_ndarray

from seedsweep.workers.programs.files import MetricsFiles
from seedsweep.workers.programs.reading import Version
from seedsweep.workers.programs.rows import MetricsError
from seedsweep.workers.programs.settings import ProgramSettings


def files(folder: Path, begun: dict[str, Version] | None = None) -> MetricsFiles:
    settings = ProgramSettings.model_validate({"command": "train", "metrics": "logs"})
    return MetricsFiles(folder, settings, begun or {})


def writer(folder: Path, **ways: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.utils.tensorboard import SummaryWriter
    return SummaryWriter(str(folder), **ways)


@pytest.mark.parametrize("new_style", [False, True])
def test_scalars_are_what_tensorboards_own_reader_says(tmp_path: Path, new_style: bool) -> None:
    with writer(tmp_path / "logs") as log:
        for step in range(1, 400, 7):
            log.add_scalar("test/accuracy", 1 / step, step, new_style=new_style)
            log.add_scalar("loss", float(step), step, new_style=new_style, double_precision=new_style)
        log.add_text("note", "not a number", 1)
        log.add_histogram("weights", np.array([1.0, 2.0]), 1)
    theirs = EventAccumulator(str(tmp_path / "logs"), size_guidance={"scalars": 0, "tensors": 0})
    theirs.Reload()
    expected: dict[tuple[int, str, str], float] = {}
    for tag, name in (("test/accuracy", ("test", "accuracy")), ("loss", ("all rows", "loss"))):
        if new_style:
            values = [(event.step, _number(event.tensor_proto)) for event in theirs.Tensors(tag)]
        else:
            values = [(event.step, event.value) for event in theirs.Scalars(tag)]
        expected |= {(step, *name): value for step, value in values}
    mine = files(tmp_path)
    mine.read(ended=True)
    assert {(row.step, row.split, row.metric): row.value for row in mine.rows()} == expected
    assert len(expected) == 2 * 57


def _number(tensor: Any) -> float:
    return float(make_ndarray(tensor))


def test_a_file_is_read_as_it_grows_and_from_where_an_attempt_began(tmp_path: Path) -> None:
    mine = files(tmp_path)
    with writer(tmp_path / "logs") as log:
        log.add_scalar("loss", 1.0, 1)
        log.flush()
        mine.read()
        assert mine.last_step == 1
        (file,) = (tmp_path / "logs").iterdir()
        size = file.stat().st_size
        log.add_scalar("loss", 2.0, 2)
    mine.read()
    assert [row.step for row in mine.rows()] == [1, 2]
    later = files(tmp_path, {f"logs/{file.name}": Version(size, 1)})
    later.read()
    assert [row.step for row in later.rows()] == [2]
    whole = file.read_bytes()
    file.write_bytes(whole[:-3])  # as a kill leaves it
    cut = files(tmp_path)
    cut.read(ended=True)
    assert [row.step for row in cut.rows()] == [1]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/events.out.tfevents.1").write_bytes(b"\x05" + b"\x00" * 11 + b"\xff" * 9)
    with pytest.raises(MetricsError, match=r"events.out.tfevents.1: is damaged at byte 0, counted"):
        files(tmp_path).read()
