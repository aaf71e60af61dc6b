"""The configuration's reference and its example file, both written from the fields of `job.config`."""

from __future__ import annotations

import inspect
import textwrap
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml

from job.commands.reference import cell
from job.config import Config, Settings
from job.config_keys import settings_of
from job.kinds import KINDS

_WIDTH = 100
_EXAMPLES = {"projects": ["my-project"], "kinds": {kind.resource: kind.default for kind in KINDS}}
"""What the example file shows in place of a default that is empty."""


class Setting(NamedTuple):
    """One key of the configuration file."""

    key: str
    type: Any
    default: Any
    description: str


def page() -> str:
    """Every setting with its type, default and description."""
    sections = [_OPENING, _table(_own(Config))]
    for field, settings in _nested():
        sections.append(f"## `{field}`\n\n{_docstring(settings)}\n\n{_table(_own(settings), f'{field}.')}")
    return "\n\n".join(sections)


_OPENING = """\
# Configuration

Settings come from flags, else from environment variables, else from a file, else from the defaults. The file is YAML.
`--config FILE` names it, or the environment variable `GKE_INVENTORY_CONFIG`. An unknown key is an error.
[config/inventory.yaml](../inventory.yaml) shows every setting with its default: copy it, and keep what you change.

## Environment variables

Each setting has a variable, so that a job needs no file: `GKE_INVENTORY_`, then the setting's key in capitals, with
`_` for each dot. `timeouts.run_seconds` is `GKE_INVENTORY_TIMEOUTS_RUN_SECONDS`.

```sh
GKE_INVENTORY_PROJECTS=shop-prod,shop-staging GKE_INVENTORY_SINK=duckdb:///inventory.duckdb gke-inventory run
```

| type | value of the variable |
| --- | --- |
| text | as it is, without quotes |
| list | names with commas in between, such as `a,b`, or YAML in brackets, such as `[a, 'b,c']`; `[]` is an empty list |
| number, `true` or `false`, `null` | as in the file |
| mapping | YAML or JSON, such as `{pods: false}` or `{"pods": false}` |

A variable replaces the whole value of one setting: `GKE_INVENTORY_KINDS` replaces all of `kinds`, and
`GKE_INVENTORY_PROJECTS` leaves the file's `folders` as they are. An empty variable counts as not set. Spaces around a
value do not count. A variable that begins with `GKE_INVENTORY_` and names no setting is an error, except the two below
and those that Kubernetes sets in a Pod for a Service.

| variable | meaning |
| --- | --- |
| `GKE_INVENTORY_CONFIG` | the configuration file |
| `GKE_INVENTORY_BUILD` | what `--version` calls the build; the image sets it |

## Settings"""


def example() -> str:
    """config/inventory.yaml."""
    own = {setting.key: setting for setting in _own(Config)}
    nested = dict(_nested())
    blocks = [_comment(_HEAD)]
    for field in msgspec.structs.fields(Config):
        if field.name in own:
            blocks.append(_comment(own[field.name].description) + _line(own[field.name]))
        else:
            settings = nested[field.name]
            lines = [_comment(_docstring(settings)) + f"{field.name}:\n"]
            lines += [textwrap.indent(_comment(inner.description) + _line(inner), "  ") for inner in _own(settings)]
            blocks.append("".join(lines))
    return "\n".join(blocks)


_HEAD = (
    "The configuration of gke-inventory: every setting, with its default or an example. --config FILE names the "
    "file, or the environment variable GKE_INVENTORY_CONFIG. Environment variables such as "
    "GKE_INVENTORY_TIMEOUTS_RUN_SECONDS override it, and flags override both. An unknown key is an error. This file is "
    "written from job/config.py by `make -f config/Makefile docs`."
)


def _own(settings: type[Settings]) -> list[Setting]:
    """The settings of a mapping that are not mappings themselves."""
    hints = get_type_hints(settings, include_extras=True)
    found = []
    for field in msgspec.structs.fields(settings):
        hint = hints[field.name]
        if get_origin(hint) is Annotated:
            (description,) = (part for part in hint.__metadata__ if isinstance(part, str))
            default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            found.append(Setting(field.name, hint, default, description))
    return found


def _nested() -> Iterator[tuple[str, type[Settings]]]:
    for field in msgspec.structs.fields(Config):
        if isinstance(field.type, type) and issubclass(field.type, Settings):
            yield field.name, field.type


def _docstring(settings: type[Settings]) -> str:
    return " ".join((inspect.getdoc(settings) or "").split())


def _table(settings: list[Setting], prefix: str = "") -> str:
    variables = {setting.key: setting.variable for setting in settings_of(Config)}
    rows = [
        f"| `{prefix}{key}` <br> `{variables[prefix + key]}` | {_type(hint)} | `{_yaml(default)}` "
        f"| {cell(description)} |"
        for key, hint, default, description in settings
    ]
    return "\n".join(["| setting and variable | type | default | meaning |", "| --- | --- | --- | --- |", *rows])


def _type(hint: Any) -> str:
    """A type in words.

    >>> _type(Annotated[int, msgspec.Meta(ge=1, le=1024)]), _type(Literal["warn", "skip"]), _type(str | None)
    ('integer, 1 to 1024', '`warn` or `skip`', 'text, or `null`')
    """
    limits = [part for part in getattr(hint, "__metadata__", ()) if isinstance(part, msgspec.Meta)]
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    if get_origin(kind) in (Union, types.UnionType):
        (inner,) = (arm for arm in get_args(kind) if arm is not types.NoneType)
        return f"{_type(inner)}, or `null`"
    if get_origin(kind) is Literal:
        *others, last = (f"`{value}`" for value in get_args(kind))
        return f"{', '.join(others)} or {last}"
    if get_origin(kind) is tuple:
        return "list"
    if get_origin(kind) is dict:
        return "mapping"
    return {str: "text", bool: "`true` or `false`", int: "integer", float: "number"}[kind] + _range(limits)


def _range(limits: list[msgspec.Meta]) -> str:
    low = next((limit.ge for limit in limits if limit.ge is not None), None)
    high = next((limit.le for limit in limits if limit.le is not None), None)
    if low is None:
        return "" if high is None else f", up to {high}"
    return f", {low} or more" if high is None else f", {low} to {high}"


def _comment(text: str) -> str:
    """Comment lines of the example file, without the marks of Markdown."""
    return "".join(f"# {line}\n" for line in textwrap.wrap(text.replace("`", ""), _WIDTH - 2))


def _line(setting: Setting) -> str:
    """The key with its default or an example; a mapping in lines of its own."""
    value = _EXAMPLES.get(setting.key, setting.default)
    if isinstance(value, dict) and value:
        return f"{setting.key}:\n" + "".join(f"  {key}: {_yaml(inner)}\n" for key, inner in value.items())
    return f"{setting.key}: {_yaml(value)}\n"


def _yaml(value: Any) -> str:
    """The value as YAML writes it in one line.

    >>> _yaml(10.0), _yaml(()), _yaml(None)
    ('10', '[]', 'null')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    plain = list(value) if isinstance(value, tuple) else value
    return yaml.safe_dump(plain, default_flow_style=True).removesuffix("\n").removesuffix("\n...")
