"""Writes an answer of either engine as Parquet, by DuckDB, from JSON lines in a temporary file."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from job.errors import QueryError
from job.scratch import temporary_folder
from job.sinks.duckdb.connection import duckdb_error
from job.sinks.duckdb.marks import literal
from job.sinks.protocol import Answer

# Types that Parquet has not, or DuckDB does not read from JSON -> those that hold the same
_STORED = (
    (re.compile(r"\bU?HUGEINT\b"), "DECIMAL(38, 0)"),  # DuckDB writes it to Parquet as a DOUBLE
    (re.compile(r"\b(?:INTERVAL|BIT|BIGNUM|VARINT|NULL)\b|\"NULL\""), "VARCHAR"),
)
_LARGEST = 2**63


def write_parquet(answer: Answer, path: Path) -> None:
    """Writes all rows.

    Raises:
        QueryError: Parquet has no type for a column.
    """
    import duckdb

    types = [_stored(kind) for kind in answer.types]
    names = [name for name, _ in answer.columns]
    with TemporaryDirectory(prefix="gke-inventory-", dir=temporary_folder()) as folder:
        lines = Path(folder) / "rows.jsonl"
        encode = msgspec.json.Encoder(enc_hook=str).encode  # decimals are text, which DuckDB reads to the last digit
        with lines.open("wb") as file:
            for page in answer.pages:
                file.writelines(
                    encode({f"c{at}": _value(value) for at, value in enumerate(row)}) + b"\n" for row in page
                )
        read = ", ".join(f"c{at}: {literal('VARCHAR' if kind == 'BLOB' else kind)}" for at, kind in enumerate(types))
        chosen = ", ".join(
            (f"from_base64(c{at})" if kind == "BLOB" else f"c{at}") + f' AS "{name.replace(chr(34), chr(34) * 2)}"'
            for at, (name, kind) in enumerate(zip(names, types, strict=True))
        )
        source = f"read_json({literal(str(lines))}, format = 'newline_delimited', columns = {{{read}}})"
        try:
            with duckdb.connect() as database:
                database.execute("LOAD icu; SET TimeZone = 'UTC'")
                database.execute(
                    f"COPY (SELECT {chosen} FROM {source}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
                )
        except duckdb_error() as error:
            raise QueryError(f"the answer does not fit Parquet: {' '.join(str(error).split())[:300]}") from error


def _stored(kind: str) -> str:
    for pattern, stored in _STORED:
        kind = pattern.sub(stored, kind)
    return kind


def _value(value: Any) -> Any:
    """Numbers that JSON has not, or DuckDB would round, as text."""
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        return str(value)
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        return str(value)
    return str(value) if isinstance(value, Decimal) else value
