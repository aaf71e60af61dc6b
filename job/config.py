"""The settings of a run: their types, defaults and descriptions."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from job.config_environment import value_of, with_variables
from job.config_file import read_settings
from job.config_identity import Identity
from job.config_keys import settings_of
from job.config_mapping import Settings
from job.config_objects import Objects
from job.config_report import Report
from job.default_project import default_project

ENVIRONMENT_VARIABLE = "GKE_INVENTORY_CONFIG"

# The ASCII part of https://cloud.google.com/bigquery/docs/labels-intro#requirements
_LABEL = "up to 63 lower-case letters, digits, _ and -"
LabelKey = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,62}$", description=f"{_LABEL}, beginning with a letter")
]
LabelValue = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{0,63}$", description=_LABEL)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]
Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]
MOST_DAYS_OF_HOURS = 400
"""A table can have 10,000 partitions (https://cloud.google.com/bigquery/quotas#partitioned_tables): 416 days of hours,
less those that are yet to expire."""


EndpointType = Literal["public", "dns", "private", "connect_gateway"]

FailOn = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(incomplete|never|below:(100|[1-9]?[0-9])%)$",
        description="incomplete, never, or a percentage such as below:95%",
    ),
]


class Clusters(Settings, frozen=True, kw_only=True):
    """Which clusters are collected.

    `include` and `exclude` have globs on `project/location/name`, or on the name alone. A `*` also matches `/`.
    """

    include: Annotated[
        tuple[str, ...],
        "A cluster is collected if any of these globs matches. A glob that matches no cluster is a warning and a row "
        "of `coverage`; if none matches any, nothing is read, and the exit code is 2. `--cluster` replaces the list.",
    ] = ("*",)
    exclude: Annotated[tuple[str, ...], "A cluster is skipped if any of these globs matches."] = ()
    locations: Annotated[
        tuple[str, ...],
        "Regions and zones, or globs such as `europe-west1*`, which also matches the zones of that region. Unless the "
        "list is empty, only clusters in one of them are collected. One that matches no cluster is reported like a "
        "glob of `include` that matches none. `--location` replaces the list.",
    ] = ()
    labels: Annotated[
        dict[str, str],
        "Labels that the clusters have in GKE, such as `env: production`. Only clusters with all of these labels are "
        "collected. If no cluster has one of them, nothing is read, and the exit code is 2.",
    ] = msgspec.field(default_factory=dict)


class Timeouts(Settings, frozen=True, kw_only=True):
    """Time limits."""

    connect_seconds: Annotated[
        Seconds,
        "Connecting to an API server, TLS handshake included. Also getting an access token, and "
        "waiting for Cloud Asset Inventory once all else is read.",
    ] = 10.0
    request_seconds: Annotated[
        Seconds,
        "One request for a page, or for a project's clusters, from sending it to its last byte. BigQuery has this "
        "time for each response, and Resource Manager for each page.",
    ] = 60.0
    retry_seconds: Annotated[
        Seconds, "Retrying a request after a transient error: 429, 5xx, or a failed or broken connection."
    ] = 60.0
    kind_seconds: Annotated[
        Seconds,
        "All pages of one kind of one cluster, or of one folder. What takes longer is recorded as `timed_out`.",
    ] = 600.0
    cluster_seconds: Annotated[
        Seconds, "All kinds of one cluster. Kinds that are not read by then are recorded as `timed_out`."
    ] = 900.0
    run_seconds: Annotated[
        Seconds | None, "All clusters together. The run then commits what it has. `null` means no limit."
    ] = None
    sink_seconds: Annotated[
        Seconds,
        "Waiting for a locked DuckDB file, or for BigQuery: one request, load job or query, with its retries.",
    ] = 300.0
    overlap_seconds: Annotated[
        Seconds, "A run on a BigQuery dataset that began this long ago and has not committed is considered dead."
    ] = 3600.0


class LabelColumn(Settings, frozen=True, kw_only=True):
    """Where a column of `columns` has its values from."""

    labels: Annotated[tuple[str, ...], "Keys of labels, the one to prefer first."] = ()
    annotations: Annotated[tuple[str, ...], "Keys of annotations, which follow."] = ()


class BigQuery(Settings, frozen=True, kw_only=True):
    """Options of a `bigquery://` sink. The next run, or `gke-inventory schema apply`, applies a change."""

    partition_expiration_days: Annotated[
        Days | None, "BigQuery deletes rows of objects after this many days. `null` keeps them."
    ] = None
    ledger_expiration_days: Annotated[
        Days | None,
        "BigQuery deletes rows of `runs`, `snapshots` and `collections` after this many days. It has to be longer than "
        "the time above: they say what was read. `null` keeps them.",
    ] = None
    partition_by: Annotated[
        Literal["hour", "day", "month"] | None,
        "How new tables are partitioned: a query reads whole partitions. `null` means by hour where rows expire within "
        "400 days, and by day elsewhere: a table can have 10,000 partitions.",
    ] = None
    storage_billing_model: Annotated[
        Literal["physical", "logical"],
        "What BigQuery bills for the storage of a dataset that this program creates: compressed bytes, or the bytes of "
        "the columns. No run changes that of an existing dataset; `schema diff` says how to.",
    ] = "physical"
    require_partition_filter: Annotated[
        bool, "Reject queries on the tables that have no filter on `snapshot_time` and would scan everything."
    ] = False
    recent_hours: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=744)],
        "Views of the present read rows of at most this many hours before the last run, and older ones that are still "
        "the newest of their kind. A run that takes a quarter of that or more has to write views again.",
    ] = 6
    look_back_days: Annotated[
        Days | None,
        "Functions of a moment, such as `pods_as_of`, read the rows of runs that began at most so many days before it: "
        "that bounds what they cost. Of a resource that was last read before, `coverage_as_of` says so. It has to be "
        "longer than the time between two runs. `null` means all days.",
    ] = 31
    maximum_bytes_billed: Annotated[
        Annotated[int, msgspec.Meta(ge=1)] | None,
        "The most that BigQuery may bill for one query of this program. `null` means no limit.",
    ] = None
    labels: Annotated[
        dict[LabelKey, LabelValue],
        "Labels that help you find costs: on the tables, on the jobs, and on the dataset if this program creates it.",
    ] = msgspec.field(default_factory=dict)


class ApiEndpoints(Settings, frozen=True, kw_only=True):
    """Other addresses for Google's APIs, for Private Service Connect and tests.

    Where the credentials or GOOGLE_CLOUD_UNIVERSE_DOMAIN name another universe, its domain replaces `googleapis.com`.
    Addresses without TLS are accepted only on loopback, so that no token crosses a network unencrypted.
    """

    container: Annotated[
        str | None,
        "The GKE API. `null` means `https://container.googleapis.com`. On loopback, `grpc://127.0.0.1:PORT` is gRPC "
        "without TLS, and `http://127.0.0.1:PORT` is REST.",
    ] = None
    cloudresourcemanager: Annotated[
        str | None,
        "Resource Manager, which lists folders and projects. `null` means "
        "`https://cloudresourcemanager.googleapis.com`. On loopback, as `container`.",
    ] = None
    cloudasset: Annotated[
        str | None,
        "Cloud Asset Inventory. `null` means `https://cloudasset.googleapis.com`. On loopback, as `container`.",
    ] = None
    gkehub: Annotated[str | None, "GKE Hub. `null` means `https://gkehub.googleapis.com`."] = None
    bigquery: Annotated[str | None, "BigQuery. `null` means `https://bigquery.googleapis.com`."] = None
    storage: Annotated[str | None, "Cloud Storage. `null` means `https://storage.googleapis.com`."] = None
    oauth2: Annotated[
        str | None,
        "Where user and service account credentials get their tokens. `null` means "
        "`https://oauth2.googleapis.com/token`.",
    ] = None
    connectgateway: Annotated[
        str | None,
        "Connect Gateway. `null` means `https://connectgateway.googleapis.com`, with the region of a regional "
        "membership before it.",
    ] = None
    iamcredentials: Annotated[
        str | None, "The API for impersonation. `null` means `https://iamcredentials.googleapis.com`."
    ] = None


class Config(Settings, frozen=True, kw_only=True):
    """The configuration of one run."""

    projects: Annotated[
        tuple[str, ...],
        "Ids of the projects whose clusters are collected. The flags `--project`, `--folder` and `--organization` "
        "together replace the three settings. If nothing names a project, folder or organization, it is the project of "
        "`CLOUDSDK_CORE_PROJECT`, of `GOOGLE_CLOUD_PROJECT`, or of gcloud's active configuration.",
    ] = ()
    folders: Annotated[
        tuple[str, ...],
        "Ids of folders such as `'123456789012'`, in quotes. The clusters of all active projects in them are "
        "collected, at any depth.",
    ] = ()
    organizations: Annotated[
        tuple[str, ...], "Ids of organizations such as `'123456789012'`, in quotes, with everything below them."
    ] = ()
    exclude_projects: Annotated[
        tuple[str, ...],
        "Globs on project ids, such as `sandbox-*`, or `sys-*` for those of Apps Script. A project that is found in a "
        "folder or organization is left out if any of them matches; one in `projects` is not.",
    ] = ()
    project_labels: Annotated[
        dict[str, str],
        "Labels such as `env: production`. Of the projects that are found in folders and organizations, only those "
        "with all of these labels are collected.",
    ] = msgspec.field(default_factory=dict)
    fail_on: Annotated[
        FailOn,
        "Which gaps make a finished run exit with 3, so that Cloud Run and alerts see a failure. `incomplete`: any "
        "gap. `below:95%`: less than 95% of the clusters, or of the lists, were read completely; a list is one kind "
        "of one cluster, the clusters of one project, or the projects of one folder. `never`: none.",
    ] = "incomplete"
    overlap: Annotated[
        Literal["warn", "skip"],
        "What a run does if another run is in progress on its sink. `warn`: log a warning and go on. `skip`: read "
        "nothing and exit with 0.",
    ] = "warn"
    clusters: Clusters = Clusters()
    endpoints: Annotated[
        tuple[EndpointType, ...],
        "Which endpoints of a control plane to try, in this order, until one answers: `public`, `dns`, `private`, "
        "`connect_gateway`. An empty list tries what the cluster has of: the public IP address, if any network may use "
        "it; the DNS endpoint, if it allows external traffic; the public IP address, if only authorized networks may "
        "use it; the private IP address, for a job inside the VPC; Connect Gateway, if the cluster is a member of a "
        "fleet. `snapshots` has the one that answered, and why others did not.",
    ] = ()
    sink: Annotated[
        str,
        "Where rows are written: `duckdb:///PATH` (a path relative to the working directory; `duckdb:////PATH` is "
        "absolute), a path that ends in `.duckdb`, or `bigquery://PROJECT.DATASET?location=EU`. The dataset, its "
        "tables and its views are created if they are missing.",
    ] = "duckdb:///inventory.duckdb"
    kinds: Annotated[
        dict[str, bool],
        "Kinds to collect. Every kind is on unless it is `false` here, except three. `secrets`: the job asks for "
        "their metadata alone, but the permission reads their data too, as does that of `configmaps`. "
        "`validatingadmissionpolicies`: the only permission of GKE for them, `container.thirdPartyObjects.list`, also "
        "reads custom resources. `events`: those of the type Warning are read, which API servers keep for an hour. "
        "Without `replicasets` or `jobs`, pods cannot be traced to the Deployment or CronJob that controls them.",
    ] = msgspec.field(default_factory=dict)
    objects: Objects = Objects()
    report: Report = Report()
    upgrade_info: Annotated[
        bool,
        "Ask the GKE API how long it supports the version of each cluster and node pool, what it upgrades them to, "
        "and what it has upgraded. A run asks for the clusters that no earlier run of the same day (UTC) has read, "
        "with one request for each cluster, each node pool, and each location of a project. `collections` has the "
        "outcome, with the resource `upgrade_info`, and no row where nothing was asked.",
    ] = True
    attached_clusters: Annotated[
        bool,
        "Also read the clusters of each project's fleet that GKE does not run: attached ones, on premises or in other "
        "clouds. The GKE Hub API lists the memberships of the project, and Connect Gateway reaches the clusters, "
        "whatever `endpoints` says. `membership:NAME` is the name of such a cluster in all tables and in "
        "`clusters.include`. A membership of a GKE cluster is left out: the cluster is read where its project is. "
        "`collections` has the list, with the resource `memberships`.",
    ] = False
    cloud_asset_inventory: Annotated[
        bool | None,
        "Ask Cloud Asset Inventory too which clusters exist. One that it knows, and no list of the GKE API has, is a "
        "row of `coverage` with the outcome `known_elsewhere`, unless the GKE API says that it does not exist. `null` "
        "asks for `folders` and `organizations` alone, and accepts a refusal, which is a row of `collections`. "
        "`true` also asks for each of `projects`, and makes a refusal a gap of the run.",
    ] = None
    annotations: Annotated[
        tuple[str, ...],
        "Annotations to keep: exact keys, or globs such as `team.example.com/*`. All others are dropped. Annotations "
        "that hold whole objects, such as `kubectl.kubernetes.io/last-applied-configuration`, are always dropped.",
    ] = ()
    columns: Annotated[
        dict[str, LabelColumn],
        "Columns such as `team`, by name, in the views of all tables whose objects have labels: "
        "`team: {labels: [team, app.kubernetes.io/part-of], annotations: [example.com/owner]}` has the first of these "
        "labels, else of these annotations, that the object itself has and that is not empty; else NULL. `annotations` "
        "must keep the annotations. The views read stored labels, so that a change, which `gke-inventory schema apply` "
        "or the next run applies, also answers for older rows. All jobs of one sink need the same columns. The keys of "
        "`team` also name the teams of the view `ownership`; without it, the labels `team` and `owner` do, and the "
        "annotation `a8r.io/owner`.",
    ] = msgspec.field(default_factory=dict)
    page_limit: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=10_000)],
        "Objects in one page of a list. Memory grows with it. A page of more than 96 MiB, or one that takes longer "
        "than `request_seconds`, is requested again with half as many objects, and so are the pages after it.",
    ] = 500  # as kubectl --chunk-size
    compression: Annotated[
        bool,
        "Ask API servers for gzip, as kubectl does. They compress responses of more than 128 KiB to about a tenth.",
    ] = True
    workers: Annotated[
        Annotated[int, msgspec.Meta(ge=1, le=1024)],
        "Clusters that are read at the same time. In a container with too little memory for so many, a run uses "
        "fewer workers, then smaller pages.",
    ] = 16
    timeouts: Timeouts = Timeouts()
    identity: Identity = Identity()
    bigquery: BigQuery = BigQuery()
    api_endpoints: ApiEndpoints = ApiEndpoints()

    def accepts(self, read: int, wanted: int) -> bool:
        """Whether `fail_on` tolerates that only `read` of `wanted` were read completely.

        >>> Config(fail_on="below:95%").accepts(95, 100), Config(fail_on="incomplete").accepts(99, 100)
        (True, False)
        """
        if self.fail_on == "never" or read == wanted:
            return True
        return self.fail_on != "incomplete" and 100 * read >= int(self.fail_on[len("below:") : -1]) * wanted

    @property
    def digest(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of all settings except `sink`."""
        compared = msgspec.structs.replace(self, sink="")
        return hashlib.sha256(msgspec.json.encode(compared, order="sorted")).hexdigest()[:16]


def load_config(path: str | os.PathLike[str] | None = None, **flags: Any) -> Config:
    """The configuration: flags, then environment variables, then the file, then the defaults.

    The file is `path`, else the one that `GKE_INVENTORY_CONFIG` names, if any. Every setting has an environment
    variable, such as `GKE_INVENTORY_SINK`. If nothing names a project, folder or organization, it is the project of the
    environment, as gcloud has it.

    Args:
        path: a YAML file.
        flags: values that override all others, by key; None keeps the others.

    Raises:
        ConfigError: the file cannot be read or is not YAML; or it, or the environment, has an unknown name or an
            invalid value.
    """
    source = path or os.environ.get(ENVIRONMENT_VARIABLE)
    config = with_variables(read_settings(Path(source), Config) if source else Config(), os.environ)
    given = {key: value for key, value in flags.items() if value is not None}
    config = msgspec.structs.replace(config, **given) if given else config
    if not has_scope(config) and (project := default_project()) is not None:
        config = msgspec.structs.replace(config, projects=(project,))
    return config


def has_scope(config: Config) -> bool:
    """Whether there is anything to look for clusters in."""
    return bool(config.projects or config.folders or config.organizations)


def named(key: str, value: Any) -> str:
    """A setting in an error message: its key, after the environment variable that gave it this value, if one did.

    Args:
        key: such as `timeouts.run_seconds`.
    """
    for setting in settings_of(Config):
        text = os.environ.get(setting.variable, "").strip()
        if setting.key == key and text and value_of(setting, text, Config) == value:
            return f"{setting.variable}: {key}"
    return key
