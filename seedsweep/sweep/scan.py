"""Reads rows of files of the store: so many files at once, that what is known of each is not kept for all."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from seedsweep.schema import METRICS
from seedsweep.sweep.files import Files

TOGETHER = 256
"""Files that are read at once. Arrow keeps 40 kB for each until the last of them is read."""
SMALL = 1 << 18
"""Bytes of a file that is read as a whole; of a larger one most may be passed over."""

STRINGS = [field.name for field in METRICS if pa.types.is_string(field.type)]
"""Columns with few values, of which each row has the number of one: as text they would take most of the memory."""
SCHEMA = pa.schema(
    [
        pa.field(field.name, pa.dictionary(pa.int32(), pa.string()), nullable=False)
        if field.name in STRINGS
        else field
        for field in METRICS
    ]
)


def scan(files: Files, sizes: dict[str, int], condition: pc.Expression, columns: Sequence[str]) -> pa.Table:
    """Rows of files, given with their sizes in bytes; strings are dictionaries.

    `condition` is of columns among `columns`, "scale", "seed", "step", "split" and "metric". Raises
    FileNotFoundError if a file is gone, OSError or an ArrowException if one is damaged.
    """
    small = [name for name, size in sizes.items() if files.local and size <= SMALL]
    large = [name for name in sizes if name not in set(small)]
    parts = [SCHEMA.empty_table().select(columns)]
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        parts += pool.map(lambda names: _whole(files, names, condition, columns), _in_parts(small))
    parts += [
        _chosen(files, {name: sizes[name] for name in names}, condition, columns) for names in _in_parts(large)
    ]
    return pa.concat_tables(parts).unify_dictionaries()


def _in_parts(names: list[str]) -> list[list[str]]:
    return [names[start : start + TOGETHER] for start in range(0, len(names), TOGETHER)]


def _whole(files: Files, names: Sequence[str], condition: pc.Expression, columns: Sequence[str]) -> pa.Table:
    """Of small files: to open each as part of a dataset takes longer than to read it."""
    wanted = list(dict.fromkeys([*columns, "scale", "seed", "step", "split", "metric"]))
    tables = []
    for name in names:
        with open(files.path(name), "rb") as source:
            content = pa.py_buffer(source.read())
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=STRINGS, page_checksum_verification=True)
        tables.append(file.read(wanted, use_threads=False).replace_schema_metadata(None))
    return _compact(pa.concat_tables(tables).unify_dictionaries().filter(condition).select(columns))


def _chosen(files: Files, sizes: dict[str, int], condition: pc.Expression, columns: Sequence[str]) -> pa.Table:
    """Of large files, or of an object store's: of these only the parts that are needed."""
    options = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
    format = ds.ParquetFileFormat(dictionary_columns=STRINGS, default_fragment_scan_options=options)
    fragments = [
        # An object store need not be asked for a size that is known.
        format.make_fragment(files.path(name), files.filesystem, file_size=None if files.local else size)
        for name, size in sizes.items()
    ]
    source = ds.FileSystemDataset(fragments, SCHEMA, format, files.filesystem)

    def read() -> pa.Table:
        return source.to_table(columns=list(columns), filter=condition)

    return _compact(read() if files.local else files.patience.ask(read, None))


def _compact(rows: pa.Table) -> pa.Table:
    """The rows without what was read around them."""
    return rows.unify_dictionaries().combine_chunks()
