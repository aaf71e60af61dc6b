"""Reads a YAML file into a record, and names the line and the key of whatever is wrong in it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeGuard, TypeVar, get_args, get_origin

import msgspec
import yaml

from job.config_words import in_one, place_and_reason
from job.errors import ConfigError
from job.regular_file import check_regular

Record = TypeVar("Record", bound=msgspec.Struct)


def read_settings(path: Path, record: type[Record]) -> Record:
    """The file's keys as a record; an empty file gives the defaults.

    Raises:
        ConfigError: the file cannot be read, is not YAML, has a duplicate or unknown key, or an invalid value.
    """
    try:
        check_regular(path)
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # ValueError: also of a name with a zero byte
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the configuration file {path}: {reason}") from error
    try:
        values, lines = parse(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the configuration file {path} is not YAML: {_yaml_problem(error)}") from error
    except RecursionError:
        raise ConfigError(f"the configuration file {path}: lists or keys are nested too deeply") from None
    except (ValueError, OverflowError) as error:  # PyYAML: a date such as 2026-13-45
        raise ConfigError(f"the configuration file {path} has a value that is not valid YAML: {error}") from error
    if values is None:
        return record()
    twice = [(key, f"{path}, line {-line}: duplicate key `{key}`") for key, line in lines.items() if line < 0]
    return convert(
        values,
        record,
        lambda key: f"{path}, line {_line_of(key, lines)}",
        problems=twice,
        order=lambda key: _line_of(key, lines),
    )


def parse(text: str) -> tuple[Any, Mapping[str, int]]:
    """The document, and the line of each key by its dotted path; that of a duplicate key is negative.

    Raises:
        YAMLError, RecursionError, ValueError, OverflowError: it is not YAML.
    """
    return yaml.safe_load(text), dict(_lines(yaml.compose(text, Loader=yaml.SafeLoader), set()))


def convert(
    values: Any,
    record: type[Record],
    place: Callable[[str], str],
    *,
    problems: Sequence[tuple[str, str]] = (),
    order: Callable[[str], int] = len,
) -> Record:
    """The document as a record.

    Args:
        place: says where the dotted path of a key is.
        problems: what is wrong with the document already: a key, and a sentence.
        order: sorts problems by their keys.

    Raises:
        ConfigError: naming all unknown keys and invalid values.
    """
    unknown = dict(_unknown_keys(values, record, ""))
    found = [*problems, *((key, f"{place(key)}: unknown key `{key}`{hint}") for key, hint in unknown.items())]
    if not found:
        with suppress(msgspec.ValidationError):
            return msgspec.convert(values, record)
    for document in _documents(values, record, unknown):
        found += [(key, f"{place(key)}: {key or 'the file'}: {reason}") for key, reason in _refused(document)]
    raise ConfigError(in_one([sentence for key, sentence in sorted(found, key=lambda each: order(each[0]))]))


class _Document(NamedTuple):
    """A part of the document that has problems of its own."""

    prefix: str
    """Before the dotted paths of its keys."""
    values: Any
    record: type[msgspec.Struct]


def _refused(document: _Document) -> Iterator[tuple[str, str]]:
    """The dotted path of each value that its record refuses, and what to write there."""
    values, left_out = document.values, set[str]()
    while True:
        try:
            msgspec.convert(values, document.record)
        except msgspec.ValidationError as error:
            key, reason = place_and_reason(error, document.record)
            if not any(f"required field `{name}`" in reason for name in left_out):
                yield f"{document.prefix}{key}".rstrip("."), reason
            name = re.split(r"[.\[]", key)[0]
            if not isinstance(values, dict) or name not in values:
                return
            values = {each: value for each, value in values.items() if each != name}
            left_out.add(name)
        else:
            return


def _documents(
    values: Any, record: type[msgspec.Struct], unknown: Collection[str], prefix: str = ""
) -> Iterator[_Document]:
    """A document of each setting, and of each entry of a list or mapping of records, which has problems of its own."""
    if not isinstance(values, dict):
        yield _Document(prefix, values, record)
        return
    for field in msgspec.structs.fields(record):
        if field.name not in values:
            continue
        key, value, inner = f"{prefix}{field.name}", values[field.name], _value_record(field.type)
        if _is_record(field.type) and isinstance(value, dict):
            yield from _documents(value, field.type, unknown, f"{key}.")
        elif inner and _has_entries(value):
            entries = [(f"{key}.{name}.", entry) for name, entry in value.items()]
            yield from (_Document(start, entry, inner) for start, entry in entries if not _any_in(unknown, start))
        elif _any_in(unknown, f"{key}."):
            continue
        elif inner and isinstance(value, list):
            yield from (_Document(f"{key}[{number}].", entry, inner) for number, entry in enumerate(value))
        else:
            yield _Document(prefix, {field.name: value}, record)


def _has_entries(value: Any) -> bool:
    """Whether a mapping has names, and a mapping for each of them."""
    return isinstance(value, dict) and all(isinstance(own, str) and isinstance(value[own], dict) for own in value)


def _any_in(keys: Collection[str], start: str) -> bool:
    return any(key.startswith(start) for key in keys)


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The end of an error message about an unknown name: the name that was probably meant, or all names.

    >>> did_you_mean("podz", ["nodes", "pods"]), did_you_mean("x", ["nodes", "pods"])
    ('; did you mean `pods`?', '; use one of: nodes, pods')
    """
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; use one of: {', '.join(known)}"


