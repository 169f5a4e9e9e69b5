"""Bytes of a text file, and how they are to be read."""

from __future__ import annotations

import codecs
from pathlib import Path

import pyarrow as pa

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_bytes(path: Path, size: int | None = None) -> bytes:
    """The first bytes of a file, or all; those in a .gz file are unpacked."""
    if path.suffix == ".gz":
        with pa.input_stream(str(path)) as stream:
            return bytes(stream.read(size))
    with path.open("rb") as file:
        return file.read(-1 if size is None else size)


def encoding_of(head: bytes) -> str:
    """By the mark at the start, if there is one; else UTF-8, UTF-16 by its zeros, or Windows' Latin-1.

    Examples
    --------
    >>> encoding_of("ö".encode()), encoding_of("ö".encode("latin-1")), encoding_of("w,s".encode("utf-16-le"))
    ('utf-8', 'cp1252', 'utf-16-le')
    """
    for mark, name in _MARKS.items():
        if head.startswith(mark):
            return name
    if b"\0" in head[:200]:
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # a letter that is cut off at the end is none
    except UnicodeDecodeError:
        return "cp1252" if not set(head) & {0x81, 0x8D, 0x8F, 0x90, 0x9D} else "latin-1"
    return "utf-8"
