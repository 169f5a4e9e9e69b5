"""The file system of a sweep's place: a local disk, or an object store's by pyarrow or fsspec."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from seedsweep.errors import InputError


def open_filesystem(location: str) -> tuple[fs.FileSystem, str, str]:
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


def forget_listings(filesystem: fs.FileSystem) -> None:
    """What fsspec remembers of listings is not what others have written since."""
    if isinstance(filesystem, fs.PyFileSystem) and isinstance(filesystem.handler, fs.FSSpecHandler):
        filesystem.handler.fs.invalidate_cache()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0]
