"""Settings by environment variables: every setting has one, whose name follows from its key."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
import yaml

from job.config_file import alias_hint, convert, parse
from job.config_keys import PREFIX, Setting, settings_of
from job.errors import ConfigError

Record = TypeVar("Record", bound=msgspec.Struct)

OTHER_VARIABLES = frozenset({"GKE_INVENTORY_CONFIG", "GKE_INVENTORY_BUILD"})
"""Variables with the same prefix that are not settings: the file's name, and the image's build."""

# Kubernetes sets these in a Pod beside a Service called gke-inventory or gke-inventory-...:
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_SERVICE_LINK = re.compile(rf"{PREFIX}(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP).*)?)")


def with_variables(config: Record, environment: Mapping[str, str]) -> Record:
    """The configuration with the settings of the environment in it. An empty variable counts as not set.

    Raises:
        ConfigError: a variable is that of no setting, or its value is invalid. The message does not repeat it.
    """
    given = {name: text.strip() for name, text in environment.items() if name.startswith(PREFIX) and text.strip()}
    settings = {setting.variable: setting for setting in settings_of(type(config))}
    for name in sorted(given):
        if name not in settings and name not in OTHER_VARIABLES and not _SERVICE_LINK.fullmatch(name):
            raise ConfigError(f"{name}: no setting has this environment variable; {_nearest(name, list(settings))}")
    for name, setting in settings.items():
        if name in given:
            config = _replaced(config, setting.path, value_of(setting, given[name], type(config)))
    return config


def value_of(setting: Setting, text: str, record: type[msgspec.Struct]) -> Any:
    """The value that a variable gives to a setting of the record.

    Text is taken as it is; a list is names with commas in between or, in brackets, YAML; the rest is YAML.

    Raises:
        ConfigError: naming the variable.
    """
    if not _is_unicode(text):
        raise ConfigError(f"{setting.variable}: {setting.key}: the value is not UTF-8 text")
    kind, is_optional = _kind(setting.type)
    document: Any
    if kind is str or get_origin(kind) is Literal:
        document = None if is_optional and text == "null" else text
    elif get_origin(kind) is tuple and not text.startswith("["):
        document = _names(setting, text)
    else:
        document = _yaml(setting, text)
    for name in reversed(setting.path):
        document = {name: document}
    return setting.value_in(convert(document, record, lambda _: setting.variable))


def _kind(hint: Any) -> tuple[Any, bool]:
    """A type without its limits, and whether it is a union with None."""
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if get_origin(hint) in (Union, types.UnionType):
        (inner,) = (arm for arm in get_args(hint) if arm is not types.NoneType)
        return _kind(inner)[0], True
    return hint, False


def _names(setting: Setting, text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names) or any(char in text for char in "\"'\n"):
        raise ConfigError(
            f"{setting.variable}: {setting.key}: write names with commas in between, such as a,b, without quotes, or "
            "a list such as [a, b]"
        )
    return names


def _yaml(setting: Setting, text: str) -> Any:
    try:
        value, lines = parse(text)
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" from character {mark.index + 1} on" if mark else ""
        raise ConfigError(
            f"{setting.variable}: {setting.key}: the value is not YAML{where}; a list is [a, b], and keys with values "
            f"are {{key: value}}{alias_hint(error)}"
        ) from None  # the error repeats the value
    if any(line < 0 for line in lines.values()):
        raise ConfigError(f"{setting.variable}: {setting.key}: the value has a key twice")
    return value


def _replaced(record: Record, path: tuple[str, ...], value: Any) -> Record:
    """The record with another value at a path."""
    name, *rest = path
    inner = _replaced(getattr(record, name), tuple(rest), value) if rest else value
    return msgspec.structs.replace(record, **{name: inner})


def _nearest(name: str, variables: list[str]) -> str:
    """The variables that are nearest to an unknown one: those of its mapping, or that with the most similar name."""
    inside = [variable for variable in variables if variable.startswith(f"{name}_")]
    own = [variable.removeprefix(PREFIX) for variable in variables]
    close = difflib.get_close_matches(name.removeprefix(PREFIX).upper(), own, n=1, cutoff=0)
    return f"the nearest is {', '.join(inside) or PREFIX + close[0]}"


def _is_unicode(text: str) -> bool:
    """Whether Python could decode all bytes of the variable."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
