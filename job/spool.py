"""Records on their way to the sink: one newline-delimited JSON file per table, gzip, in bounded memory.

Rows are gathered in a `Segment`, one for each list that is being read, and join their tables' files only when the list
was read to its end: a list that broke off leaves nothing behind. Each file is one gzip member (RFC 1952), since not
every reader goes on after the first: the segments' DEFLATE streams end on a byte boundary (`Z_FULL_FLUSH`) and are
joined as they are, their checksums by arithmetic.
"""

from __future__ import annotations

import contextlib
import shutil
import struct
import tempfile
import threading
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from job.crc32 import crc32_combine
from job.errors import SpoolError
from job.tables import TABLES, Key, Record

_BLOCK = 1 << 20  # bytes of rows gathered before they are compressed
_LEVEL = 1  # the rows repeat themselves: level 6 takes three times the CPU for a seventh less

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_END = b"\x03\x00"  # an empty final block

_encode_into = msgspec.json.Encoder().encode_into


class _Deflated:
    """A DEFLATE stream without its end: in memory while small, in a file from then on."""

    def __init__(self, directory: Path) -> None:
        self._pending = bytearray()
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._file = tempfile.SpooledTemporaryFile(_BLOCK, dir=str(directory))  # noqa: SIM115 (closed by `close`)
        self.crc = 0
        self.size = 0

    @property
    def buffer(self) -> bytearray:
        """Where rows are encoded to; `settle` after each."""
        return self._pending

    def settle(self) -> None:
        if len(self._pending) >= _BLOCK:
            self._compress()

    def _compress(self) -> None:
        self.crc = zlib.crc32(self._pending, self.crc)
        self.size += len(self._pending)
        with _writing():
            self._file.write(self._compressor.compress(self._pending))
        self._pending.clear()

    def append(self, other: _Deflated) -> None:
        """Takes over all that the other one has."""
        if not other.size:  # it has not been compressed yet: small ones are compressed together
            self._pending += other.buffer
            self.settle()
            return
        self.flush()
        other.flush()
        self.crc = crc32_combine(self.crc, other.crc, other.size)
        self.size += other.size
        with _writing():
            other._file.seek(0)
            shutil.copyfileobj(other._file, self._file, _BLOCK)

    def flush(self) -> None:
        """Brings the stream to a byte boundary, where another may follow."""
        self._compress()
        with _writing():
            self._file.write(self._compressor.flush(zlib.Z_FULL_FLUSH))

    def save(self, path: Path) -> None:
        """Writes the whole stream as one gzip member."""
        self.flush()
        with _writing(), path.open("wb") as file:
            self._file.seek(0)
            file.write(_HEADER)
            shutil.copyfileobj(self._file, file, _BLOCK)
            file.write(_END + struct.pack("<II", self.crc, self.size & 0xFFFFFFFF))

    def close(self) -> None:
        with contextlib.suppress(OSError):  # on a full disk: what could not be written is not wanted any more
            self._file.close()


@contextlib.contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SpoolError(
            f"cannot write rows to a temporary file: {error.strerror or error}. Set TMPDIR to a folder with room; "
            "nothing was written to the sink"
        ) from error


class Segment:
    """The rows of one list of one cluster, until it is known whether the list can be read to its end."""

    def __init__(self, key: Key, directory: Path) -> None:
        self._prefix = msgspec.json.encode(key)[:-1]
        self._directory = directory
        self._tables: dict[str, _Deflated] = {}
        self.rows: dict[str, int] = {}

    def add(self, records: Iterable[Record]) -> None:
        """Adds rows, each to its own table."""
        for record in records:
            table = record.table
            deflated = self._tables.get(table)
            if deflated is None:
                deflated = self._tables[table] = _Deflated(self._directory)
                self.rows[table] = 0
            buffer = deflated.buffer
            buffer += self._prefix
            at = len(buffer)
            _encode_into(record, buffer, at)
            buffer[at] = 0x2C  # the record's { becomes the comma after the key's last column
            buffer += b"\n"
            self.rows[table] += 1
            deflated.settle()

    def drop(self) -> None:
        """Forgets all rows."""
        for deflated in self._tables.values():
            deflated.close()
        self._tables, self.rows = {}, {}

    def parts(self) -> Iterator[tuple[str, _Deflated]]:
        yield from self._tables.items()


class Spool:
    """The rows of one run, until they are loaded. Threads may share it.

    Whatever writes raises `SpoolError` where it cannot.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._tables: dict[str, _Deflated] = {}
        self.rows: dict[str, int] = dict.fromkeys(TABLES, 0)

    def segment(self, key: Key) -> Segment:
        """An empty segment for rows with this key."""
        return Segment(key, self._directory)

    def keep(self, segment: Segment) -> int:
        """Adds the segment's rows to their tables; returns how many they were."""
        kept = sum(segment.rows.values())
        with self._lock:
            for table, part in segment.parts():
                if table not in self._tables:
                    self._tables[table] = _Deflated(self._directory)
                self._tables[table].append(part)
                self.rows[table] += segment.rows[table]
        segment.drop()
        return kept

    def save(self) -> dict[str, Path]:
        """Closes the files: table -> its gzip file, for each table that has rows. Nothing may be kept afterwards."""
        saved = {}
        for table, deflated in self._tables.items():
            saved[table] = self._directory / f"{table}.ndjson.gz"
            deflated.save(saved[table])
            deflated.close()
        self._tables = {}
        return saved

    def close(self) -> None:
        """Forgets all rows that have not been saved."""
        with self._lock:
            for deflated in self._tables.values():
                deflated.close()
            self._tables = {}


@contextlib.contextmanager
def open_spool() -> Iterator[Spool]:
    """A spool in a temporary directory (`TMPDIR` says where) that is gone afterwards.

    Raises:
        SpoolError: the directory cannot be made.
    """
    try:
        directory = tempfile.TemporaryDirectory(prefix="gke-inventory-", ignore_cleanup_errors=True)
    except OSError as error:
        raise SpoolError(
            f"cannot make a temporary directory for rows: {error.strerror or error}. Set TMPDIR to a folder with room"
        ) from error
    with directory as path, contextlib.closing(Spool(Path(path))) as spool:
        yield spool
