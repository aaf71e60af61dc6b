"""What is wrong with a value of the configuration, in the words of the person who wrote it."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Sequence
from typing import Any

import msgspec

_WANTED = {
    "array": "a list such as [a, b]",
    "object": "keys with values, such as `key: value`",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
}
_FOUND = _WANTED | {
    "array": "a list",
    "object": "keys with values",
    "bytes": "binary data",
    "date": "a date (put it in quotes)",
    "datetime": "a time (put it in quotes)",
    "time": "a time (put it in quotes)",
}
_EXPECTED = re.compile(r"[Ee]xpected `([^`]+)`(?:, got `(\w+)`)?(.*)")
_BOUND = re.compile(r"\s*(>=|<=|>|<) ([\d.]+)")
_BOUNDS = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


def place_and_reason(error: msgspec.ValidationError, record: type[msgspec.Struct]) -> tuple[str, str]:
    """The dotted path of the value that msgspec refuses, "" for the whole, and what to write there.

    >>> class Clusters(msgspec.Struct):
    ...     include: tuple[str, ...] = ()
    >>> try: msgspec.convert({"include": "a"}, Clusters)
    ... except msgspec.ValidationError as error: place_and_reason(error, Clusters)
    ('include', 'write a list such as [a, b], not text')
    """
    reason, _, at = str(error).partition(" - at ")
    what, _, path = at.strip("`").rpartition("$")
    path = path.removeprefix(".")
    words = _in_words(reason, _type_at(path, record))
    if what.startswith("key"):
        words = f"each key: {words}"
    elif path.endswith("[...]"):
        words = f"each value: {words}"
    return path.removesuffix("[...]"), words


def what_to_write(kind: Any) -> str | None:
    """Which values a type accepts, in words; None where its name says it.

    >>> what_to_write(typing.Literal["warn", "skip"])
    'one of: warn, skip'
    """
    choices = _choices(kind)
    return f"one of: {', '.join(choices)}" if choices else _description(kind)


def _in_words(reason: str, kind: Any) -> str:
    choices = _choices(kind)
    found = _EXPECTED.match(reason)
    if choices and (found is None or found[2] is None):
        return f"write {what_to_write(kind)}"
    if found is None:
        return f"{reason[:1].lower()}{reason[1:]}"
    wanted = " or ".join(_WANTED.get(name, name) for name in found[1].split(" | "))
    if choices:
        wanted = f"one of: {', '.join(choices)}"
    if found[2] is not None:
        return f"write {wanted}, not {_FOUND.get(found[2], found[2])}"
    if bound := _BOUND.match(found[3]):
        return f"write {wanted}, {_BOUNDS[bound[1]]} {float(bound[2]):g}"
    return f"write {what_to_write(kind) or wanted}"


def _choices(kind: Any) -> tuple[str, ...]:
    """The values of a `Literal`, and `null` if that is a value too."""
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        choices = [choice for arm in typing.get_args(kind) for choice in _choices(arm)]
        return (*choices, "null") if choices else ()
    return typing.get_args(kind) if typing.get_origin(kind) is typing.Literal else ()


def _description(kind: Any) -> str | None:
    """What a pattern accepts, in words: the description of its `Meta`."""
    for meta in getattr(kind, "__metadata__", ()):
        if isinstance(meta, msgspec.Meta) and meta.description:
            return meta.description
    for inner in typing.get_args(kind):
        if found := _description(inner):
            return found
    return None


def _type_at(path: str, record: Any) -> Any:
    kind: Any = record
    if path.endswith("]") and typing.get_origin(found := _type_at(path.partition("[")[0], record)) is tuple:
        return typing.get_args(found)[0]  # of one value of a list
    for name in re.sub(r"\[[^\]]*\]", "", path).split("."):
        while typing.get_origin(kind) is typing.Annotated:
            kind = typing.get_args(kind)[0]
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            return kind
        kind = {field.name: field.type for field in msgspec.structs.fields(kind)}.get(name, kind)
    while typing.get_origin(kind) is typing.Annotated and typing.get_origin(typing.get_args(kind)[0]) is tuple:
        kind = typing.get_args(kind)[0]
    return kind


def in_one(problems: Sequence[str]) -> str:
    """Sentences about problems as one message: a problem alone, or one in each line.

    >>> print(in_one(["a", "b"]))
    the configuration has 2 problems:
      a
      b
    """
    if len(problems) == 1:
        return problems[0]
    return f"the configuration has {len(problems)} problems:\n" + "\n".join(f"  {problem}" for problem in problems)
