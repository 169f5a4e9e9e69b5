"""The notebooks run, and the outputs that they are shipped with are those that they give."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from notebooks.execute import execute

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
KILOBYTES = 400

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == [
        "01_first_look.ipynb",
        "02_random_scaling.ipynb",
        "03_your_own_table.ipynb",
        "04_escape_times.ipynb",
        "05_planning_a_study.ipynb",
    ]


LONG = {"02_random_scaling", "04_escape_times"}
"""Ten seconds each; the other three show that notebooks run."""


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=pytest.mark.heavy if path.stem in LONG else ()) for path in NOTEBOOKS],
    ids=lambda path: path.stem,
)
def test_a_notebook_runs_and_gives_its_stored_outputs(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (tmp_path / "populations").symlink_to(ROOT / "populations")
    fresh = execute(Path(shutil.copy(path, folder)), folder)
    stored = nbformat.read(path, as_version=4)
    for number, (cell, again) in enumerate(zip(stored.cells, fresh.cells, strict=True)):
        shown, shown_again = list(outputs(cell)), list(outputs(again))
        assert [kind for kind, _ in shown] == [kind for kind, _ in shown_again], f"cell {number}"
        for (kind, text), (_, text_again) in zip(shown, shown_again, strict=True):
            assert same(text, text_again), (
                f"cell {number}, {kind}: `make notebooks` stores what it gives:\n{text_again}"
            )
    assert [file.name for file in folder.iterdir()] == [path.name], "a notebook leaves nothing behind"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_notebook_is_small_and_says_nothing_of_the_machine(path: Path) -> None:
    assert path.stat().st_size < KILOBYTES * 1000
    notebook = nbformat.read(path, as_version=4)
    assert notebook.metadata == {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        assert cell.metadata == {}
        if cell.cell_type == "code":
            assert cell.execution_count is not None, "not executed"
    text = "".join(text for cell in notebook.cells for _, text in outputs(cell))
    for place in (str(ROOT), str(Path.home()), tempfile.gettempdir(), "\x1b"):
        assert place not in text


def outputs(cell: Any) -> Iterator[tuple[str, str]]:
    """Kind and text of all that a cell shows; tables have it as plain text too, pictures none. No warnings."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            assert output.name == "stdout", output.text
            yield "printed", output.text
        else:
            for kind, text in sorted(output.data.items()):
                yield kind, "" if kind in ("image/png", "text/html") else text


def same(a: str, b: str) -> bool:
    """The same words, and the same numbers but for one in the last digit: processors round differently."""
    numbers_a, numbers_b = NUMBER.findall(a), NUMBER.findall(b)
    words_a, words_b = (" ".join(NUMBER.sub("#", text).split()) for text in (a, b))
    return words_a == words_b and all(
        abs(float(x) - float(y)) <= 1.001 * 10.0 ** -len(x.partition(".")[2])
        for x, y in zip(numbers_a, numbers_b, strict=True)
    )
