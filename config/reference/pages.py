"""The generated pages of the reference: what each says, and where it reads it from."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests"))

from faults.cases import table_of_cases, table_of_endings  # noqa: E402

import job  # noqa: E402
from job.cli import cli  # noqa: E402
from job.collect.reasons import REASONS  # noqa: E402
from job.commands.exits import BUG, COMPLETE, INCOMPLETE, INTERRUPTED, TERMINATED, USAGE  # noqa: E402
from job.commands.reference import cell, column_table, reference  # noqa: E402
from job.kinds import KINDS  # noqa: E402
from job.kinds.kind import METADATA_LIST  # noqa: E402
from job.tables import LEDGER, TABLES  # noqa: E402
from job.views import View, views  # noqa: E402


def tables() -> str:
    """Every column of every table."""
    return reference()


def table_of_tables() -> str:
    """The tables in one screen, for the README: those of the other kinds share a row."""
    names = list(TABLES)
    first, others = names[: names.index("services")], names[names.index("services") :]
    rows = [(f"`{name}`", TABLES[name].description) for name in first]
    rows.append((", ".join(f"`{name}`" for name in others), "An object of that kind."))
    return _table(("table", "one row is"), rows)


def views_page() -> str:
    """Every view: its question, an example, and each of its columns."""
    return "\n\n".join([_VIEWS, *map(_view, sorted(views(), key=_place))])


def _view(view: View) -> str:
    example = f"```sql\n{view.example}\n```"
    paragraphs = [f"## `{view.name}`", view.description, example]
    for function in filter(None, (view.between, view.of_present)):
        call = f"{function.name}({', '.join(function.parameters)})"
        paragraphs += [f"`{call}`: {function.description}", f"```sql\n{function.example}\n```"]
    return "\n\n".join([*paragraphs, column_table(view.columns)])


def table_of_views() -> str:
    """The views in one screen; those of the ledger are left to the reference, and those of tables share a row."""
    shown = {view.name: view for view in sorted(views(), key=_place) if _place(view)[0] < 2}
    grains = [f"`{name}`" for name in shown if name.startswith(_CAPACITY)]
    seconds = {name for names in _PAIRS.values() for name in names.split()}
    rows = []
    for name in shown:
        if not name.startswith(_CAPACITY) and name not in seconds:
            row = [shown[one] for one in (name, *_PAIRS.get(name, "").split())]
            rows.append((" ".join(view.question for view in row), ", ".join(f"`{view.name}`" for view in row)))
    rows.append(("How much of the nodes' allocatable CPU and memory do pods request?", ", ".join(grains)))
    rows.append(("Which objects exist now? Which existed, in each reading?", "`<table>`, `<table>_history`"))
    return _table(("question", "view"), rows)


_LEDGER = {
    "committed_attempts", "configurations", "last_two_readings", "latest_collections", "latest_runs",
    "latest_snapshots", "needed_attempts", "project_lists", "readings", *LEDGER,
}  # fmt: skip


_CAPACITY = "capacity_by_"
_PAIRS = {
    "changes": "events", "coverage": "trust", "drain_blockers": "single_points_of_failure", "images": "images_history",
    "privileged": "admins exposed", "restarts": "rollouts_stuck",
    "ownership": "ownership_by_cluster unowned_pods idle_namespaces",
    "versions": "deprecated_api_uses drift support", "without_limits": "workload_containers",
}  # fmt: skip
"""Views that share a row of the README."""


def _place(view: View) -> tuple[int, str]:
    """`coverage` first, which says what the others do not know; then questions, tables, histories, and the ledger."""
    if view.name == "coverage":
        return 0, view.name
    if view.name.startswith("recent_"):
        return 5, view.name
    if view.name in _LEDGER:
        return 4, view.name
    if view.name.removesuffix("_history") in TABLES and view.name not in TABLES:
        return 3, view.name
    return 2 if view.name in TABLES else 1, view.name


_VIEWS = """\
# Views

