"""Records on their way to the sink: one gzipped file of newline-delimited JSON per table, in bounded memory.

A `Segment` buffers the rows of one list while it is read. They count only once the list was read to its end: a list
that failed leaves nothing behind. Whichever thread fills a block compresses it, as a DEFLATE stream of its own that
ends on a byte boundary (`Z_FULL_FLUSH`), and writes it to the table's file at once. In the end the blocks that count
are concatenated as they are, and their checksums combined: each file is one gzip member (RFC 1952), since not every
reader goes on after the first.
"""

from __future__ import annotations

import os
import shutil
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
from isal import isal_zlib  # zlib's API, at a fifth of its CPU

from job.errors import SpoolError
from job.printable import blank_tokens
from job.scratch import scratch_folder
from job.tables import TABLES, Key, Record

_BLOCK = 256 << 10  # bytes of rows that are compressed together; every list that is being read buffers less per table
_FULL = 0.9  # of the room
_LEVEL = 1  # rows are repetitive: higher levels take up to three times the CPU and save a fortieth

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_END = b"\x03\x00"  # an empty final block
_TAIL = struct.Struct("<2sII")  # that block, the checksum, the size

Tokens = Callable[[], Sequence[str]]

_encode_into = msgspec.json.Encoder().encode_into


class Rows(NamedTuple):
    """The rows of one run, ready to be loaded."""

    files: dict[str, Path]
    """Table -> its file; a table without rows has none."""
    counts: dict[str, int]
    """Table -> rows."""
    sizes: dict[str, int]
    """Table -> bytes of JSON, uncompressed; a table without rows is absent."""


class _Block(NamedTuple):
    """Rows in a table's file."""

    offset: int
    length: int
    """Compressed."""
    size: int
    crc: int


class _Quota:
    """The size that all files together may reach."""

    def __init__(self, max_bytes: int | None) -> None:
        self.max_bytes, self.used = max_bytes, 0
        self._lock = threading.Lock()

    def use(self, size: int) -> None:
        with self._lock:
            self.used += size
        if self.max_bytes is not None and self.used > self.max_bytes:
            raise SpoolError(
                f"rows need more than the {self.max_bytes >> 20} MiB of memory that is free for them. Give the job "
                "more memory or more tasks, or set TMPDIR to a folder on a disk; nothing was written to the sink"
            )


class _Table:
    """The file of one table: blocks of rows that count, and of others that were dropped."""

    def __init__(self, path: Path, quota: _Quota, tokens: Tokens) -> None:
        self.rows = 0
        self.size = 0
        self._path = path
        self._quota, self._tokens = quota, tokens
        self._lock = threading.Lock()
        self._pending = bytearray()
        self._kept: list[_Block] = []
        self._end = len(_HEADER)
        with _writing():
            self._file = path.open("w+b")
            self._file.write(_HEADER)

    def write(self, rows: bytearray) -> _Block:
        """Compresses rows into the file, where they do not count yet."""
        blank_tokens(rows, self._tokens())
        compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -isal_zlib.MAX_WBITS)
        packed = compressor.compress(rows) + compressor.flush(isal_zlib.Z_FULL_FLUSH)
        crc = isal_zlib.crc32(rows)
        self._quota.use(len(packed))
        with self._lock, _writing():
            block = _Block(self._end, len(packed), len(rows), crc)
            self._file.write(packed)
            self._end += len(packed)
        return block

    def keep(self, blocks: Iterable[_Block], pending: bytearray, rows: int) -> None:
        """Makes these rows count. Pending ones are compressed together with those of other lists."""
        full = None
        with self._lock:
            self._kept += blocks
            self._pending += pending
            self.rows += rows
            if len(self._pending) >= _BLOCK:
                full, self._pending = self._pending, bytearray()
        if full is not None:
            block = self.write(full)
            with self._lock:
                self._kept.append(block)

    def save(self) -> Path | None:
        """Finishes the file as one gzip member of all rows that count; None, and no file, if there are none."""
        if self._pending:
            self._kept.append(self.write(self._pending))
        with self._lock, _writing():  # a list that was abandoned may still try to write
            return self._compact()

    def _compact(self) -> Path | None:
        end, crc, size = len(_HEADER), 0, 0
        for block in sorted(self._kept):
            if block.offset != end:  # the rows before it were dropped
                self._file.seek(block.offset)
                packed = self._file.read(block.length)
                self._file.seek(end)
                self._file.write(packed)
            end += block.length
            crc = isal_zlib.crc32_combine(crc, block.crc, block.size)
            size += block.size
        self._file.seek(end)
        self._file.write(_TAIL.pack(_END, crc, size & 0xFFFFFFFF))
        self._file.truncate()
        self._file.close()
        self.size = size
        if size:
            return self._path
        self._path.unlink()
        return None

    def close(self) -> None:
        with suppress(OSError):  # on a full disk; the rows are not needed any more
            self._file.close()


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SpoolError(
            f"cannot write rows to a temporary file: {error.strerror or error}. Set TMPDIR to a folder with room; "
            "nothing was written to the sink"
        ) from error


