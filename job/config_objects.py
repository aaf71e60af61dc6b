"""The mapping `objects` of the configuration: which kinds are read by the metadata of their objects alone."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Annotated, Literal

import msgspec

from job.config_mapping import Settings

ObjectPattern = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9.*?!\[\]-]+$",
        description="a plural and its API group, such as rollouts.argoproj.io, or a glob",
    ),
]

CustomResource = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$",
        description="the plural and the API group of one custom resource, such as rollouts.argoproj.io",
    ),
]
FieldPath = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^(spec|status)(\.[A-Za-z_][A-Za-z0-9_]*)+$",
        max_length=200,
        description="names of fields from spec or status on, such as spec.replicas, without elements of lists",
    ),
]
FieldType = Literal["STRING", "INT64", "FLOAT64", "BOOL", "TIMESTAMP"]


class ObjectColumn(Settings, frozen=True, kw_only=True):
    """Where a column of `objects.columns` has its values from."""

    kind: Annotated[CustomResource, "The custom resource's plural and API group."]
    path: Annotated[FieldPath, "The field: `spec.replicas`."]
    type: Annotated[FieldType, "The column's type."] = "STRING"


class Objects(Settings, frozen=True, kw_only=True):
    """Which other kinds are read, by the metadata of their objects alone, or also by fields that `columns` names.

    `include` and `exclude` have globs on a kind's plural and its API group, as in `rollouts.argoproj.io`. The core
    group has no name: `replicationcontrollers`. The kinds are those that each API server says it serves and whose
    objects it stores. Kinds of `kinds` have tables of their own, and are never among them.
    """

    include: Annotated[
        tuple[ObjectPattern, ...],
        "A kind is read into the table `objects` if any of these globs matches, such as `*.argoproj.io`; `*` reads "
        "leases too. Pods are traced through the Rollouts, RayClusters and other controllers that are read. "
        "None by default: the permission for custom resources reads all of them whole, and each kind is one request of "
        "each cluster, or one for each page, after one or two for the names of the kinds. With `*` a cluster is sent "
        "about 67 requests in place of 40, which takes the job 0.03 s more of a core. Kinds whose globs are taken out "
        "become `off`; before the whole list goes, let one run have `exclude: ['*']`.",
    ] = ()
    exclude: Annotated[
        tuple[ObjectPattern, ...],
        "A kind is left out if any of these globs matches, such as `leases.*`; with `*`, all are.",
    ] = ()

    columns: Annotated[
        dict[str, ObjectColumn],
        "Columns of the view `objects`, by name: `rollout_replicas: {kind: rollouts.argoproj.io, path: spec.replicas, "
        "type: INT64}`. The type is `STRING`, `INT64`, `FLOAT64`, `BOOL` or `TIMESTAMP`. Objects of these kinds are "
        "read whole, of which only the named fields are decoded. A column is NULL for other kinds, for values of other "
        "types, and for texts of more than 1,000 characters. Not available: kinds of Kubernetes itself, labels, "
        "annotations, lists, and fields whose names say that they may hold secrets. All jobs of one "
        "sink need the same columns.",
    ] = msgspec.field(default_factory=dict)

    def chooses(self, *names: str) -> bool:
        """Whether a kind is chosen, by any of its names.

        >>> objects = Objects(include=("*.example.com",), exclude=("logs.*",))
        >>> [objects.chooses(name) for name in ("widgets.example.com", "logs.example.com", "widgets.example.org")]
        [True, False, False]
        """
        return matches(self.include, names) and not matches(self.exclude, names)

    def paths_of(self, *names: str) -> tuple[str, ...]:
        """The fields of a kind that columns have, each once."""
        return tuple(dict.fromkeys(column.path for column in self.columns.values() if column.kind in names))

    @property
    def is_on(self) -> bool:
        """Whether any kind may be read."""
        return bool(self.include) and "*" not in self.exclude


def matches(patterns: Iterable[str], names: Iterable[str]) -> bool:
    """Whether any of the globs matches any of the names."""
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
