"""Train a pack by calling the user's function, which says what it measures through `report`."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seedsweep.cell import CellError, Code, Pack, Sink, UnreadableCheckpointError
from seedsweep.workers.programs.attempts import rewound
from seedsweep.workers.programs.block import digests, table_of
from seedsweep.workers.programs.capture import Captured
from seedsweep.workers.programs.keeping import FIRST_WRITTEN, facts_of, start_anew, written_next
from seedsweep.workers.programs.loading import Function, arguments_of, on_path, takes_several
from seedsweep.workers.programs.process import Output
from seedsweep.workers.programs.reports import Journal, Reports, Told
from seedsweep.workers.programs.rows import MetricsError
from seedsweep.workers.programs.settings import FunctionSettings


def train_pack(
    settings: FunctionSettings,
    function: Function,
    pack: Pack,
    sink: Sink,
    *,
    task: str,
    code: Code | None,
    device: str,
    should_stop: Callable[[], bool],
) -> bool:
    """Call the function for the seeds of a pack: to its end (True) or to its next `report` after `should_stop`.

    Raises
    ------
    CellError
        If the function raises an exception, or what it reports cannot be used.
    """
    facts = facts_of(code, device) | {"function": settings.function}
    return _Call(settings, function, pack, sink, task, facts, should_stop).train()


class _Stopped(BaseException):
    """Leaves the function at a `report`; not an Exception, which it may well catch."""


class _Call:
    """One attempt at a pack. Called itself, it is the function's `report`."""

    def __init__(
        self,
        settings: FunctionSettings,
        function: Function,
        pack: Pack,
        sink: Sink,
        task: str,
        facts: dict[str, Any],
        should_stop: Callable[[], bool],
    ) -> None:
        self._settings, self._function, self._pack, self._sink, self._task = settings, function, pack, sink, task
        self._should_stop = should_stop
        self._several = takes_several(function)
        self._asks = arguments_of(function)
        self._name = pack.cell_name(pack.seeds[0]) if len(pack.seeds) == 1 else pack.name
        self._folder = sink.cell_folder(self._name)
        try:
            before = Told.from_bytes(sink.load_checkpoint(), len(pack.seeds))
        except UnreadableCheckpointError as error:
            sink.refuse_checkpoint(str(error))
            start_anew(self._folder)
            before = Told.from_bytes(None, len(pack.seeds))
        self._journal = Journal(self._folder) if {"dir", "resume"} & set(self._asks) else None
        if self._journal is not None:
            more = self._journal.rows(before.attempts, len(pack.seeds))
            before = replace(before, rows=list(map(rewound, before.rows, more)))
        self._told = replace(before, attempts=before.attempts + 1, codes=[*before.codes, facts["code"]])
        self._reports = Reports(len(pack.seeds) if self._several else None, settings.steps, before.rows)
        self._output = Output()
        self._captured = Captured(self._output)
        self._began = time.monotonic()
        self._keep_at = FIRST_WRITTEN
        self._ends: BaseException | None = None
        """Why the function shall end, also if it catches what `report` raises."""
        self._facts = facts

    def __call__(self, step: Any, *, split: str | None = None, examples_seen: Any = None, **metrics: Any) -> None:
        """Say what was measured after a step."""
        with self._captured.paused():
            if self._ends is None:
                self._take(step, split, examples_seen, metrics)
        if self._ends is not None:
            raise self._ends

    def train(self) -> bool:
        self._sink.report(0, self._settings.steps or 0)
        self._keep()
        if self._journal is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._journal.begin(self._told.attempts)
        try:
            with on_path(Path(self._settings.directory or ".")), self._captured:
                self._function(**self._arguments())
        except (Exception, SystemExit, _Stopped) as error:
            if self._ends is None:
                raise self._failure(error) from None
        if isinstance(self._ends, _Stopped):
            self._keep()
            self._keep_log()
            return False
        rows = self._reports.rows()
        if self._ends is None and not rows[0]:
            self._ends = MetricsError(
                "the function has returned and reported nothing; let it call report(step, accuracy=…)"
            )
        if isinstance(self._ends, MetricsError):
            raise CellError(f"{self._ends}; its output: {self._keep_log()}", self._output.tail(), hopeless=True)
        if self._ends is not None:
            raise self._ends
        self._keep_log()
        self._write(last=True)
        return True

    def _take(self, step: Any, split: str | None, examples_seen: Any, metrics: dict[str, Any]) -> None:
        try:
            added = self._reports.add(step, split, examples_seen, metrics)
            if self._journal is not None:
                self._journal.add(added)
            self._sink.report(self._reports.last_step, self._settings.steps or 0)
            if self._elapsed >= self._keep_at:
                self._keep_at = written_next(self._elapsed)
                self._keep()
                self._keep_log()
        except Exception as error:  # what was reported cannot be used, or the store is full or gone
            self._ends = error
            return
        if self._should_stop():
            self._ends = _Stopped()

    def _arguments(self) -> dict[str, Any]:
        """What the function asks for, by name."""
        pack, folder = self._pack, self._folder
        seeds = {
            "seed": [seed.id for seed in pack.seeds],
            "init_seed": [seed.init for seed in pack.seeds],
            "data_seed": [seed.data for seed in pack.seeds],
        }
        own: dict[str, Any] = {"report": self, "dir": str(folder)}
        for name, values in seeds.items():
            own[name] = values[0]
            own[f"{name}s"] = np.array(values, dtype=np.int64)
        if "resume" in self._asks:
            own["resume"] = any(path.name != Journal.NAME for path in folder.iterdir())
        given = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in self._settings.values().items()
        }
        return given | {name: value for name, value in own.items() if name in self._asks}

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    @property
    def _seconds(self) -> float:
        return self._told.seconds + self._elapsed

    def _keep(self) -> None:
        """Keep what there is so far, as rows to look at and for a next attempt."""
        rows = self._reports.rows()
        self._sink.save_checkpoint(replace(self._told, rows=rows, seconds=self._seconds).to_bytes())
        if rows[0]:
            self._write(last=False)

    def _write(self, *, last: bool) -> None:
        rows = self._reports.rows()
        facts = self._facts | {
            "attempts": self._told.attempts,
            "earlier_codes": self._told.other_codes if self._reports.goes_on else [],
            "seconds": self._seconds / len(rows),
            **digests(rows),
        }
        self._sink.write_block(
            0,
            table_of(self._task, self._pack, dict(zip(self._pack.seeds, rows, strict=True))),
            last=last,
            steps=(rows[0][0].step, rows[0][-1].step),
            provenance=facts,
        )

    def _keep_log(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._arguments_shown().items())
        head = f"attempt {self._told.attempts}: {self._settings.function}({given})\n\n"
        return self._sink.keep_log(self._name, head.encode() + self._output.content())

    def _arguments_shown(self) -> dict[str, Any]:
        seeds = [seed.id for seed in self._pack.seeds]
        return self._settings.values() | ({"seeds": seeds} if self._several else {"seed": seeds[0]})

    def _failure(self, error: BaseException) -> CellError:
        """What the function has raised: in one line, and below it the part of the traceback that is the user's."""
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        text = "".join(traceback.format_exception(type(error), error, trace))
        self._output.add(text.encode(errors="replace"))
        self._keep()
        frames = traceback.extract_tb(trace)
        place = f" ({Path(frames[-1].filename).name} line {frames[-1].lineno})" if frames else ""
        said = " ".join(str(error).split())[:200]
        what = f"{type(error).__name__}: {said}" if said else type(error).__name__
        return CellError(f"the function raised {what}{place}; its output: {self._keep_log()}", self._output.tail())
