"""Replaces query parameters by typed literals."""

from __future__ import annotations

import json
from typing import Any

import sqlglot
from sqlglot import TokenType
from sqlglot.errors import SqlglotError

from job.simulator.bigquery.errors import invalid, invalid_query, not_implemented

_CAST = {"INT64", "FLOAT64", "BOOL", "NUMERIC", "TIMESTAMP", "DATETIME", "DATE", "TIME", "STRING"}
_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}


def with_parameters(sql: str, mode: str | None, parameters: list[dict[str, Any]]) -> str:
    """The query with each `@name`, or each `?`, replaced by its value.

    Raises:
        ApiError: a parameter is missing, or has an unsupported type.
    """
    if not parameters:
        return sql
    named = {parameter.get("name", "").lower(): _literal(parameter) for parameter in parameters}
    positional = iter([_literal(parameter) for parameter in parameters])
    try:
        tokens = sqlglot.tokenize(sql, read="bigquery")
    except SqlglotError as error:
        raise invalid_query(f"Syntax error: {error}") from error
    pieces, end = [], 0
    for token, following in zip(tokens, [*tokens[1:], None], strict=True):
        if mode == "POSITIONAL" and token.token_type == TokenType.PLACEHOLDER:
            value, last = next(positional, None), token.end
        elif token.token_type == TokenType.PARAMETER and following is not None:
            value, last = named.get(following.text.lower()), following.end
        else:
            continue
        if value is None:
            raise invalid_query(f"Query parameter '{following.text if following else '?'}' not found")
        pieces += [sql[end : token.start], value]
        end = last + 1
    return "".join([*pieces, sql[end:]])


def _literal(parameter: dict[str, Any]) -> str:
    kind, value = parameter.get("parameterType", {}), parameter.get("parameterValue", {})
    name = _ALIASES.get(str(kind.get("type", "")).upper(), str(kind.get("type", "")).upper())
    if name == "ARRAY":
        inner = kind.get("arrayType", {})
        element = _ALIASES.get(inner.get("type", ""), inner.get("type", ""))
        items = [_literal({"parameterType": inner, "parameterValue": one}) for one in value.get("arrayValues", [])]
        return f"ARRAY<{element}>[{', '.join(items)}]"
    if name not in _CAST:
        raise not_implemented(f"query parameters of type {name or 'none'}")
    text = value.get("value")
    if text is not None and not isinstance(text, str):
        raise invalid("The value of a query parameter must be a string")
    return f"CAST({'NULL' if text is None else json.dumps(text)} AS {name})"
