"""`report`: the fleet on one page: HTML in a file, or its first screen as a table or Markdown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TextIO

import click

from job.cells import bytes_for_people
from job.commands.bucket import SCHEME, new_object
from job.commands.output_file import new_file
from job.commands.report_text import write_text
from job.commands.table import terminal_width
from job.config import Config
from job.errors import ConfigError, QueryError, SinkError
from job.printable import without_password
from job.report.build import Plan, plan, plan_comparison, read
from job.report.moment import Moment, parse
from job.report.page import html
from job.sinks.open_sink import open_warehouse, place_of, views_of
from job.sinks.protocol import Result, Warehouse

FORMATS = ("html", "markdown", "terminal")
_BY_ENDING = {".htm": "html", ".html": "html", ".md": "markdown", ".txt": "terminal"}
_MISSING = ("does not exist", "not found")


def write_report(
    config: Config,
    *,
    form: str | None,
    output: str | None,
    at: str | None,
    between: tuple[str, str] | None,
    dry_run: bool,
    is_silent: bool = False,
) -> None:
    """Writes the report, to stdout without a file.

    Args:
        form: one of `FORMATS`; without it, the one that suits.
        output: a file or `gs://BUCKET/OBJECT`; None or `-` for stdout.
        at: the moment that it is about; None for now.
        between: two moments: the report is about what changed between them.
        dry_run: only prints the bytes that BigQuery would read.
        is_silent: says neither what BigQuery bills nor what was written.

    Raises:
        InventoryError: a moment cannot be read or is not known, the warehouse cannot be read, or the file not written.
    """
    now = datetime.now(UTC)
    file = None if output == "-" else output
    form = form or ("terminal" if file is None else _form_of(Path(file)))
    if form == "html" and file is None and not dry_run:
        raise ConfigError("--format html needs --output FILE, such as fleet.html")
    warehouse, views = open_warehouse(config), views_of(config)
    moment = _moment(config, at, between, now)
    wanted = plan_comparison(moment) if between else plan(moment, views, is_first_screen=form != "html")
    if not is_silent:
        _announce(warehouse, wanted, is_all=dry_run)
    if dry_run:
        return

    def written(out: TextIO, width: int | None = None) -> None:
        with warehouse.kept_open() as kept:
            page = read(wanted, partial(_asked, kept), sink=without_password(config.sink), now=now)
        if form == "html":
            out.write(html(page, views))
        else:
            write_text(page, out, is_markdown=form == "markdown", width=width)

    if file is None:
        written(sys.stdout, terminal_width())
        return
    place = new_object(file, config) if file.startswith(SCHEME) else new_file(file)
    with place as path, path.open("w", encoding="utf-8", newline="\n") as out:
        written(out)
    if not is_silent:
        click.echo(f"wrote {file}", err=True)


def _form_of(file: Path) -> str:
    """The format that the file's ending names.

    Raises:
        ConfigError: it names none.
    """
    form = _BY_ENDING.get(file.suffix.lower(), "" if file.suffix else "html")
    if not form:
        endings = ", ".join(_BY_ENDING)
        raise ConfigError(f"--output {file}: no format has this ending; take one of {endings}, or say --format")
    return form


def _moment(config: Config, at: str | None, between: tuple[str, str] | None, now: datetime) -> Moment:
    place = place_of(config)
    dataset = None if place.database is None else f"{place.database}.{place.schema}"
    if between is None:
        return Moment(None if at is None else parse(at, "--at", now), dataset=dataset)
    if at is not None:
        raise ConfigError("name either --at or --diff: --diff has its two moments")
    first, last = (parse(each, "--diff", now) for each in between)
    if first >= last:
        raise ConfigError(f"--diff: {between[0]} is not before {between[1]}; name the earlier moment first")
    return Moment(last, first, dataset)


def _announce(warehouse: Warehouse, wanted: Plan, *, is_all: bool) -> None:
    """Says what BigQuery will bill, before it does. DuckDB bills nothing, so only a dry run asks it."""
    sizes = list(_sizes(warehouse, wanted, is_all=is_all))
    counts = [size for size in sizes if size is not None]
    if counts:
        size = bytes_for_people(sum(counts))
        click.echo(
            f"the report's {len(counts)} queries read {size} ({sum(counts)} bytes); BigQuery bills at least 10 MiB for "
            "each table that a query reads",
            err=not is_all,
        )
    elif is_all:
        click.echo(f"the report's {len(sizes)} queries are valid; DuckDB bills nothing")


def _sizes(warehouse: Warehouse, wanted: Plan, *, is_all: bool) -> Iterator[int | None]:
    for sql in wanted.statements():
        try:
            size = warehouse.dry_run(sql)
        except QueryError as error:
            raise _explained(error) from error
        yield size
        if size is None and not is_all:
            return


def _asked(warehouse: Warehouse, sql: str) -> Result:
    try:
        return warehouse.query(sql)
    except QueryError as error:
        raise _explained(error) from error


def _explained(error: SinkError) -> SinkError:
    """The error, with what makes the views that the sink lacks."""
    text = str(error)
    if any(words in text.lower() for words in _MISSING):
        first = text.partition("\n")[0]
        return SinkError(
            f"the report: {first}; it needs the tables and views of this version: `gke-inventory run` or "
            "`gke-inventory schema apply` makes them"
        )
    return SinkError(f"the report: {text}")
