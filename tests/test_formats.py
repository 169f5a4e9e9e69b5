"""One module writes numbers for readers; everything else asks it. The engine writes to no reader."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import seedsweep

PACKAGE = Path(seedsweep.__file__).parent
WRITES = re.compile(r"[,.]|[bcdeEfFgGn%]$")
"""Format specs that decide how a number looks; a width or a filling zero decides nothing."""


def formatted(source: str) -> Iterator[str]:
    """Every format spec of an f-string that decides how a number looks; errors for programmers may."""
    tree = ast.parse(source)
    raised = {
        id(node)
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Raise) and "ValueError" in ast.unparse(statement)
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None and id(node) not in raised:
            spec = "".join(
                str(part.value) for part in ast.walk(node.format_spec) if isinstance(part, ast.Constant)
            )
            if WRITES.search(spec):
                yield ast.unparse(node)


@pytest.mark.parametrize("room", ["analysis", "cli", "sweep", "tables", "workers/probing", "workers/programs"])
def test_numbers_are_written_by_one_module(room: str) -> None:
    files = list((PACKAGE / room).rglob("*.py"))
    assert files
    found = {path.relative_to(PACKAGE).as_posix(): list(formatted(path.read_text())) for path in files}
    found.pop("analysis/statistics/modality.py", None)  # `DipResult.text`, for tables of one's own
    found.pop("sweep/blocks.py", None)  # the names of blocks
    found.pop("analysis/statistics/clusters.py", None)  # a reason, in a result
    assert {path: specs for path, specs in found.items() if specs} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('f"{share:.0%}"', 1),
        ('f"{x:.2g} and {y:,}"', 2),
        ('f"{x:{digits}.3f}"', 1),
        ('f"{name:10} {minutes:02d}"', 1),
        ('f"{name} {n}"', 0),
        ('raise ValueError(f"{x:g} is not there")', 0),
    ],
)
def test_the_check_finds_formats(source: str, found: int) -> None:
    assert len(list(formatted(source))) == found
