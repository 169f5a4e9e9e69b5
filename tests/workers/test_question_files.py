"""McCoy's data files: read as they are, and refused with the file, the line and the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from seedsweep.errors import InputError
from seedsweep.workers.tasks.question_formation import QuestionFormationSettings
from seedsweep.workers.tasks.question_grammar import VOCABULARY, encode

# Lines of the original question.train (McCoy, Frank & Linzen 2020).
LINES = """\
our tyrannosaurus doesn't comfort my yaks who some yak does high_five . quest\tdoesn't our tyrannosaurus comfort \
my yaks who some yak does high_five ?
my salamander above our quails does confuse our yaks . decl\tmy salamander above our quails does confuse our yaks .
our unicorns who do applaud some ravens don't remember our quails . decl\tour unicorns who do applaud some ravens \
don't remember our quails .
the walrus doesn't move . decl\tthe walrus doesn't move .
"""
GEN = "my yak who does giggle doesn't swim . quest\tdoesn't my yak who does giggle swim ?\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for split in ("train", "dev", "test"):
        (tmp_path / f"question.{split}").write_text(LINES)
    (tmp_path / "question.gen").write_text(GEN * 3)
    return tmp_path


def settings(folder: Path, **changes: object) -> QuestionFormationSettings:
    return QuestionFormationSettings.model_validate({"name": "question-formation", "data": str(folder), **changes})


def test_original_lines_are_read_and_written_back(folder: Path) -> None:
    read = settings(folder)
    assert [(split.name, split.examples) for split in read.splits()] == [("test", 1), ("gen", 3)]
    rows = [" ".join(VOCABULARY[token] for token in row if token) for row in encode(read.data_set().train)]
    assert rows == [f"<begin> {line} <end>" for line in LINES.replace("\t", " ").splitlines()]
    assert read.tokens_per_row() == encode(read.data_set().train).shape[1] == 2 * 12 + 3
    # Two right-branching declarations and a centre-embedded one: a mix has one declaration.
    assert len(settings(folder, mix=1).data_set().train) == 2
    assert len(settings(folder, quest_only=True).data_set().train) == 1


def test_the_content_is_the_identity_wherever_it_lies(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for file in folder.glob("question.*"):
        (elsewhere / file.name).write_bytes(file.read_bytes())
    assert settings(folder).identity() == settings(elsewhere).identity()
    changed = tmp_path / "changed"
    elsewhere.rename(changed)
    (changed / "question.gen").write_text(GEN)
    assert settings(changed).identity() != settings(folder).identity()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("decl\tmy sal", "decl my sal", "question.train line 2: one tab is wanted"),
        ("decl\tmy sal", "decl\t\tmy sal", "question.train line 2: one tab is wanted"),
        ("decl\tmy sal", "asks\tmy sal", "line 2: 'asks' is not a word of the grammar"),
        (
            "walrus doesn't move . decl",
            "walrusses doesn't move . decl",
            r"line 4: 'walrusses' .*mean 'walruses'\?",
        ),
        ("move . decl", "move decl", "line 4: in front of the tab stand a sentence, a full stop, and `quest`"),
        ("the walrus doesn't move . decl", "the walrus . decl", "line 4: the sentence has no main auxiliary"),
        ("decl\tthe walrus", "decl\tthe yak", "line 4: behind the tab stands .*not the sentence itself"),
        (
            "quest\tdoesn't our",
            "quest\tdoes our",
            "line 1: behind the tab stands .*not the question of the sentence",
        ),
        ("quest\tdoesn't our", "decl\tdoesn't our", "line 1: behind the tab stands .*not the sentence itself"),
        (LINES, "\xff", "line 1: not text in UTF-8"),
        (LINES, LINES.split("\n", 1)[1], "question.train: has no line with `quest`"),
        (LINES, "", "question.train: has no line with `quest`"),
    ],
)
def test_a_malformed_line_is_named(folder: Path, old: str, new: str, message: str) -> None:
    assert old in LINES
    (folder / "question.train").write_text(LINES.replace(old, new), encoding="latin-1")
    with pytest.raises(InputError, match=f"task.data: .*{message}"):
        settings(folder).resolve()


def test_other_bad_settings(folder: Path) -> None:
    with pytest.raises(ValidationError, match="train_lines: the files of data decide"):
        settings(folder, train_lines=1000)
    with pytest.raises(ValidationError, match="types: the files of data decide"):
        settings(folder, types="original")
    (folder / "question.train").write_text(LINES.splitlines()[0] + "\n")
    with pytest.raises(InputError, match="declarations of both kinds"):
        settings(folder, mix=0.5).resolve()


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "question.gen").unlink()
    with pytest.raises(InputError, match=r"task.data: .*question.gen: cannot be read: No such file"):
        settings(folder).resolve()
