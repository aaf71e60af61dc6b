"""The configuration: one YAML file, one typed record, strict about what it does not know."""

from __future__ import annotations

import difflib
import hashlib
import ipaddress
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec
import yaml

from job.errors import ConfigError

ENVIRONMENT_VARIABLE = "GKE_INVENTORY_CONFIG"

# https://cloud.google.com/resource-manager/docs/creating-managing-projects; a prefix of a domain is of old projects
_PROJECT_ID = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]")

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86400)]


_FAIL_ON = r"^(incomplete|never|below:(100|[1-9]?[0-9])%)$"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A mapping of the configuration file; every key is described in `config/inventory.yaml`."""


class Clusters(Settings, frozen=True, kw_only=True):
    """Which clusters: globs on `project/location/name`."""

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


class Timeouts(Settings, frozen=True, kw_only=True):
    """How long what may take, in seconds."""

    connect_seconds: Seconds = 10.0
    request_seconds: Seconds = 60.0
    retry_seconds: Seconds = 60.0
    kind_seconds: Seconds = 600.0
    cluster_seconds: Seconds = 900.0
    run_seconds: Seconds | None = None
    sink_seconds: Seconds = 300.0
    overlap_seconds: Seconds = 3600.0


# https://cloud.google.com/bigquery/docs/labels-intro#requirements, as far as ASCII goes
_LABEL = r"^[a-z0-9_-]{0,63}$"
_LABEL_KEY = r"^[a-z][a-z0-9_-]{0,62}$"


class BigQuery(Settings, frozen=True, kw_only=True):
    """How the tables of a `bigquery://` sink are kept."""

    partition_expiration_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = None
    require_partition_filter: bool = False
    views_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)] | None = None
    maximum_bytes_billed: Annotated[int, msgspec.Meta(ge=1)] | None = None
    labels: dict[Annotated[str, msgspec.Meta(pattern=_LABEL_KEY)], Annotated[str, msgspec.Meta(pattern=_LABEL)]] = (
        msgspec.field(default_factory=dict)
    )


class ApiEndpoints(Settings, frozen=True, kw_only=True):
    """Other addresses of Google's APIs, as Private Service Connect and tests need them."""

    container: str | None = None
    bigquery: str | None = None
    oauth2: str | None = None


class Config(Settings, frozen=True, kw_only=True):
    """What one run does."""

    projects: tuple[str, ...] = ()
    fail_on: Annotated[str, msgspec.Meta(pattern=_FAIL_ON)] = "incomplete"
    overlap: Literal["warn", "skip"] = "warn"
    clusters: Clusters = Clusters()
    endpoint: Literal["auto", "public", "dns", "private"] = "auto"
    sink: str = "duckdb:///inventory.duckdb"
    kinds: dict[str, bool] = msgspec.field(default_factory=dict)
    annotations: tuple[str, ...] = ()
    page_limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500  # as kubectl --chunk-size
    workers: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 16
    timeouts: Timeouts = Timeouts()
    bigquery: BigQuery = BigQuery()
    api_endpoints: ApiEndpoints = ApiEndpoints()

    def accepts(self, read: int, wanted: int) -> bool:
        """Whether so many of so many may be what a run comes to, by `fail_on`."""
        if self.fail_on == "never" or read == wanted:
            return True
        return self.fail_on != "incomplete" and 100 * read >= int(self.fail_on[len("below:") : -1]) * wanted

    @property
    def digest(self) -> str:
        """SHA-256 of the configuration in effect, but for `sink`, its first 16 hexadecimal digits."""
        told = msgspec.structs.replace(self, sink="")
        return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()[:16]


def load_config(path: str | os.PathLike[str] | None = None, **flags: Any) -> Config:
    """The configuration in `path`, else in the file `GKE_INVENTORY_CONFIG` names, else the defaults.

    Args:
        path: a YAML file.
        flags: values that win over the file's, by key; None leaves the file's.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or has a key or value that cannot be used.
    """
    source = path or os.environ.get(ENVIRONMENT_VARIABLE)
    config = _read(Path(source)) if source else Config()
    given = {key: value for key, value in flags.items() if value is not None}
    if given:
        config = msgspec.structs.replace(config, **given)
    return config


