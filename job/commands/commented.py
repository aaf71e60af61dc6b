"""A configuration as a file with comments: what is set, and what most people decide about."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import yaml

from job.config import Config, has_scope
from job.config_keys import Setting, settings_of
from job.config_words import what_to_write
from job.printable import printable

_WIDTH = 100
_SHORT = 40
_SHOWN = frozenset(
    {
        "projects", "folders", "organizations", "exclude_projects", "project_labels", "fail_on", "overlap",
        "clusters.include", "clusters.exclude", "clusters.locations", "clusters.labels", "endpoints", "sink", "kinds",
        "annotations", "workers",
        "bigquery.partition_expiration_days",
    }
)  # fmt: skip
"""What most people decide about. The file has other settings only if they differ from the default."""
_EXAMPLES: dict[str, Any] = {
    "projects": ["my-project"],
    "folders": ["123456789012"],
    "organizations": ["123456789012"],
    "exclude_projects": ["sandbox-*"],
    "project_labels": {"env": "production"},
    "clusters.exclude": ["*-test"],
    "clusters.locations": ["europe-*"],
    "clusters.labels": {"env": "production"},
    "kinds": {"jobs": False, "cronjobs": False},
    "annotations": ["team.example.com/*"],
    "bigquery.partition_expiration_days": 90,
}
"""What a comment shows in place of a default that is empty."""


def commented(config: Config, head: Iterable[str]) -> str:
    """A file that gives this configuration.

    Args:
        head: paragraphs of the comment at its top.
    """
    return "\n".join([_comment(head), *_sections(config)])


def _sections(config: Config) -> Iterator[str]:
    """A block for each setting at the top, and one for each mapping."""
    default = Config()
    blocks: dict[str, list[tuple[Setting, bool]]] = {}
    for setting in settings_of(Config):
        is_set = setting.value_in(config) != setting.value_in(default) or setting.key == "sink"
        if is_set or setting.key in _SHOWN:
            blocks.setdefault(setting.path[0], []).append((setting, is_set))
    for name, settings in blocks.items():
        is_any_set = any(is_set for _, is_set in settings)
        if len(settings[0][0].path) == 1:
            yield "".join(_entry(config, *settings[0]))
            continue
        lines = "".join(line for each, is_set in settings for line in _entry(config, each, is_set or not is_any_set))
        block = f"{name}:\n{textwrap.indent(lines, '  ')}"
        yield block if is_any_set else "".join(f"# {line}" for line in block.splitlines(keepends=True))


def _entry(config: Config, setting: Setting, is_active: bool) -> Iterator[str]:
    """The lines of one setting: what it does, then its value, or its default or an example in a comment."""
    yield _comment([_in_short(setting)])
    name, value = setting.path[-1], setting.value_in(config)
    shown = _yaml(value if value != setting.value_in(Config()) else _EXAMPLES.get(setting.key, value))
    if setting.key == "projects" and not has_scope(config):
        yield f"{name}: []  # write the ids of your projects\n"
    else:
        yield f"{'' if is_active else '# '}{name}: {shown}\n"
    if setting.key == "sink" and not value.startswith("bigquery:"):
        project = config.projects[0] if config.projects else "my-project"
        yield "# For a job on a schedule, BigQuery:\n"
        yield f"# {name}: {_yaml(f'bigquery://{project}.gke_inventory?location=EU')}\n"


def _in_short(setting: Setting) -> str:
    """The first sentence of the description, or two if it is very short, and which values there are."""
    first, *others = re.split(r"(?<=\.) ", setting.description)
    values = what_to_write(setting.type)
    short = f"{first} {others[0]}" if others and len(first) < _SHORT else first
    return f"{short} Write {values}." if values else short


def _comment(paragraphs: Iterable[str]) -> str:
    """Comment lines without the marks of Markdown. A name that a server gave ends no comment."""
    lines: list[str] = []
    for text in paragraphs:
        indent = "  " if text.startswith("  ") else ""
        words = printable(text.replace("`", ""), 10_000)
        lines += textwrap.wrap(
            words, _WIDTH - 2, initial_indent=indent, break_long_words=False, break_on_hyphens=False
        ) or [""]  # fmt: skip
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _yaml(value: Any) -> str:
    """The value as YAML writes it in one line.

    >>> _yaml(10.0), _yaml(("a", "1")), _yaml(None)
    ('10', "[a, '1']", 'null')
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    plain = msgspec.to_builtins(value)
    text = _dumped(plain)
    return text if text.isprintable() else _dumped(plain, '"')  # which escapes the end of a line


def _dumped(plain: Any, style: str | None = None) -> str:
    text: str = yaml.safe_dump(plain, default_flow_style=True, default_style=style, width=10**9, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")
