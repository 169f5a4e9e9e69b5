"""Train one cell: run the command, take in its metrics while it runs, and keep what a next attempt needs."""

from __future__ import annotations

import os
import platform
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from seedsweep import formats
from seedsweep.cell import CellError, Code, Pack, Sink, UnreadableCheckpointError
from seedsweep.errors import MissingPackageError
from seedsweep.seeds import Seed
from seedsweep.workers.programs.attempts import Attempt, begin
from seedsweep.workers.programs.block import digests, table_of
from seedsweep.workers.programs.files import MetricsFiles
from seedsweep.workers.programs.keeping import FIRST_WRITTEN, facts_of, start_anew, written_next
from seedsweep.workers.programs.process import Output, Process, end_left_behind
from seedsweep.workers.programs.rows import MetricsError, Row
from seedsweep.workers.programs.settings import ProgramSettings

LOOK_SECONDS = 0.1
READ_SECONDS = 1.0
"""Time between two looks at what the program has written."""
STOP_SECONDS = 10.0
"""Time that a program has to save its state after SIGTERM; less than the driver gives its workers."""
THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def train_cell(
    settings: ProgramSettings,
    pack: Pack,
    sink: Sink,
    *,
    task: str,
    code: Code | None,
    cpus: int,
    device: str,
    should_stop: Callable[[], bool],
) -> bool:
    """Run the program of one cell to its end (True) or, after `should_stop`, until it has saved its state (False).

    Raises
    ------
    CellError
        If the program ends with another status than 0, or what it writes cannot be used.
    """
    (seed,) = pack.seeds
    return _Cell(settings, pack, seed, sink, task, cpus, facts_of(code, device)).train(should_stop)


class _Cell:
    def __init__(
        self,
        settings: ProgramSettings,
        pack: Pack,
        seed: Seed,
        sink: Sink,
        task: str,
        cpus: int,
        facts: dict[str, Any],
    ) -> None:
        self._settings, self._pack, self._seed, self._sink, self._task = settings, pack, seed, sink, task
        self._name = pack.cell_name(seed)
        self._directory = Path(settings.directory or ".")
        self._folder = sink.cell_folder(self._name)
        try:
            before = Attempt.from_bytes(sink.load_checkpoint())
        except UnreadableCheckpointError as error:
            sink.refuse_checkpoint(str(error))
            start_anew(self._folder)
            before = Attempt()
        self._folder.mkdir(parents=True, exist_ok=True)
        again = before.number > 0 or any(self._folder.iterdir())
        if again:
            end_left_behind(self._folder)
        self._attempt = begin(before, self._folder, settings, facts["code"])
        self._files = MetricsFiles(self._folder, settings, self._attempt.begun)
        self._command = settings.template.fill(settings.values() | self._own_values())
        self._environment = self._environment_of(cpus, again)
        self._output = Output()
        self._began = time.monotonic()
        self._facts = facts | {"command": self._command}

    def train(self, should_stop: Callable[[], bool]) -> bool:
        self._tell()
        self._keep()  # before anything runs: from now on what lies in the folder is this attempt's
        try:
            with self._started() as process:
                code = self._follow(process, should_stop)
            if code:
                raise CellError(f"{self._how_ended(code)}; its output: {self._keep_log()}", self._output.tail())
            self._files.read(ended=code == 0)
            rows = self._attempt.rows(self._files.rows())
            if code == 0 and not rows:
                raise MetricsError(f"the program has ended, but {self._files.why_empty()}")
        except MetricsError as error:
            raise CellError(
                f"{error}; its output: {self._keep_log()}", self._output.tail(), hopeless=True
            ) from None
        except MissingPackageError as error:
            raise CellError(str(error), hopeless=True) from None
        self._keep_log()
        if code is None:
            self._keep()
            return False
        self._write(rows, last=True)
        return True

    def _started(self) -> Process:
        try:
            return Process(self._command, str(self._directory), self._environment, self._output)
        except OSError as error:  # the program's own start fails in the launcher, and says so itself
            message = f"program.directory: {self._directory}: {error.strerror}, on {platform.node()}"
            raise CellError(message, hopeless=True) from None

    def _follow(self, process: Process, should_stop: Callable[[], bool]) -> int | None:
        """Wait for the end of the program; None if it was asked to end."""
        read_at = 0.0
        keep_at = FIRST_WRITTEN
        while (code := process.wait(LOOK_SECONDS)) is None:
            if should_stop():
                process.ask_to_end()
                process.wait(STOP_SECONDS)
                return None
            elapsed = self._elapsed
            if elapsed >= read_at:
                read_at = elapsed + READ_SECONDS
                self._files.read()
                self._tell()
            if elapsed >= keep_at:
                keep_at = written_next(elapsed)
                self._keep()
                self._keep_log()
        return code

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _tell(self) -> None:
        earlier = max((row.step for row in self._attempt.earlier), default=0)
        self._sink.report(self._files.last_step or earlier, self._settings.steps or 0)

    def _keep(self) -> None:
        """Keep what there is so far, as rows to look at and for a next attempt."""
        written = self._files.rows()
        now = self._attempt
        seconds = now.seconds + self._elapsed
        self._sink.save_checkpoint(replace(now, seconds=seconds, written=written).to_bytes())
        if rows := now.rows(written):
            self._write(rows, last=False)

    def _write(self, rows: Sequence[Row], *, last: bool) -> None:
        attempt = self._attempt
        facts = {
            "earlier_codes": attempt.codes_before(rows),
            "attempts": attempt.number,
            "seconds": attempt.seconds + self._elapsed,
            **digests([rows]),
        }
        self._sink.write_block(
            0,
            table_of(self._task, self._pack, {self._seed: rows}),
            last=last,
            steps=(rows[0].step, rows[-1].step),
            provenance=self._facts | facts,
        )

    def _own_values(self) -> dict[str, int | str]:
        seed = self._seed
        return {
            "seed": seed.id,
            "init_seed": seed.init,
            "data_seed": seed.data,
            "dir": str(self._folder),
            "python": sys.executable,
        }

    def _environment_of(self, cpus: int, again: bool) -> dict[str, str]:
        seed = self._seed
        own = {
            "SEEDSWEEP_SEED": str(seed.id),
            "SEEDSWEEP_INIT_SEED": str(seed.init),
            "SEEDSWEEP_DATA_SEED": str(seed.data),
            "SEEDSWEEP_DIR": str(self._folder),
            "PYTHONUNBUFFERED": "1",  # what it has printed before it dies is what one wants to read
        }
        if again:
            own["SEEDSWEEP_RESUME"] = "1"
        kept = {key: value for key, value in os.environ.items() if key != "SEEDSWEEP_RESUME"}
        return kept | own | dict.fromkeys(THREADS, str(cpus))

    def _keep_log(self) -> str:
        number = self._attempt.number
        name = self._name if number == 1 else f"{self._name}-attempt-{number}"
        head = f"attempt {number}: {shlex.join(self._command)}\n\n"
        return self._sink.keep_log(name, head.encode() + self._output.content())

    def _how_ended(self, code: int) -> str:
        seconds = f"after {formats.duration(self._elapsed)}"
        last = self._output.tail().rpartition("\n")[2][:200]
        said = f": {last}" if last else ""
        if code < 0 or code > 128:  # as Python says it, or a shell
            try:
                name = signal.Signals(-code if code < 0 else code - 128).name
                return f"the program was killed by {name} {seconds}{said}"
            except ValueError:
                pass
        return f"the program ended with status {code} {seconds}{said}"
