"""Files of a directory on a local disk or an object store: whole reads, atomic writes, listings.

Every write makes the whole file or nothing: on a local disk through a hidden temporary name in the same folder,
fsync and rename; on an object store as one PUT, if it is small. So a reader never sees half a file, and a process
killed at any moment leaves at worst a hidden temporary, which `remove_temporaries` clears away.

Below the root of a local directory no symbolic link is followed, since what it leads to is not ours: listings pass
over links, writing and deleting put an end to the link itself, and what lies behind one is refused.
"""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from seedsweep.errors import InputError, StorageError
from seedsweep.sweep.patience import Patience

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
        self.patience = Patience(self.location)

    def path(self, name: str) -> str:
        """Path of a file inside `filesystem`."""
        return f"{self.root}/{name}" if name else self.root

    def shown(self, name: str) -> str:
        """The file as a message names it."""
        return f"{self.place}/{name}"

    @property
    def place(self) -> str:
        """The location without what a URL says of how it is reached."""
        return (self.location if self.local else self.location.partition("?")[0]).rstrip("/")

    def read(self, name: str) -> bytes | None:
        """The whole file, or None if there is none.

        Raises InputError if a symbolic link is or leads to it, StorageError if an object store does not answer.
        """
        try:
            if self.local:
                self.refuse_links(name)
                return Path(self.path(name)).read_bytes()
            with self.patience.ask(lambda: self.filesystem.open_input_file(self.path(name))) as file:
                size = file.size()
                return bytes(self.patience.ask(file.read, size))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write(self, name: str, data: bytes | memoryview, *, durable: bool = True) -> None:
        """Make or replace the file with exactly `data`. Not durable: atomic still, but a power cut may lose it.

        Raises StorageError if that cannot be done. A root that is gone is not made again.
        """
        try:
            if self.local:
                self.refuse_links(name.rpartition("/")[0])
                self._write_locally(Path(self.path(name)), data, durable)
            else:
                self.patience.ask(lambda: self._put(name, data), len(data))
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(self.location, error) from error

    def _put(self, name: str, data: bytes | memoryview) -> None:
        # One call on a buffer that is complete: an exception on the way must not leave half an object.
        with self.filesystem.open_output_stream(self.path(name)) as stream:
            stream.write(data)

    def _write_locally(self, target: Path, data: bytes | memoryview, durable: bool) -> None:
        self.refuse_if_gone()
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

    def refuse_if_gone(self) -> None:
        """Raise StorageError if the root is a local directory that is not there."""
        if self.local and not Path(self.root).is_dir():
            raise StorageError(self.location, FileNotFoundError(errno.ENOENT, "the directory is gone"))

    def delete(self, name: str) -> None:
        """Delete one file, or the symbolic link in its place; no error if there is none."""
        try:
            if self.local:
                self.refuse_links(name.rpartition("/")[0])
                os.unlink(self.path(name))
            else:
                self.patience.ask(lambda: self.filesystem.delete_file(self.path(name)))
        except FileNotFoundError:
            return
        except StorageError:
            raise
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

    def delete_folder(self, name: str, files: Iterable[str]) -> None:
        """Delete these files of a folder, in this order, and the folder, if then nothing is in it.

        Of an object store, where a folder is what its files are called, all of it. No error if there is none.
        """
        if self.local:
            for file in files:
                self.delete(f"{name}/{file}")
            with suppress(OSError):  # something of somebody else's lies there, or it is gone already
                os.rmdir(self.path(name))
            return
        try:
            self.patience.ask(lambda: self.filesystem.delete_dir(self.path(name)))
        except FileNotFoundError:
            return
        except StorageError:
            raise
        except OSError as error:
            raise StorageError(self.location, error) from error

    def move(self, name: str, to: str) -> None:
        """Move a file to a name that is not taken; a symbolic link is moved, not what it leads to."""
        if self.local:
            for place in (name, to):
                self.refuse_links(place.rpartition("/")[0])
            target = Path(self.path(to))
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                os.rename(self.path(name), target)
            except FileNotFoundError:
                return
            except OSError as error:
                raise StorageError(self.location, error) from error
            return
        content = self.read(name)
        if content is not None:
            self.write(to, content)
            self.delete(name)

    def exists(self, name: str) -> bool:
        """Whether there is a file of this name."""
        if self.local:
            self.refuse_links(name.rpartition("/")[0])
        info = self.patience.ask(lambda: self.filesystem.get_file_info(self.path(name)))
        return bool(info.type == fs.FileType.File)

    def listing(self, folder: str = "", *, recursive: bool = True) -> list[FileEntry]:
        """All files below a folder, at any depth, sorted by name; empty if there is no such folder.

        Raises InputError if the folder is a symbolic link, or lies behind one.
        """
        if self.local:
            self.refuse_links(folder)
            entries = self._files_in(self.path(folder), recursive)
        else:
            selector = fs.FileSelector(self.path(folder), recursive=recursive, allow_not_found=True)
            _forget_listings(self.filesystem)
            entries = (
                FileEntry(info.path[len(self.root) :].lstrip("/"), info.size, info.mtime_ns or 0)
                for info in self.patience.ask(lambda: self.filesystem.get_file_info(selector))
                if info.type == fs.FileType.File
            )
        return sorted(entries, key=lambda entry: entry.name)

    def _files_in(self, folder: str, recursive: bool) -> Iterator[FileEntry]:
        for found in _scanned(folder, recursive):
            if found.is_file(follow_symlinks=False):
                try:
                    status = found.stat(follow_symlinks=False)
                except FileNotFoundError:  # deleted since the folder was read
                    continue
                name = found.path[len(self.root) :].lstrip("/")
                yield FileEntry(name, status.st_size, status.st_mtime_ns)

    def modified(self, entry: FileEntry) -> float | None:
        """When a file was changed last, in seconds since 1970 by the store's clock; None if it does not say."""
        if entry.modified_ns:
            return entry.modified_ns / 1e9
        handler = getattr(self.filesystem, "handler", None)
        try:  # pyarrow hands on the times of few of fsspec's file systems
            return float(handler.fs.modified(self.path(entry.name)).timestamp()) if handler is not None else None
        except (AttributeError, NotImplementedError, OSError):
            return None

    def links(self, folder: str) -> list[str]:
        """The symbolic links at and below a folder; none on an object store."""
        if not self.local:
            return []
        if os.path.islink(self.path(folder)):
            return [folder]
        found = (entry for entry in _scanned(self.path(folder), True) if entry.is_symlink())
        return sorted(entry.path[len(self.root) :].lstrip("/") for entry in found)

    def refuse_links(self, name: str) -> None:
        """Raise InputError if a name below a local root, or a part of it that is a folder, is a symbolic link."""
        place = self.root
        for part in name.split("/") if name and self.local else ():
            place = f"{place}/{part}"
            if os.path.islink(place):
                raise InputError(
                    f"{place}: is a symbolic link, and none is followed inside a sweep's directory; put what it "
                    "leads to in its place, or remove it"
                )

    def remove_temporaries(self, folders: Iterable[str]) -> None:
        """Delete what writes of killed processes left behind, in these folders and beside them.

        An object store has none: there a write is one request.
        """
        if not self.local:
            return
        entries = [
            *self.listing(recursive=False),
            *(entry for folder in folders for entry in self.listing(folder)),
        ]
        for entry in entries:
            base = entry.name.rpartition("/")[2]
            if base.startswith(".") and base.endswith(".tmp"):
                self.delete(entry.name)


