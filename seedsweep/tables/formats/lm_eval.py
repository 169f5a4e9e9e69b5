"""Results of lm-evaluation-harness: a JSON file per model, with every task's metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from seedsweep import jsontext
from seedsweep.tables.configs import flat
from seedsweep.tables.formats.format import Format
from seedsweep.tables.formats.json_table import columns_of
from seedsweep.tables.tablefile import TableFile

LARGEST = 1 << 26
"""Bytes that such a file has at most; a larger one is not looked into."""


class LmEval(Format):
    """By the fields `results` and `model_args`."""

    title = "lm-evaluation-harness"

    def find(self, files: Sequence[Path]) -> Sequence[TableFile]:
        """A table of one row per file."""
        return [_Results(path) for path in files if path.suffix == ".json" and _is_of_the_harness(path)]


class _Results(TableFile):
    """Columns are `TASK.METRIC`, without the filter's name where that is `none`.

    Parameters are the model's name and its arguments, such as `revision`; `model` is what `pretrained` says.
    """

    kind = "lm-evaluation-harness's results"

    @property
    def claims(self) -> Sequence[Path]:
        return [self.path, *self.path.parent.glob("samples_*.jsonl")]

    @property
    def run(self) -> str | None:
        return str(self.own_parameters().get("model", "")) or None

    def own_parameters(self) -> Mapping[str, Any]:
        return self._parameters

    @cached_property
    def _parameters(self) -> Mapping[str, Any]:
        content = jsontext.loads(self.path.read_bytes())
        config = content.get("config", {})
        arguments = config.get("model_args", {})
        if isinstance(arguments, str):
            pairs = (pair.partition("=") for pair in arguments.split(","))
            arguments = {name.strip(): value.strip() for name, equals, value in pairs if equals}
        name = arguments.get("pretrained") or content.get("model_name") or config.get("model")
        return {**flat(config), **flat(arguments), **({"model": name} if name else {})}

    def _read_names(self) -> list[str]:
        return list(self._row().column_names)

    def _read(self, columns: list[str], labels: Sequence[str]) -> pa.Table:
        return self._row().select(columns)

    def _row(self) -> pa.Table:
        results = jsontext.loads(self.path.read_bytes())["results"]
        metrics = {
            f"{task}.{metric.removesuffix(',none')}": value
            for task, values in results.items()
            for metric, value in values.items()
            if metric != "alias"
        }
        return columns_of([metrics])


def _is_of_the_harness(path: Path) -> bool:
    if path.stat().st_size > LARGEST:
        return False
    data = path.read_bytes()
    return b'"results"' in data and b'"model_args"' in data
