"""The columns that the views of rows compute besides those of their table: names for joins, and labels as scalars.

They are computed when a query selects them, so a change of the configuration also answers for rows that are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain
from typing import NamedTuple

from job.errors import ConfigError
from job.schema import columns
from job.tables import OBJECTS

_TEXT = r'"(?:[^"\\]|\\.)*"'
_PAIR = rf'[{{]"key":({_TEXT}),"value":({_TEXT})[}}]'
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_LABELS = ("labels", "node_labels")
"""A table has one of these columns, or no labels."""
# https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#reserved_keywords, and DuckDB's
_RESERVED = frozenset(
    """
    all analyse analyze and anti any array as asc asof assert_rows_modified asymmetric at between both by case cast
    check collate column constraint contains create cross cube current current_date current_datetime current_time
    current_timestamp deferrable default define desc describe distinct
    do else end enum escape except exclude exists extract false fetch following for foreign from full generated glob
    graph_table group grouping groups hash having if ignore ilike in initially inner intersect interval into is isnull
    join lambda lateral leading left like limit lookup map merge natural new no not notnull null nulls of offset on only
    or order outer over overlaps partition pivot pivot_longer pivot_wider placing positional preceding primary proto
    qualify range recursive references respect returning right rollup rows select semi set show similar some struct
    summarize symmetric table tablesample then to trailing treat true try_cast unbounded union unique unnest unpivot
    using variadic verbose when where window with within
    """.split()  # noqa: SIM905 (one word a line would be two pages)
)

_CLUSTER = (
    "'//container.googleapis.com/projects/', t.project_id, "
    "IF(REGEXP_CONTAINS(t.location, '[0-9]$'), '/locations/', '/zones/'), t.location, '/clusters/', t.cluster"
)
_IN_NAMESPACE = f"{_CLUSTER}, '/k8s/namespaces/', t.namespace"
_MAYBE_IN_NAMESPACE = f"{_CLUSTER}, '/k8s', IF(t.namespace IS NULL, '', CONCAT('/namespaces/', t.namespace))"
_RBAC = f"CONCAT({_MAYBE_IN_NAMESPACE}, '/rbac.authorization.k8s.io/', t.resource, '/', t.name)"
_FULL_NAMES = {
    "clusters": f"CONCAT({_CLUSTER})",
    "node_pools": f"CONCAT({_CLUSTER}, '/nodePools/', t.name)",
    "nodes": f"CONCAT({_CLUSTER}, '/k8s/nodes/', t.name)",
    "namespaces": f"CONCAT({_CLUSTER}, '/k8s/namespaces/', t.name)",
    "pods": f"CONCAT({_IN_NAMESPACE}, '/pods/', t.name)",
    "services": f"CONCAT({_IN_NAMESPACE}, '/services/', t.name)",
    "roles": _RBAC,
    "role_bindings": _RBAC,
    "admission_webhooks": f"CONCAT({_CLUSTER}, '/k8s/admissionregistration.k8s.io/', t.resource, '/', t.name)",
    "ingresses": f"CONCAT({_IN_NAMESPACE}, '/networking.k8s.io/ingresses/', t.name)",
    "network_policies": f"CONCAT({_IN_NAMESPACE}, '/networking.k8s.io/networkpolicies/', t.name)",
    "autoscalers": f"CONCAT({_IN_NAMESPACE}, '/autoscaling/horizontalpodautoscalers/', t.name)",
    "disruption_budgets": f"CONCAT({_IN_NAMESPACE}, '/policy/poddisruptionbudgets/', t.name)",
    "volume_claims": f"CONCAT({_IN_NAMESPACE}, '/persistentvolumeclaims/', t.name)",
    "volumes": f"CONCAT({_CLUSTER}, '/k8s/persistentvolumes/', t.name)",
    "storage_classes": f"CONCAT({_CLUSTER}, '/k8s/storage.k8s.io/storageclasses/', t.name)",
    "workloads": (
        "IF(t.known_through_pods, NULL, "
        f"CONCAT({_IN_NAMESPACE}, '/', IF(t.resource = 'pods', '', CONCAT(SPLIT(t.api_version, '/')[OFFSET(0)], '/')), "
        "t.resource, '/', t.name))"
    ),
}
"""Table -> https://cloud.google.com/asset-inventory/docs/asset-names. Zonal clusters are below `zones` there."""


class LabelColumn(NamedTuple):
    """A column of the configuration: the first of these labels, else of these annotations, that an object has."""

    name: str
    labels: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()


class FieldColumn(NamedTuple):
    """A column of the configuration in `objects`: a field of one kind."""

    name: str
    kind: str
    """As in `objects.resource`."""
    path: str
    """As in `objects.fields`."""
    type: str


RowColumn = LabelColumn | FieldColumn


def select_list(table: str, configured: tuple[RowColumn, ...]) -> str:
    """The columns in BigQuery's SQL, of the rows `t`; each ends with a comma."""
    return "".join(f"  {expression} AS {name},\n" for name, _, expression, _ in _columns(table, configured))