The views show committed rows only. Each answers the question that opens its description. Start with
[`coverage`](#coverage): it says what the others cannot know. On BigQuery, put the dataset before a view's name
(`FROM inventory.coverage`).

The view of a table (`pods`, `workloads`, ...) shows the objects that exist now: for each cluster that still exists, the
newest reading of each resource. `read_at` and `read_age_seconds` say how old the reading is. `read_status` is `stale`
where a newer reading failed or was not made. A cluster leaves these views when a later, complete list of its project's
clusters does not contain it. A cluster that could not be read, was not asked for, or lies in a zone that GKE could not
list, stays.

Each view has a function that shows the same as it was known at a moment, such as
`pods_as_of(TIMESTAMP '2026-01-31 10:00:00+00')`. It sees what was committed by then. It is a table function on
BigQuery, and a macro on DuckDB. The history of a table (`pods_history`) has the rows of all readings, and no function.

[`changes`](#changes) and [`events`](#events) compare readings. They never call "deleted" what was not read. A change
lies between the times of two readings, `seen_after` and `seen_before`. `events_between` shows the changes of a period,
and scans its rows alone: begin it one run earlier, since a change needs the reading before it.

Views of the present read the rows of the last hours (`bigquery.recent_hours`; on DuckDB, of the last commits), and
older ones that are still the newest of their kind: `needed_attempts` says which. They find them in
`raw_recent_<table>`, a view that a commit makes again once it reads more than that. So a query reads a few snapshots,
however many are kept.

Views of rows also have columns that are computed when a query selects them. `full_resource_name` is the name that Cloud
Asset Inventory has, for joins with its exports; it is below `zones` for a zonal cluster. The project's number, labels
and ancestors are columns of `clusters`, if the project was found in a folder or organization. Columns of the
configuration (`columns`) have one label or annotation each, such as `team`, in every view of rows that has labels; join
`containers` and `pod_containers` to theirs by UID.

A tool that reads no repeated columns selects the others, and finds the labels in `labels_json`, one JSON object for
each row: `JSON_VALUE(labels_json, '$."app.kubernetes.io/name"')` reads one on BigQuery, and
`labels_json ->> '$."app.kubernetes.io/name"'` on DuckDB. Flat copies of each view would double the number of views, and
still leave the labels out.

Do not query `raw_<table>` and `raw_recent_<table>`: they may hold rows of runs that were never committed."""


def commands() -> str:
    """The exit codes, and every command with its help."""
    sections = [_COMMANDS, "## Exit codes\n\n" + table_of_exit_codes(), _FORMATS]
    sections += [f"## `{name}`\n\n```text\n{text}\n```" for name, text in _help(cli, "gke-inventory")]
    return "\n\n".join(sections)


def table_of_exit_codes() -> str:
    """What each exit code means."""
    return _table(("exit code", "meaning"), [(str(code), meaning) for code, meaning in EXIT_CODES.items()])


def _help(command: click.Command, name: str, parent: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """The command's and its subcommands' names and help."""
    context = click.Context(
        command, info_name=name, parent=parent, terminal_width=100, max_content_width=100, **command.context_settings
    )
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for inner in sorted(command.commands):
            yield from _help(command.commands[inner], inner, context)


EXIT_CODES = {
    COMPLETE: "Complete: everything asked for was read and committed, or the gaps are within `fail_on`.",
    BUG: "A bug in this program.",
    USAGE: "Wrong usage, or a problem with the configuration, the credentials or the sink. Nothing was written.",
    INCOMPLETE: "Finished and committed, but something could not be read and `fail_on` does not tolerate it. The "
    "summary and `coverage` say what.",
    INTERRUPTED: "Stopped by Ctrl-C. Nothing was written.",
    TERMINATED: "Stopped by SIGTERM. The clusters read by then are committed if any was complete; the message says so.",
}

_COMMANDS = """\
# Commands

Every command exits with one of the codes below and prints errors on stderr, one sentence each."""


_FORMATS = """\
## Formats

On a terminal, a table fits its width. The widest columns of text shrink first and end with `…`; numbers and times are
never cut. Rows that fit no table are printed vertically, one value a line, unless you ask for `--format table`. Times
are in UTC and end with seconds, and columns that end with `_bytes` or `_age_seconds` have units. The last line counts
the rows, and says of how many where `--limit` cut them.

Everywhere else values are whole: in a pipe or a file, where a table is as wide as it needs to be, and in all other
formats. A value that CSV or JSON has compares equal to the one in the sink: timestamps have microseconds, decimals all
digits, and intervals their months.

| format | NULL | an empty text | two columns of one name |
| --- | --- | --- | --- |
| `table`, `vertical`, `markdown` | `NULL` | nothing | both |
| `csv` | nothing | `""` | both |
| `json`, `jsonl` | `null` | `""` | `name` and `name_2` |
| `parquet` | NULL | an empty text | `name` and `name_2` |

Arrays and structs are JSON in formats that are text, bytes are base64, and `NaN` and infinity are text in JSON. Parquet
has the types of the sink, but text for intervals. CSV, JSON, JSON lines and Parquet are written while rows arrive, in
memory that does not grow with them. `--output FILE` replaces a file only when the whole answer is written."""


def python() -> str:
    """The functions that Python programs and notebooks may call."""
    sections = [_PYTHON]
    for name in sorted(job.__all__):
        value = getattr(job, name)
        if inspect.isfunction(value):
            sections.append(
                f"## `{name}`\n\n```python\n{_signature(name, value)}\n```\n\n```text\n{inspect.getdoc(value)}\n```"
            )
    return "\n\n".join(sections)


def _signature(name: str, function: Callable[..., object]) -> str:
    """The signature, one parameter a line; annotations are strings, and are shown without their quotes."""
    signature = inspect.signature(function)
    lines = []
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in lines:
            lines.append("*")
        lines.append(str(parameter).replace("'", ""))
    returned = str(signature.return_annotation).replace("'", "")
    return f"{name}(\n    " + ",\n    ".join(lines) + f",\n) -> {returned}"


_PYTHON = """\
# Python

```python
from gke_inventory import as_of, changes, history, kubernetes_client, latest, query, snapshot
```

`import gke_inventory` is the same package as `import job`, under a name that a file of your own cannot hide.
`dir(gke_inventory)` has its public names, and `gke_inventory.__version__` its version.

The extra `notebook` (`pip install '.[notebook]'`) adds pyarrow, with which DataFrames of a DuckDB file take a
third of the time and less memory; they are the same without. [fleet.ipynb](../notebooks/fleet.ipynb) is an example:
what can be trusted, then capacity, versions and changes. An interrupt of the kernel ends a query, and cancels
BigQuery's job.

Before BigQuery bills: name `columns`, since it bills the bytes of those columns alone; give `maximum_bytes`, beyond
which it refuses the query; ask `bytes_of(sql)`, which costs nothing. From 1 GiB, each call logs the bytes before it
runs."""


def permissions() -> str:
    """What the identity needs, with the kinds that are listed."""
    rows = [(f"`{kind.resource}`", f"`{kind.api_version}`", f"`{kind.path}`") for kind in KINDS]
    return f"{_PERMISSIONS}\n\n{_table(('kind', 'API version', 'listed at'), rows)}\n\n{_METADATA_ONLY}"


_METADATA_ONLY = f"""\
Of {" and ".join(f"`{kind.resource}`" for kind in KINDS if kind.metadata_only)} the job asks for the metadata alone
(`{METADATA_LIST}`), and decodes neither data nor annotations, whatever the server sends. Neither
IAM nor RBAC can grant only that: who may list them may read their data. So `secrets` is off by default, and
`kinds: {{secrets: true}}` switches it on and adds it to the printed roles. If nothing may read the data of ConfigMaps
either, set `configmaps` to `false`. `validatingadmissionpolicies` is off too: GKE has no permission for it alone."""


_PERMISSIONS = """\
# Permissions

The job needs three things, and more for folders and organizations, for `objects` and for reports in a bucket.
[config/deploy](../deploy/README.md) grants the three, and no more:

- **To find clusters:** `container.clusters.list` in each project. `container.clusters.connect` for the DNS endpoint,
  and `gkehub.gateway.get` in the fleet host project (`roles/gkehub.gatewayReader`) for Connect Gateway.
  `container.clusters.get` for rows of `upgrade_info` and `upgrades`, for `show` and for `kubernetes_client()`.
  `roles/container.clusterViewer` has all three, as does the custom role in [role.yaml](../deploy/role.yaml).
- **To find projects** in `folders` and `organizations`: `resourcemanager.folders.list` and
  `resourcemanager.projects.list` on each configured folder or organization, which the nodes below inherit.
  `roles/resourcemanager.folderViewer` has both. Grant the permissions above there too. The Resource Manager API
  (`cloudresourcemanager.googleapis.com`) has to be enabled in the project of the service account. A folder that the
  identity may not list is a gap of the run and a row of `coverage`; projects that were found in it before become
  `stale`. Configured projects alone need none of this.
- **To find clusters that no list has,** which is optional: `cloudasset.assets.searchAllResources` on each configured
  folder or organization (`roles/cloudasset.viewer`), and the Cloud Asset API (`cloudasset.googleapis.com`) in the
  project of the service account. A cluster that Cloud Asset Inventory knows, and whose project or folder could not be
  listed, is then a row of `coverage` with the outcome `known_elsewhere`, until a list of its project is read again.
  Cloud Asset Inventory knows a deleted cluster for a while. The run lists its project once more: once the GKE API lacks
  it too, `coverage` has no row of it, from that run on. The row of `collections` with the resource
  `cloud_asset_inventory` names it as long as the search does. Without the permission or the API, that row says so, and
  the run goes on; `cloud_asset_inventory: true` makes that a gap, and `false` asks for nothing. A run searches beside
  its other work, and waits for the answer at most `connect_seconds` after that.
- **To read a cluster:** `list` on the kinds below. The same custom role has it for all clusters of a project, folder or
  organisation; so does the ClusterRole in [clusterrole.yaml](../deploy/clusterrole.yaml) for one cluster. Either is
  enough. `roles/container.viewer` grants more than the job reads.
- **To write a report** into a bucket (`report.output`): `storage.objects.create` and `storage.objects.delete` on it
  (`roles/storage.objectUser`), for the identity of BigQuery.
- **To read further kinds** that `objects` chooses: `list` on those. In IAM, `container.thirdPartyObjects.list` covers
  custom resources, all together and whole. Kinds of Kubernetes itself, and a few of GKE, have permissions of their own,
  such as `container.controllerRevisions.list` or `container.backendConfigs.list`: GKE names them when it refuses, and
  `doctor` shows that. A ClusterRole can name groups and kinds: `--print-clusterrole` has a rule for each glob that
  names a group. The API server names its kinds to every signed-in identity (`system:discovery`).
- **To write to BigQuery:** `roles/bigquery.dataEditor` on the dataset and `roles/bigquery.jobUser` in its project.
  `bigquery.datasets.create` in the project if the dataset does not exist yet.

A kind that the identity may not list is recorded as `forbidden`. Everything else is read. `gke-inventory doctor` says
what is missing, where, and what grants it. `doctor --print-role` and `--print-clusterrole` print both roles for the
kinds that your configuration switches on."""


def faults() -> str:
    """What goes wrong, and what becomes of it."""
    reasons = _table(("reason", "meaning"), [(f"`{word}`", meaning) for word, meaning in REASONS.items()])
    return "\n\n".join([_FAULTS, table_of_cases(), _REASONS, reasons, _ENDINGS, table_of_endings()])


_FAULTS = """\
# Faults

A failure affects only what it touches: every other kind of that cluster, and every other cluster, is read as usual.
What could not be read keeps its last good rows in the tables' views. Transient errors are retried for
`timeouts.retry_seconds`, and `ok` always means a complete list.

A failure shows in four places: in `collections`, one row for each kind of each cluster and one for each project; in
`coverage`, with `read_age_seconds`; in the log, as a WARNING; and in the exit code.

The simulator plays each of these faults, and a test holds each row of this table."""

_REASONS = """\
## Reasons

The column `reason` has a cause in one word, and `message` explains it and says what to do. Where the word is not in
this table, it is the server's own: the `reason` of a Kubernetes `Status`, or of Google's `ErrorInfo`."""

_ENDINGS = """\
## What ends a run

With exit code 2, 130 or 143 nothing was written, except where the message says so."""


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *(tuple(map(cell, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