def check_config(config: Config, *, resources: Sequence[str]) -> None:
    """Refuses what the types alone let through.

    Args:
        resources: the names that `kinds` may have.

    Raises:
        ConfigError: no project, a malformed project id or endpoint, or an unknown kind.
    """
    if not config.projects:
        raise ConfigError(
            "no project to look in: set `projects` in the configuration file, or pass --project. "
            f"The file is named by --config or {ENVIRONMENT_VARIABLE}"
        )
    for project in config.projects:
        if not _PROJECT_ID.fullmatch(project):
            raise ConfigError(
                f"projects: {project!r} is not a project id: 6 to 30 lower-case letters, digits and hyphens, "
                "beginning with a letter (the id, neither the number nor the display name)"
            )
    for resource in config.kinds:
        if resource not in resources:
            raise ConfigError(f"kinds: unknown kind {resource!r}{_did_you_mean(resource, resources)}")
    for name, url in msgspec.structs.asdict(config.api_endpoints).items():
        if url is not None:
            check_endpoint(f"api_endpoints.{name}", url)


def check_endpoint(key: str, url: str) -> None:
    """Refuses an address that is no URL, and a plain http:// one that is not this machine's own.

    Raises:
        ConfigError: naming the key.
    """
    parts = urlsplit(url)
    schemes = ("https", "http", "grpc") if key == "api_endpoints.container" else ("https", "http")
    if parts.scheme not in schemes or not parts.hostname:
        raise ConfigError(f"{key}: {url!r} is not a URL such as https://container.googleapis.com")
    if parts.scheme != "https" and not _is_loopback(parts.hostname):
        raise ConfigError(
            f"{key}: {url!r} would send tokens in clear text: use https:// ({parts.scheme}:// is for loopback alone)"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: Path) -> Config:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"cannot read the configuration file {path}: {reason}") from error
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"the configuration file {path} is not YAML: {_where_yaml_fails(error)}") from error
    if values is None:
        return Config()
    lines = dict(_lines(root))
    if twice := next((key for key, line in lines.items() if line < 0), None):
        raise ConfigError(f"{path}, line {-lines[twice]}: {twice}: this key is there twice")
    _refuse_unknown_keys(path, values, Config, "", lines)
    try:
        return msgspec.convert(values, Config)
    except msgspec.ValidationError as error:
        reason, _, at = str(error).partition(" - at ")
        key = at.strip("`").removeprefix("$").removeprefix(".") or "the file"
        raise ConfigError(f"{path}, line {_line_of(key, lines)}: {key}: {reason[:1].lower()}{reason[1:]}") from error


def _where_yaml_fails(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it cannot be parsed"
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else str(problem)


def _lines(node: yaml.Node | None, path: str = "") -> Iterator[tuple[str, int]]:
    """Dotted path of each key -> its line, from 1; a line below 0 where a mapping has the key twice."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            name = f"{path}.{key.value}" if path else str(key.value)
            line = key.start_mark.line + 1
            yield from _lines(value, name)
            yield name, -line if name in seen else line
            seen.add(name)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield f"{path}[{index}]", value.start_mark.line + 1
            yield from _lines(value, f"{path}[{index}]")


def _line_of(key: str, lines: Mapping[str, int]) -> int:
    """The line of the key, or of the nearest mapping around it."""
    while key and key not in lines:
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return abs(lines.get(key, 1))


def _refuse_unknown_keys(
    path: Path, values: object, settings: type[msgspec.Struct], prefix: str, lines: Mapping[str, int]
) -> None:
    if not isinstance(values, dict):
        return
    known = {field.name: field.type for field in msgspec.structs.fields(settings)}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key not in known:
            raise ConfigError(
                f"{path}, line {lines.get(name, 1)}: unknown key `{name}`{_did_you_mean(str(key), list(known))}"
            )
        kind = known[key]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            _refuse_unknown_keys(path, value, kind, f"{name}.", lines)


def _did_you_mean(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; there are: {', '.join(known)}"
