"""The files of the views, and what is made of their templates: the text of each view."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files
from string import Template

from job.tables import LEDGER, TABLES
from job.views.deprecated_apis import as_text
from job.views.row_columns import RowColumn, header, select_list
from job.views.team_keys import team_keys

COMPARISONS = {"changes": "raw_recent_", "events": "raw_"}
"""View that compares readings -> which rows of tables it reads."""
_OF_ALL_HISTORY = ("committed_attempts", "snapshots", "collections", "readings", "project_lists")
"""Views of the ledger that have a second one of recent rows."""
_SELECTS = re.compile(r"^( *)AND \$\{selects\.(\w+)\.(\w+)\}", re.MULTILINE)


def texts(configured: tuple[RowColumn, ...]) -> Iterator[tuple[str, str]]:
    """Each view's name and text."""
    for folder in ("ledger", "questions"):
        for file in sorted((files(__package__) / folder).iterdir(), key=lambda file: file.name):
            name, text = file.name.removesuffix(".sql"), _with_fragments(file.read_text(encoding="utf-8"))
            text = text.replace("${team_keys}", team_keys(configured)).replace("${deprecated_apis}", as_text())
            yield name, text
            if name in _OF_ALL_HISTORY:
                yield f"recent_{name}", _of_recent_rows(name, text)
    for name, rows in COMPARISONS.items():
        yield name, _comparison(name, rows)
    for table in TABLES:
        if table not in LEDGER:
            yield table, _of_table("now", table, configured)
            yield f"{table}_history", _of_table("history", table, configured)


def text_between(function: str) -> str | None:
    """The text of a function of two moments; None if its query is that of its view."""
    is_there = (files(__package__) / "changes" / f"{function}.sql").is_file()
    return _comparison(function, "raw_") if is_there else None


def text_of_present(function: str) -> str:
    """The text of a function of the present, whose third paragraph is empty: it has the columns of its view."""
    text = (files(__package__) / "functions" / f"{function}.sql").read_text(encoding="utf-8")
    return text.replace("\n\n", "\n--\n--\n\n", 1)


def _with_fragments(text: str) -> str:
    """The text with `fragments/selects.sql` in place of `${selects.b.p}`, of what `b` and `p` are in its query."""

    def selects(found: re.Match[str]) -> str:
        indent, selector, pod = found.groups()
        text = (files(__package__) / "fragments" / "selects.sql").read_text(encoding="utf-8")
        sql = text.partition("\n\n")[2].strip()
        sql = sql.replace("selector.s", f"{selector}.s").replace("pod.", f"{pod}.")
        return f"{indent}AND {sql}".replace("\n", f"\n{indent}")

    return _SELECTS.sub(selects, text)


def _of_recent_rows(name: str, text: str) -> str:
    """The same view of recent rows alone."""
    for read in _OF_ALL_HISTORY:
        text = text.replace(f"${{dataset}}.{read}", f"${{dataset}}.recent_{read}")
        text = re.sub(rf"^(-- .*) FROM {read}$", rf"\1 FROM recent_{read}", text, flags=re.MULTILINE)
        text = re.sub(rf"^(-- SELECT .*\bFROM) {name}\b", rf"\1 recent_{name}", text, flags=re.MULTILINE)
    text = text.replace("${dataset}.raw_", "${dataset}.raw_recent_").replace(" FROM raw_", " FROM raw_recent_")
    return re.sub(
        r"^-- Scans .*(?:\n-- .*)*",
        "-- Scans recent rows alone: views of the present read it.",
        text,
        count=1,
        flags=re.MULTILINE,
    )


def _of_table(template: str, table: str, configured: tuple[RowColumn, ...]) -> str:
    read_from = TABLES[table].read_from
    name = f"{template}_of_snapshot.sql" if read_from is None else f"{template}_of_resource.sql"
    text = (files(__package__) / "tables" / name).read_text(encoding="utf-8")
    resource = "t.resource" if read_from == "*" else f"'{read_from}'"
    return Template(text).safe_substitute(
        table=table,
        resource=resource,
        more=select_list(table, configured),
        more_columns=header(table, configured),
    )


def _comparison(name: str, rows: str) -> str:
    """A file that says which readings to compare, with the comparison."""
    pairs, compared = (
        (files(__package__) / "changes" / f"{file}.sql").read_text(encoding="utf-8") for file in (name, "comparison")
    )
    header, _, sql = pairs.partition("\n\n")
    columns, _, comparison = compared.partition("\n\n")
    comparison = comparison.replace("${pairs}", sql.strip()).replace("${rows}", f"${{dataset}}.{rows}")
    return f"{header}\n--\n{columns}\n\n{comparison}"
