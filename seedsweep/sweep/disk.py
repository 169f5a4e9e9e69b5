"""Files of a local disk: written whole or not at all, and found behind no symbolic link."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path


def write_whole(target: Path, data: bytes | memoryview, *, durable: bool) -> None:
    """Make or replace a file and its folders. Not durable: atomic still, but a power cut may lose it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(target.parent)


def scanned(folder: str, recursive: bool) -> Iterator[os.DirEntry[str]]:
    """What is in a folder, and below it if that is wanted, behind no symbolic link."""
    folders = [folder]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    yield entry
                    if recursive and entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue


def _sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