def header(table: str, configured: tuple[RowColumn, ...]) -> str:
    """The columns as lines of a view's header."""
    return "".join(f"-- {name} {kind}: {description}\n" for name, kind, _, description in _columns(table, configured))


def check_columns(
    configured: tuple[RowColumn, ...], used: frozenset[str], used_of_objects: frozenset[str] = frozenset()
) -> None:
    """Rejects columns that no view can have.

    Args:
        used: every word in the queries of the views: a column of that name could change what they mean.
        used_of_objects: those in the views of the table `objects`, which no other view reads.

    Raises:
        ConfigError: a name or a key is malformed, or the name is used.
    """
    for column in configured:
        if isinstance(column, FieldColumn):
            _check_name(f"objects.columns.{column.name}", column.name, _names(OBJECTS) | used_of_objects, "field")
            continue
        name, *keys = column
        where = f"columns.{name}"
        _check_name(where, name, used, "label")
        if not any(keys):
            raise ConfigError(f"{where}: name at least one label or annotation")
        for key in chain(*keys):
            if not _KEY.fullmatch(key):
                raise ConfigError(f"{where}: {key!r} is not the key of a label or annotation, such as example.com/team")


def _check_name(where: str, name: str, used: frozenset[str], other: str) -> None:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{where}: a column's name has lower-case letters, digits and _, and starts with a letter")
    if name in _RESERVED:
        raise ConfigError(f"{where}: {name} is a reserved word of SQL: choose another name, such as {name}_{other}")
    if name in used:
        raise ConfigError(f"{where}: the views already use the name: choose another, such as {name}_{other}")


def _columns(table: str, configured: tuple[RowColumn, ...]) -> Iterator[tuple[str, str, str, str]]:
    """Name, type, expression and description."""
    if table in _FULL_NAMES:
        yield "full_resource_name", "STRING", _FULL_NAMES[table], _NAME_MEANS[table == "workloads"]
    names = _names(table)
    labels = next((name for name in _LABELS if name in names), None)
    if labels is None:
        return
    yield (
        f"{labels}_json",
        "STRING",
        f"COALESCE({_as_object(labels)}, '{{}}')",
        (f"The column `{labels}` as a JSON object, for tools that cannot read repeated columns."),
    )
    for column in configured:
        if isinstance(column, FieldColumn):
            if table == OBJECTS:
                yield column.name, column.type, _field(column), _field_described(column)
            continue
        found = [_value(labels, key) for key in column.labels]
        found += [_value("annotations", key) for key in column.annotations if "annotations" in names]
        expression = f"COALESCE({', '.join(found)})" if found else "CAST(NULL AS STRING)"
        yield column.name, "STRING", expression, _described(column)


_NAME_MEANS = {
    False: "Full resource name, as Cloud Asset Inventory has it.",
    True: "Full resource name, as Cloud Asset Inventory has it; NULL for kinds that are not collected.",
}


def _described(column: LabelColumn) -> str:
    keys = [f"the label `{key}`" for key in column.labels] + [f"the annotation `{key}`" for key in column.annotations]
    return f"The first that is set of the object's own: {', '.join(keys)}; by the configuration's `columns`."


def _field(column: FieldColumn) -> str:
    """The value of a field in the column's type; NULL for another kind, or a value of another type.

    What engines make of other texts differs, so only the forms that API servers write are cast.
    """
    value = f"IF(t.resource = '{column.kind}', {_value('fields', column.path)}, NULL)"
    if column.type == "STRING":
        return value
    return f"SAFE_CAST(REGEXP_EXTRACT({value}, r'{_FORMS[column.type]}') AS {column.type})"


_FORMS = {
    "INT64": "^(-?[0-9]+)$",
    "FLOAT64": "^(-?[0-9]+(?:[.][0-9]+)?(?:[eE][+-]?[0-9]+)?)$",
    "BOOL": "^(true|false)$",
    "TIMESTAMP": "^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?Z)$",
}
"""Type -> texts that are of it."""


def _field_described(column: FieldColumn) -> str:
    return (
        f"The field `{column.path}` of {column.kind}; NULL for other kinds, and without such a value. By the "
        "configuration's `objects.columns`."
    )


def _value(pairs: str, key: str) -> str:
    """The value of a key; NULL if it is empty."""
    return f"NULLIF(JSON_VALUE({_as_object(pairs)}, '$.\"{key}\"'), '')"


def _as_object(pairs: str) -> str:
    """A column of keys and values as the text of a JSON object.

    It rewrites the JSON of the array: DuckDB would join a subquery for each row, whether or not a query selects it.
    """
    array = f"REGEXP_REPLACE(TO_JSON_STRING(t.{pairs}), r'{_PAIR}', r'\\1:\\2')"
    return f"CONCAT('{{', TRIM({array}, '[]'), '}}')"


@cache
def _names(table: str) -> frozenset[str]:
    return frozenset(column.name for column in columns(table))
