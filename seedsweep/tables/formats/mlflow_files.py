"""MLflow's store of files, `mlruns/<experiment>/<run>/{metrics,params,tags}/`: plain text."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from seedsweep.tables.formats.format import Format
from seedsweep.tables.formats.series import STEP, by_step
from seedsweep.tables.tablefile import TableFile


class MlflowFiles(Format):
    """By `meta.yaml` beside a folder of metrics or parameters. Runs that were deleted in MLflow are none."""

    title = "MLflow's files"

    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """A table per run."""
        metas = [path for path in files if path.name == "meta.yaml"]
        folders = [path.parent for path in metas]
        of_runs: dict[Path, list[Path]] = {
            folder: [] for folder in folders if (folder / "metrics").is_dir() or (folder / "params").is_dir()
        }
        for path in files if of_runs else ():
            for folder in path.parents:
                if folder in of_runs:
                    of_runs[folder].append(path)
                    break
        return [_Run(folder, claims) for folder, claims in of_runs.items() if not _deleted(folder)]


class _Run(TableFile):
    first_row = 0
    kind = "MLflow's files"

    def __init__(self, folder: Path, claims: Sequence[Path]) -> None:
        super().__init__(folder)
        self._claims = claims

    @property
    def claims(self) -> Sequence[Path]:
        return self._claims

    @property
    def run(self) -> str | None:
        name = self.path / "tags" / "mlflow.runName"
        return name.read_text(encoding="utf-8").strip() if name.is_file() else None

    def own_parameters(self) -> Mapping[str, Any]:
        return _Texts(self.path / "params")

    def _read_names(self) -> list[str]:
        return [STEP, *_names(self.path / "metrics")]

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        metrics = [name for name in columns if name != STEP] or self.names[1:]
        return by_step(columns, (point for metric in metrics for point in self._points(metric)))

    def _points(self, metric: str) -> Iterator[tuple[str, int, float]]:
        """Of lines that are time, value, step, and what later versions add."""
        for line in (self.path / "metrics" / metric).read_text(encoding="utf-8").splitlines():
            words = line.split()
            if len(words) >= 2:
                yield metric, int(words[2]) if len(words) > 2 else 0, float(words[1])


class _Texts(Mapping[str, str]):
    """What stands in the files below a folder, by their names; read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> str:
        try:
            return (self._folder / name).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            raise KeyError(name) from None

    def __iter__(self) -> Iterator[str]:
        return iter(_names(self._folder))

    def __len__(self) -> int:
        return len(_names(self._folder))


def _names(folder: Path) -> list[str]:
    """Of the files below a folder: a slash in a metric's name makes folders."""
    found = [Path(at, name) for at, _, names in os.walk(folder) for name in names]
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _deleted(folder: Path) -> bool:
    return "lifecycle_stage: deleted" in (folder / "meta.yaml").read_text(encoding="utf-8", errors="replace")
