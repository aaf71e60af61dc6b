"""Renames the tables of a statement to names that ZetaSQL finds, and corrects the positions in its messages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple


def messages(message: Any, name: str) -> Iterator[Any]:
    """All messages of this type within a message, itself included."""
    if message.DESCRIPTOR.name == name:
        yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else (value,):
                yield from messages(inner, name)


class Edit(NamedTuple):
    """Replaced bytes of a statement."""

    start: int
    end: int
    text: bytes


def rename_tables(sql: str, parsed: Any, names: dict[tuple[str, ...], str]) -> tuple[str, list[Edit]]:
    """The statement with each table under its full name, aliased to its last part if it has no alias."""
    paths: list[tuple[Any, bool]] = [
        (expression.path_expr, expression.HasField("alias"))
        for expression in messages(parsed, "ASTTablePathExpressionProto")
    ]
    paths += [(path, True) for path in _targets(parsed)]
    edits = []
    for path, aliased in paths:
        segments = tuple(part.id_string for part in path.names)
        if segments not in names:
            continue
        place = next(messages(path, "ParseLocationRangeProto"))
        alias = "" if aliased else f" AS `{segments[-1].rpartition('.')[2]}`"
        edits.append(Edit(place.start, place.end, f"`{names[segments]}`{alias}".encode()))
    text = sql.encode()
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text.decode(), sorted(edits)


def _targets(parsed: Any) -> Iterator[Any]:
    """The target tables of INSERT, UPDATE, DELETE and MERGE."""
    for name in (
        "ASTInsertStatementProto",
        "ASTUpdateStatementProto",
        "ASTDeleteStatementProto",
        "ASTMergeStatementProto",
    ):
        for statement in messages(parsed, name):
            yield from messages(statement.target_path, "ASTPathExpressionProto")


def restore_position(message: str, sql: str, edits: list[Edit]) -> str:
    """The message with its position in the original statement, instead of in the renamed one."""
    head, found, place = message.rpartition(" [at ")
    if not found:
        return message
    line, column = (int(number) for number in place.rstrip("]").split(":"))
    start = sum(len(text) for text in sql.encode().splitlines(keepends=True)[: line - 1])
    for edit in edits:
        if start <= edit.start and edit.start - start + 1 < column:
            growth = len(edit.text) - (edit.end - edit.start)
            column -= min(growth, column - (edit.start - start + 1))
    return f"{head} [at {line}:{column}]"
