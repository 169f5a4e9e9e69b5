"""Which code a program is: its script and the commit of the folder it runs in."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path

from seedsweep.cell import Code


def code_of(directory: Path, command: Sequence[str]) -> Code:
    """Look at the folder as it is now: the command's script, the commit, and whether anything differs from it."""
    return code_in(directory, script_of(directory, command))


def code_in(directory: Path, script: Path | None) -> Code:
    """The same of a script or module that is known."""
    commit = _git(directory, "rev-parse", "HEAD")
    changes = _git(directory, "diff", "HEAD", "--no-ext-diff", "--no-textconv") if commit is not None else None
    return Code(
        script=script.name if script else None,
        script_sha256=_digest(script.read_bytes()) if script else None,
        commit=commit.decode().strip() if commit else None,
        changes=_digest(changes) if changes else None,
    )


def script_of(directory: Path, command: Sequence[str]) -> Path | None:
    """The first word of the command that is a file in the directory, or the file of a module after `-m`."""
    for before, word in zip(["", *command], command, strict=False):
        names = [word]
        if before == "-m":
            module = word.replace(".", "/")
            names = [f"{module}.py", f"{module}/__main__.py"]
        for name in names:
            path = directory / name
            if name and not Path(name).is_absolute() and path.is_file():
                return path
    return None


def _git(directory: Path, *words: str) -> bytes | None:
    """What git says; None outside a repository, without git, or if it takes too long."""
    try:
        command = ["git", "-C", str(directory), *words]
        return subprocess.run(command, capture_output=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