def _yaml_problem(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be parsed"
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}{problem}{alias_hint(error)}"


def alias_hint(error: Exception) -> str:
    """What to do where YAML takes a pattern for an alias: https://yaml.org/spec/1.2.2/#71-alias-nodes"""
    words = f"{getattr(error, 'context', '')} {getattr(error, 'problem', '')}"
    return "; a pattern that begins with * needs quotes: '*'" if "alias" in words else ""


def _lines(node: yaml.Node | None, visited: set[int], path: str = "") -> Iterator[tuple[str, int]]:
    """Dotted path of each key -> its line, counted from 1. The line of a duplicate key is negative.

    Args:
        visited: nodes that were there before: aliases can make a few lines endless.
    """
    if node is None or id(node) in visited:
        return
    visited.add(id(node))
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = f"{path}.{key.value}" if path else str(key.value)
            line = key.start_mark.line + 1
            yield from _lines(value, visited, name)
            yield name, -line if name in seen else line
            seen.add(name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield f"{path}[{index}]", value.start_mark.line + 1
            yield from _lines(value, visited, f"{path}[{index}]")


def _line_of(key: str, lines: Mapping[str, int]) -> int:
    """The line of a key, or of the nearest mapping or list around it.

    >>> _line_of("timeouts.run_seconds", {"timeouts": 3}), _line_of("projects[1]", {"projects": 1, "projects[1]": 2})
    (3, 2)
    """
    while key and key not in lines:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return abs(lines.get(key, 1))


def _unknown_keys(values: object, record: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, str]]:
    """The dotted path of each unknown key, and a hint."""
    if not isinstance(values, dict):
        return
    known = {field.name: field.type for field in msgspec.structs.fields(record)}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in known:
            yield name, did_you_mean(str(key), list(known))
        elif _is_record(known[key]):
            yield from _unknown_keys(value, known[key], f"{name}.")
        elif (inner := _value_record(known[key])) and isinstance(value, dict):
            for own, settings in value.items():
                yield from _unknown_keys(settings, inner, f"{name}.{own}.")
        elif inner and isinstance(value, list):
            for number, settings in enumerate(value):
                yield from _unknown_keys(settings, inner, f"{name}[{number}].")


def _is_record(kind: Any) -> TypeGuard[type[msgspec.Struct]]:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _value_record(kind: Any) -> type[msgspec.Struct] | None:
    """The record that the values of a mapping or list are, such as the columns in `columns`."""
    container = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    place = {dict: 1, tuple: 0}.get(get_origin(container))
    value = None if place is None else get_args(container)[place]
    return value if _is_record(value) else None
