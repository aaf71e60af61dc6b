"""`query`: one query of the warehouse, from the command line, a file or stdin, to the terminal or a file."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import click

from job.cells import bytes_for_people
from job.commands.answer import Form, Rows, unique, write_answer
from job.commands.output_file import new_file
from job.commands.table import terminal_width
from job.config import Config
from job.errors import ConfigError
from job.regular_file import check_regular
from job.sinks.open_sink import open_warehouse
from job.sinks.protocol import Answer

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")
_BY_ENDING = {
    ".csv": "csv", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".md": "markdown", ".parquet": "parquet",
}  # fmt: skip
_ROWS_AHEAD = 20_000
_LEAST_BILLED = "BigQuery bills at least 10 MiB for each table that a query reads"
"""https://cloud.google.com/bigquery/pricing#on_demand_pricing"""


def statement(sql: str | None, file: str | None) -> str:
    """The SQL that the arguments mean: themselves, a file, stdin for `-`, or all rows of a view or table.

    >>> statement("coverage", None)
    'SELECT * FROM coverage'

    Raises:
        ConfigError: there is none, or the file cannot be read.
    """
    if (sql is None) == (file is None):
        raise ConfigError("name either SQL or a view, such as `gke-inventory query coverage`, or a file with --file")
    if file is not None:
        sql = _text_of(file)
    elif sql == "-":
        sql = sys.stdin.read()
    text = str(sql).strip()
    return f"SELECT * FROM {text}" if _NAME.fullmatch(text) else str(sql)  # noqa: S608 (the person's own words)


def print_answer(
    config: Config, sql: str, *, form: str | None, output: str | None, limit: int | None, external_access: bool
) -> None:
    """Prints the answer to a query, or writes it to a file.

    Args:
        form: one of `answer.FORMATS`, or `parquet`; without it, the one that suits.
        output: a file; None or `-` for stdout.
        limit: prints so many rows at most.
        external_access: on DuckDB, lets the query use other files, extensions and the network.

    Raises:
        InventoryError: the query is refused, or the warehouse cannot be read, or the file not written.
    """
    file = None if output == "-" else output
    if file is None:
        if form == "parquet":
            raise ConfigError("--format parquet needs --output FILE: a terminal cannot show it")
        shown = Form(form or "table", is_chosen=form is not None, width=terminal_width())
        with open_warehouse(config).stream(sql, external_access=external_access) as answer:
            is_whole, answer = _read_ahead(answer)
            if not is_whole:
                write_answer(Rows(answer, limit), shown, sys.stdout)
        if is_whole:  # whoever reads it page by page keeps no DuckDB file from a run that commits
            write_answer(Rows(answer, limit), shown, sys.stdout)
        return
    form = form or _BY_ENDING.get(Path(file).suffix.lower(), "table")
    with new_file(file) as path, open_warehouse(config).stream(sql, external_access=external_access) as answer:
        if form == "parquet":
            from job.sinks.duckdb.parquet import write_parquet

            names = unique([name for name, _ in answer.columns])
            columns = tuple((name, kind) for name, (_, kind) in zip(names, answer.columns, strict=True))
            write_parquet(answer._replace(columns=columns, pages=iter(Rows(answer, limit))), path)
        else:
            with path.open("w", encoding="utf-8", newline="") as out:
                write_answer(Rows(answer, limit), Form(form), out)


def print_dry_run(config: Config, sql: str) -> None:
    """Prints what a query would read, without running it.

    Raises:
        InventoryError: the query is refused, or the warehouse cannot be read.
    """
    count = open_warehouse(config).dry_run(sql)
    if count is None:
        click.echo("the query is valid; DuckDB bills nothing")
        return
    click.echo(f"the query would read {bytes_for_people(count)} ({count} bytes); {_LEAST_BILLED}")
    most = config.bigquery.maximum_bytes_billed
    if most is not None and count > most:
        click.echo(f"it would be refused: `bigquery.maximum_bytes_billed` is {bytes_for_people(most)} ({most} bytes)")


def _read_ahead(answer: Answer) -> tuple[bool, Answer]:
    """Whether the first rows are all, and the same answer with those, which most errors come before."""
    pages: Iterator[Sequence[tuple[Any, ...]]] = iter(answer.pages)
    first: list[Sequence[tuple[Any, ...]]] = []
    while sum(map(len, first)) < _ROWS_AHEAD:
        page = next(pages, None)
        if page is None:
            return True, answer._replace(pages=iter(first))
        first.append(page)
    return False, answer._replace(pages=chain(first, pages))


def _text_of(file: str) -> str:
    try:
        check_regular(file)
        return Path(file).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the query's file {file}: {reason}") from error
