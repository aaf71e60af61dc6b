"""Table functions: https://cloud.google.com/bigquery/docs/table-functions

A statement that calls one reads a view instead, whose query is the function's with the arguments in place of its
parameters: both engines know views.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlglot
from sqlglot import Token, TokenType
from sqlglot.errors import SqlglotError

from job.simulator.bigquery.errors import invalid, invalid_query, not_implemented

Routine = dict[str, Any]
Find = Callable[[Sequence[str]], Routine | None]
"""Looks up a function by the parts of its name."""

_BEFORE_A_TABLE = {TokenType.FROM, TokenType.JOIN, TokenType.COMMA}
_NAMES = {TokenType.VAR, TokenType.IDENTIFIER}


class Called(NamedTuple):
    """A call of a function, as a view."""

    name: str
    """`project:dataset.function$digest`."""
    query: str


def check(routine: Routine) -> None:
    """Refuses what BigQuery refuses, and what is not simulated.

    Raises:
        ApiError: the routine is no table function in SQL.
    """
    if routine.get("routineType") != "TABLE_VALUED_FUNCTION" or routine.get("language", "SQL") != "SQL":
        raise not_implemented("routines that are no table functions in SQL")
    if not routine.get("definitionBody"):
        raise invalid("Required parameter is missing: definitionBody")
    for argument in routine.get("arguments", []):
        if not argument.get("name") or "typeKind" not in argument.get("dataType", {}):
            raise invalid("Each argument of a routine needs a name and a dataType")


def body_with_nulls(routine: Routine) -> str:
    """The function's query with NULL for each parameter: its columns are those of every call."""
    return _body(routine, ["NULL" for _ in routine.get("arguments", [])])


def replace_calls(sql: str, find: Find) -> tuple[str, list[Called]]:
    """The statement with the name of a view in place of each call of a function, and those views.

    Raises:
        ApiError: a call has too many arguments, or too few.
    """
    if "(" not in sql:
        return sql, []
    try:
        tokens = sqlglot.tokenize(sql, read="bigquery")
    except SqlglotError:
        return sql, []
    called, edits = [], []
    for start, names, opening in _calls(tokens):
        parts = [part for token in names for part in token.text.split(".")]
        if (routine := find(parts)) is None:
            continue
        arguments, closing = _arguments(sql, tokens, opening)
        wanted = routine.get("arguments", [])
        if len(arguments) != len(wanted):
            raise invalid_query(
                f"Number of arguments does not match for table-valued function {'.'.join(parts)}: "
                f"{len(wanted)} expected, {len(arguments)} given"
            )
        query, reference = _body(routine, arguments), routine["routineReference"]
        digest = hashlib.sha256(query.encode()).hexdigest()[:16]
        name = f"{reference['routineId']}${digest}"
        called.append(Called(f"{reference['projectId']}:{reference['datasetId']}.{name}", query))
        text = f"`{reference['projectId']}.{reference['datasetId']}.{name}`"
        edits.append((tokens[start].start, tokens[closing].end + 1, text))
    for first, end, text in reversed(edits):
        sql = sql[:first] + text + sql[end:]
    return sql, called


def _calls(tokens: Sequence[Token]) -> Iterator[tuple[int, list[Token], int]]:
    """Index of the first token, tokens of the name and index of the opening parenthesis of each possible call."""
    for index, token in enumerate(tokens):
        if token.token_type not in _BEFORE_A_TABLE:
            continue
        names, place = [], index + 1
        while place < len(tokens) and tokens[place].token_type in _NAMES:
            names.append(tokens[place])
            place += 1
            if place >= len(tokens) or tokens[place].token_type != TokenType.DOT:
                break
            place += 1
        if names and place < len(tokens) and tokens[place].token_type == TokenType.L_PAREN:
            yield index + 1, names, place


def _arguments(sql: str, tokens: Sequence[Token], opening: int) -> tuple[list[str], int]:
    """The text of each argument, and the index of the closing parenthesis."""
    depth, start, found = 0, tokens[opening].end + 1, []
    for index in range(opening, len(tokens)):
        kind = tokens[index].token_type
        if kind in (TokenType.L_PAREN, TokenType.L_BRACKET):
            depth += 1
        elif kind in (TokenType.R_PAREN, TokenType.R_BRACKET):
            depth -= 1
        if depth == 0 or (depth == 1 and kind == TokenType.COMMA):
            if text := sql[start : tokens[index].start].strip():
                found.append(text)
            start = tokens[index].end + 1
        if depth == 0:
            return found, index
    raise invalid_query('Syntax error: Expected ")" but got end of script')


def _body(routine: Routine, arguments: Sequence[str]) -> str:
    """The function's query, with the arguments in place of its parameters."""
    sql = routine["definitionBody"]
    values = {
        argument["name"].lower(): f"CAST({text} AS {argument['dataType']['typeKind']})"
        for argument, text in zip(routine.get("arguments", []), arguments, strict=True)
    }
    tokens = sqlglot.tokenize(sql, read="bigquery")
    for index in range(len(tokens) - 1, -1, -1):
        token = tokens[index]
        is_member = index > 0 and tokens[index - 1].token_type == TokenType.DOT
        if token.token_type in _NAMES and not is_member and token.text.lower() in values:
            sql = sql[: token.start] + values[token.text.lower()] + sql[token.end + 1 :]
    return str(sql)