def _scanned(folder: str, recursive: bool) -> Iterator[os.DirEntry[str]]:
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


def _open(location: str) -> tuple[fs.FileSystem, str, str]:
    """The file system, the root's path in it, and the location in a form that other processes understand."""
    if "://" not in location:
        local = os.path.normpath(Path(location).expanduser().absolute())
        return fs.LocalFileSystem(), local, local
    try:
        filesystem, path = fs.FileSystem.from_uri(_in_one_request(location))
    except pa.ArrowInvalid:
        filesystem, path = _open_with_fsspec(location)
    except OSError as error:
        raise InputError(f"{location}: cannot be reached: {_first_line(error)}") from error
    if isinstance(filesystem, fs.LocalFileSystem):
        return filesystem, path.rstrip("/") or "/", path
    return filesystem, path.rstrip("/"), location


def _in_one_request(location: str) -> str:
    """The URL with the option by which pyarrow writes a small file to S3 in one request; else it takes three."""
    if not location.startswith("s3://") or "allow_delayed_open" in location:
        return location
    return f"{location}{'&' if '?' in location else '?'}allow_delayed_open=true"


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


def _forget_listings(filesystem: fs.FileSystem) -> None:
    """What fsspec remembers of listings is not what others have written since."""
    if isinstance(filesystem, fs.PyFileSystem) and isinstance(filesystem.handler, fs.FSSpecHandler):
        filesystem.handler.fs.invalidate_cache()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]


def _sync_folder(folder: Path) -> None:
    """Make a rename in this folder survive a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
