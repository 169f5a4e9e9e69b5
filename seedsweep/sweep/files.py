"""Files of a directory on a local disk or an object store: whole reads, atomic writes, listings.

Every write makes the whole file or nothing: on a local disk through a hidden temporary name in the same folder,
fsync and rename; on an object store as one PUT. So a reader never sees half a file, and a process killed at any
moment leaves at worst a hidden temporary, which `remove_temporaries` clears away.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from seedsweep.errors import InputError, StorageError

_THREADS = 8
"""An object store answers slowly, but many at once."""


@dataclass(frozen=True)
class FileEntry:
    """One file of a listing."""

    name: str
    """Path below the root, with slashes."""
    size: int
    """Bytes."""
    modified_ns: int
    """Time of the last change, nanoseconds since 1970; 0 where the file system does not say."""


class Files:
    """The files below one root: a local path, or any URL that `pyarrow.fs` or fsspec opens.

    Creating the object touches nothing. `location` is what another process opens the same root by: an absolute
    path or the URL. Raises InputError if the URL's scheme is unknown or its file system cannot be reached.
    """

    def __init__(self, location: str | os.PathLike[str]) -> None:
        self.filesystem, self.root, self.location = _open(os.fspath(location))
        self.local = isinstance(self.filesystem, fs.LocalFileSystem)

    def path(self, name: str) -> str:
        """Path of a file inside `filesystem`."""
        return f"{self.root}/{name}" if name else self.root

    def shown(self, name: str) -> str:
        """The file as a message names it."""
        return f"{self.location.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes | None:
        """The whole file, or None if there is none."""
        try:
            with self.filesystem.open_input_file(self.path(name)) as file:
                return bytes(file.read())
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes | memoryview, *, durable: bool = True) -> None:
        """Make or replace the file with exactly `data`. Not durable: atomic still, but a power cut may lose it.

        Raises StorageError if that cannot be done. A root that is gone is not made again.
        """
        try:
            if self.local:
                self._write_locally(Path(self.path(name)), data, durable)
                return
            # One call on a buffer that is complete: an exception on the way must not leave half an object.
            with self.filesystem.open_output_stream(self.path(name)) as stream:
                stream.write(data)
        except OSError as error:
            raise StorageError(self.location, error) from error

    def _write_locally(self, target: Path, data: bytes | memoryview, durable: bool) -> None:
        if not Path(self.root).is_dir():
            raise FileNotFoundError(errno.ENOENT, "the directory is gone")
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

    def delete(self, name: str) -> None:
        """Delete one file; no error if there is none."""
        try:
            self.filesystem.delete_file(self.path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(self.location, error) from error

    def delete_all(self, names: Sequence[str]) -> None:
        """Delete files, several at once where each takes a while; no error if one is gone."""
        if self.local:
            for name in names:
                self.delete(name)
            return
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(self.delete, names))

    def delete_folder(self, name: str) -> None:
        """Delete a folder and all in it; no error if there is none."""
        try:
            self.filesystem.delete_dir(self.path(name))
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(self.location, error) from error

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        return bool(self.filesystem.get_file_info(self.path(name)).type == fs.FileType.File)

    def listing(self, folder: str = "", *, recursive: bool = True) -> list[FileEntry]:
        """All files below a folder, at any depth, sorted by name; empty if there is no such folder."""
        selector = fs.FileSelector(self.path(folder), recursive=recursive, allow_not_found=True)
        return sorted(
            (
                FileEntry(info.path[len(self.root) :].lstrip("/"), info.size, info.mtime_ns or 0)
                for info in self.filesystem.get_file_info(selector)
                if info.type == fs.FileType.File
            ),
            key=lambda entry: entry.name,
        )

    def remove_temporaries(self, folders: Iterable[str]) -> None:
        """Delete what writes of killed processes left behind, in these folders and beside them."""
        entries = [
            *self.listing(recursive=False),
            *(entry for folder in folders for entry in self.listing(folder)),
        ]
        for entry in entries:
            base = entry.name.rpartition("/")[2]
            if base.startswith(".") and base.endswith(".tmp"):
                self.delete(entry.name)


def _open(location: str) -> tuple[fs.FileSystem, str, str]:
    """The file system, the root's path in it, and the location in a form that other processes understand."""
    if "://" not in location:
        local = os.path.normpath(Path(location).expanduser().absolute())
        return fs.LocalFileSystem(), local, local
    try:
        filesystem, path = fs.FileSystem.from_uri(location)
    except pa.ArrowInvalid:
        filesystem, path = _open_with_fsspec(location)
    except OSError as error:
        raise InputError(f"{location}: cannot be reached: {_first_line(error)}") from error
    if isinstance(filesystem, fs.LocalFileSystem):
        return filesystem, path.rstrip("/") or "/", path
    return filesystem, path.rstrip("/"), location


def _open_with_fsspec(location: str) -> tuple[fs.FileSystem, str]:
    try:
        from fsspec.core import url_to_fs

        filesystem, path = url_to_fs(location)
    except (ImportError, ValueError) as error:
        scheme = location.partition("://")[0]
        raise InputError(
            f"{location}: neither pyarrow nor fsspec opens {scheme}:// here ({_first_line(error)}); "
            "give a local path or for example s3://bucket/sweep"
        ) from error
    return fs.PyFileSystem(fs.FSSpecHandler(filesystem)), path


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
