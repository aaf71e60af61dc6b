"""Options that several commands share, and the configuration with them in it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from job.config import Config
    from job.log import Level

Configured = Callable[[], "Config"]
"""Loads the configuration, with the flags in it."""


def options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Several options as one decorator."""

    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


class Log(NamedTuple):
    """How a command logs."""

    level: Level
    is_quiet: bool
    """Nobody wants to see progress, waits or a summary."""


def start_log(usual: Level) -> Log:
    """Makes the log say as much as this command usually does, unless a flag asks for more or less."""
    from job.log import configure_logging
    from job.waiting import say_nothing

    chosen = click.get_current_context().meta.get(_CHOSEN)
    level: Level = "error" if chosen == "quiet" else "debug" if chosen == "verbose" else usual
    configure_logging(level)
    say_nothing(chosen == "quiet")
    return Log(level, chosen == "quiet")


def add_log_options(command: click.Command) -> None:
    """Adds `-q` and `-v` to a command and to those below it: each takes effect before and after a command's name."""
    command.params += [
        click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, callback=_choose, help=_QUIET),
        click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, callback=_choose, help="Log more."),
    ]
    for below in command.commands.values() if isinstance(command, click.Group) else ():
        add_log_options(below)


_CHOSEN = "job.log"
_QUIET = "Log only errors; show no progress, and no summary of a run."


def _choose(context: click.Context, option: click.Parameter, is_set: bool) -> None:
    if is_set and context.meta.setdefault(_CHOSEN, option.name) != option.name:  # commands share it
        raise click.UsageError("--quiet and --verbose exclude each other")


def paged(command: Any) -> Any:
    """Has a pager show what the command prints, where that is longer than the terminal."""

    @functools.wraps(command)
    def with_pager(*arguments: Any, no_pager: bool, **others: Any) -> Any:
        from job.commands.pager import pager

        with pager(is_wanted=not no_pager):
            return command(*arguments, **others)

    return click.option("--no-pager", is_flag=True, help="Print straight to the terminal. So does PAGER=cat.")(
        with_pager
    )


def _configured_by(*own: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Options whose command gets one argument for all of them: `configured`."""

    def add(command: Any) -> Any:
        @functools.wraps(command)
        def with_configuration(
            *arguments: Any,
            path: str | None,
            sink: str | None = None,
            projects: tuple[str, ...] = (),
            folders: tuple[str, ...] = (),
            organizations: tuple[str, ...] = (),
            clusters: tuple[str, ...] = (),
            locations: tuple[str, ...] = (),
            **others: Any,
        ) -> Any:
            scope = (projects, folders, organizations)
            chosen = {"include": clusters, "locations": locations}
            return command(*arguments, configured=lambda: _config(path, sink, scope, chosen), **others)

        return options(*own)(with_configuration)

    return add


def _config(
    path: str | None,
    sink: str | None,
    scope: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]],
    chosen: dict[str, tuple[str, ...]],
) -> Config:
    """The configuration with the flags in it: those for projects, folders and organizations replace all three.

    Args:
        chosen: values for keys of `clusters`.
    """
    import msgspec

    from job.config import load_config

    config = load_config(path, sink=sink)
    if any(scope):
        projects, folders, organizations = scope
        config = msgspec.structs.replace(config, projects=projects, folders=folders, organizations=organizations)
    given = {key: value for key, value in chosen.items() if value}
    return msgspec.structs.replace(config, clusters=msgspec.structs.replace(config.clusters, **given))


_config_option = click.option(
    "--config",
    "path",
    metavar="FILE",
    help="YAML file. Default: the file named by GKE_INVENTORY_CONFIG. Variables, such as GKE_INVENTORY_SINK, override "
    "it.",
)
_scope_options = options(
    click.option(
        "--project",
        "projects",
        multiple=True,
        metavar="ID",
        help="With --folder and --organization, overrides what the configuration names of the three.",
    ),
    click.option("--folder", "folders", multiple=True, metavar="ID", help="All projects in a folder, at any depth."),
    click.option("--organization", "organizations", multiple=True, metavar="ID", help="All projects in one."),
    click.option("--location", "locations", multiple=True, metavar="GLOB", help="Overrides `clusters.locations`."),
    click.option("--cluster", "clusters", multiple=True, metavar="GLOB", help="Overrides `clusters.include`."),
)
_sink_option = click.option(
    "--sink",
    metavar="URL",
    help="FILE.duckdb, duckdb:///PATH or bigquery://PROJECT.DATASET?location=EU. Overrides `sink`.",
)

config_option = _configured_by(_config_option)
cluster_options = _configured_by(_config_option, _scope_options)
cluster_and_sink_options = _configured_by(_config_option, _scope_options, _sink_option)
sink_options = _configured_by(_config_option, _sink_option)