class Segment:
    """The rows of one list of one cluster, until the list was read to its end."""

    def __init__(self, key: Key, spool: Spool, use: Callable[[int, int], None] = lambda *_: None) -> None:
        """Args:
        use: called with the compressed and the plain size of each block that was written; it may raise.
        """
        self._prefix = msgspec.json.encode(key)[:-1]
        self._spool, self._use = spool, use
        self._pending: dict[str, bytearray] = {}
        self._blocks: dict[str, list[_Block]] = {}
        self.rows: dict[str, int] = {}

    def add(self, records: Iterable[Record]) -> None:
        """Adds rows, each to the file of its table."""
        prefix, encode_into, buffers, rows = self._prefix, _encode_into, self._pending, self.rows
        for record in records:
            table = record.table
            if table not in buffers:
                buffers[table], self._blocks[table], rows[table] = bytearray(), [], 0
            buffer = buffers[table]
            buffer += prefix
            at = len(buffer)
            encode_into(record, buffer, at)
            buffer[at] = 0x2C  # the record's { becomes the comma after the key's last column
            buffer += b"\n"
            rows[table] += 1
            if len(buffer) >= _BLOCK:
                block = self._spool.table(table).write(buffer)
                self._blocks[table].append(block)
                buffer.clear()
                self._use(block.length, block.size)

    def drop(self) -> None:
        """Forgets all rows."""
        self._pending, self._blocks, self.rows = {}, {}, {}

    def keep(self) -> int:
        """Makes the rows count; returns how many there were."""
        kept = sum(self.rows.values())
        for table, rows in self.rows.items():
            self._spool.table(table).keep(self._blocks[table], self._pending[table], rows)
        self.drop()
        return kept


class Spool:
    """The rows of one run, until they are loaded. Threads may share it.

    Every method that writes raises `SpoolError` if it cannot.
    """

    def __init__(self, directory: Path, max_bytes: int | None = None, tokens: Tokens = tuple) -> None:
        """Args:
        tokens: gives the bearer tokens that API servers got, and that no row may repeat.
        """
        self._directory, self._tokens = directory, tokens
        self._quota = _Quota(max_bytes)
        self._free_bytes = shutil.disk_usage(directory).free
        self._lock = threading.Lock()
        self._tables: dict[str, _Table] = {}

    def segment(self, key: Key, use: Callable[[int, int], None] = lambda *_: None) -> Segment:
        """A new segment, for rows with this key.

        Args:
            use: as `Segment` takes it.
        """
        return Segment(key, self, use)

    def is_full(self) -> bool:
        """Whether only so much room is left as short lists and the markers of what was read need."""
        return self._quota.used > self.room * _FULL

    @property
    def room(self) -> int:
        """Bytes that all files together may take: of memory, or of the disk as it was when the spool was opened."""
        return self._quota.max_bytes if self._quota.max_bytes is not None else self._free_bytes

    def keep(self, segment: Segment) -> int:
        """Makes the segment's rows count; returns how many there were."""
        return segment.keep()

    @property
    def rows(self) -> dict[str, int]:
        """Table -> number of rows that count."""
        return {name: self._tables[name].rows if name in self._tables else 0 for name in TABLES}

    def table(self, name: str) -> _Table:
        """The table's file."""
        found = self._tables.get(name)
        if found is None:
            with self._lock:
                if name not in self._tables:
                    self._tables[name] = _Table(self._directory / f"{name}.ndjson.gz", self._quota, self._tokens)
                found = self._tables[name]
        return found

    def save(self) -> Rows:
        """Finishes the files. Nothing may be added afterwards."""
        saved = {name: table.save() for name, table in self._tables.items()}
        files = {name: path for name, path in saved.items() if path is not None}
        return Rows(files, self.rows, {name: self._tables[name].size for name in files})

    def close(self) -> None:
        """Closes the files, finished or not."""
        for table in self._tables.values():
            table.close()


@contextmanager
def open_spool(max_bytes: int | None = None, tokens: Tokens = tuple) -> Iterator[Spool]:
    """A spool in a temporary directory, below `TMPDIR`, that is deleted afterwards.

    Args:
        max_bytes: that its files may take; None is no limit.
        tokens: as `Spool` takes them.

    Raises:
        SpoolError: the directory cannot be made.
    """
    with ExitStack() as stack:
        try:
            path = stack.enter_context(scratch_folder())
        except OSError as error:
            raise SpoolError(
                f"cannot make a temporary directory for rows: {error.strerror or error}. "
                "Set TMPDIR to a folder with room"
            ) from error
        yield stack.enter_context(closing(Spool(path, max_bytes, tokens)))


def concatenate(parts: Sequence[Rows]) -> Rows:
    """The rows of several spools. Of each table, the first file grows by the others, which are deleted.

    Raises:
        SpoolError: the disk is full.
    """
    files = {table: file for part in reversed(parts) for table, file in part.files.items()}
    for table, file in files.items():
        with _writing(), file.open("r+b") as whole:
            crc = size = 0
            for part in parts:
                if table in part.files:
                    if part.files[table] != file:
                        _append(part.files[table], whole)
                    whole.seek(-_TAIL.size, os.SEEK_END)
                    crc = isal_zlib.crc32_combine(crc, _TAIL.unpack(whole.read())[1], part.sizes[table])
                    size += part.sizes[table]
                    whole.seek(-_TAIL.size, os.SEEK_END)
                    whole.truncate()
            whole.write(_TAIL.pack(_END, crc, size & 0xFFFFFFFF))
    return Rows(
        files,
        {table: sum(part.counts.get(table, 0) for part in parts) for table in TABLES},
        {table: sum(part.sizes.get(table, 0) for part in parts) for table in files},
    )


def _append(part: Path, whole: BinaryIO) -> None:
    with part.open("rb") as file:
        file.seek(len(_HEADER))
        shutil.copyfileobj(file, whole, _BLOCK)
    part.unlink()
