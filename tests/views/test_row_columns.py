"""The columns that views of rows compute: names for joins, labels as scalars, and those of the configuration."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engines import Warehouse
from googlesql import Dataset
from made import made_file
from warehouse import LOCATION, Read, gke_cluster, node, node_pool, pod, publish, run_of, workload

from job.config import Config
from job.errors import ConfigError
from job.sinks.duckdb import DuckDBSink
from job.sinks.open_sink import open_warehouse
from job.tables import KeyValue, Namespace, Object
from job.views import View, views
from job.views.row_columns import FieldColumn, LabelColumn

KEYS = ("team", "app.kubernetes.io/part-of", "main.example.com/CURRENT_TIMESTAMP")
TEAM = LabelColumn("team", KEYS, ("example.com/owner",))
COLUMNS = (TEAM, LabelColumn("cost_center", (), ("main.known_x",)), LabelColumn("env_1", ("env-name",)))


def pairs(**values: str) -> tuple[KeyValue, ...]:
    named = {
        "part_of": KEYS[1],
        "odd": KEYS[2],
        "owner": "example.com/owner",
        "cost": "main.known_x",
        "env": "env-name",
    }
    return tuple(KeyValue(key=named.get(key, key), value=value) for key, value in values.items())


ODD = 'a "quoted" \\ \n {"key":"team","value":"forged"} ü]'
OBJECTS = Read(
    "a",
    namespaces=[Namespace(name="shop", uid="u1", labels=pairs(team="web", part_of="shop"))],
    pods=[
        pod("p1", namespace="shop", labels=pairs(team="", part_of="shop"), annotations=pairs(cost="42")),
        pod("p2", namespace="shop", labels=pairs(odd="odd", env="prod"), annotations=pairs(owner="never")),
        pod("p3", namespace="shop", annotations=pairs(note=ODD, owner=ODD)),
        pod("p4", namespace="shop"),
    ],
    more={
        "nodes": [node("n1", labels=pairs(env="prod"))],
        "deployments": [workload("web", namespace="shop")],
        "cronjobs": [msgspec.structs.replace(workload("night", kind="CronJob"), api_version="batch/v1")],
    },
    gke=[
        msgspec.structs.replace(gke_cluster("1.33"), labels=pairs(team="platform")),
        msgspec.structs.replace(node_pool("pool", "1.33"), node_labels=pairs(team="platform")),
    ],
)
"""The objects of one cluster."""
A = f"//container.googleapis.com/projects/shop-prod/locations/{LOCATION}/clusters/a"


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> tuple[View, ...]:
    made = views(COLUMNS)
    for module in ("engines", "googlesql"):
        monkeypatch.setattr(f"{module}.views", lambda: made)
    return made


@pytest.mark.usefixtures("configured")
def test_rows_have_the_columns_of_the_configuration_a_full_name_and_labels_as_json(warehouse: Warehouse) -> None:
    warehouse.publish(run_of(1, OBJECTS))
    found = warehouse.query("SELECT name, team, cost_center, env_1, labels_json FROM pods")
    assert [(*row[:4], json.loads(row[4])) for row in found] == [
        ("p1", "shop", "42", None, {"team": "", KEYS[1]: "shop"}),
        ("p2", "odd", None, "prod", {KEYS[2]: "odd", "env-name": "prod"}),
        ("p3", ODD, None, None, {}),
        ("p4", None, None, None, {}),
    ]
    of_each = " UNION ALL ".join(
        f"SELECT full_resource_name, team FROM {table}"
        for table in ("clusters", "node_pools", "nodes", "namespaces", "pods_history", "workloads", "services")
    )
    assert warehouse.query(of_each) == sorted(
        [
            (A, "platform"),
            (f"{A}/nodePools/pool", "platform"),
            (f"{A}/k8s/nodes/n1", None),
            (f"{A}/k8s/namespaces/shop", "web"),
            (f"{A}/k8s/namespaces/shop/pods/p1", "shop"),
            (f"{A}/k8s/namespaces/shop/pods/p2", "odd"),
            (f"{A}/k8s/namespaces/shop/pods/p3", ODD),
            (f"{A}/k8s/namespaces/shop/pods/p4", None),
            (f"{A}/k8s/namespaces/shop/apps/deployments/web", None),
            (f"{A}/k8s/namespaces/default/batch/cronjobs/night", None),
        ],
        key=repr,
    )
    assert warehouse.query("SELECT name, team, evidence, evidence_key FROM ownership") == [
        ("night", None, None, None),
        ("p1", "shop", "pod label", KEYS[1]),
        ("p2", "odd", "pod label", KEYS[2]),
        ("p3", "web", "namespace label", "team"),
        ("p4", "web", "namespace label", "team"),
        ("web", "web", "namespace label", "team"),
    ]


def test_zonal_clusters_and_unknown_kinds_are_named_as_cloud_asset_inventory_has_them(warehouse: Warehouse) -> None:
    rollout = workload("web", kind="Rollout", resource="pods", known_through_pods=True)
    alone = workload("p1", kind="Pod")
    rows = run_of(1, Read("a", gke=[gke_cluster("1.33")], more={"pods": [rollout, alone, pod("p1")]}))
    zonal = [
        (msgspec.structs.replace(key, location="u-germany-northeast1-a") if key.cluster else key, row)
        for key, row in rows
        if row.table != "collections" or key.cluster
    ]
    warehouse.publish(zonal)
    cluster = "//container.googleapis.com/projects/shop-prod/zones/u-germany-northeast1-a/clusters/a"
    assert warehouse.query("SELECT full_resource_name FROM clusters") == [(cluster,)]
    assert warehouse.query("SELECT full_resource_name FROM pods") == [(f"{cluster}/k8s/namespaces/default/pods/p1",)]
    named = [("Pod", f"{cluster}/k8s/namespaces/default/pods/p1"), ("Rollout", None)]
    assert warehouse.query("SELECT kind, full_resource_name FROM workloads") == named


WIDGETS = "widgets.example.com"
FIELDS = (
    FieldColumn("replicas", WIDGETS, "spec.replicas", "INT64"),
    FieldColumn("share", WIDGETS, "status.share", "FLOAT64"),
    FieldColumn("paused", WIDGETS, "spec.paused", "BOOL"),
    FieldColumn("promoted_at", WIDGETS, "status.promotedAt", "TIMESTAMP"),
    FieldColumn("phase", WIDGETS, "status.phase", "STRING"),
    FieldColumn("gadget_replicas", "gadgets.example.com", "spec.replicas", "INT64"),
)
TEXTS = {
    "spec.replicas": ["3", "-9223372036854775808", "9223372036854775808", "3.0", "three", "", "0x1"],
    "status.share": ["0.5", "1e3", "7", "NaN", "1_0", "half", " 1"],
    "spec.paused": ["true", "false", "TRUE", "1", "yes", "t", ""],
    "status.promotedAt": [
        "2026-01-31T10:00:00Z", "2026-01-31T10:00:00.250000Z", "2026-02-31T10:00:00Z", "2026-01-31",
        "2026-01-31T10:00:00+02:00", "now", "",
    ],
    "status.phase": ["Healthy", "it's \"odd\" {}", "", "3", "true", "null", "[1]"],
}  # fmt: skip


def custom(number: int, resource: str) -> Object:
    fields = tuple(KeyValue(key=path, value=texts[number]) for path, texts in TEXTS.items())
    kind, group = "Widget", "example.com"
    return Object(
        resource=resource, kind=kind, api_group=group, api_version=f"{group}/v1", name=f"{number}-{resource}",
        uid=f"{number}-{resource}", fields=fields,
    )  # fmt: skip


def test_fields_of_custom_resources_are_columns_of_their_types(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = views(FIELDS)
    for module in ("engines", "googlesql"):
        monkeypatch.setattr(f"{module}.views", lambda: made)
    kinds = (WIDGETS, "gadgets.example.com")
    warehouse.publish(
        run_of(1, Read("a", more={kind: [custom(number, kind) for number in range(7)] for kind in kinds}))
    )
    names = ", ".join(column.name for column in FIELDS)
    at = datetime(2026, 1, 31, 10, tzinfo=UTC)
    least = -(2**63)
    for view in ("objects", "objects_history"):
        found = warehouse.query(f"SELECT name, {names} FROM {view} WHERE resource = '{WIDGETS}'")
        assert [row[1:] for row in sorted(found)] == [
            (3, 0.5, True, at, "Healthy", None),
            (least, 1000.0, False, at.replace(microsecond=250000), 'it\'s "odd" {}', None),
            (None, 7.0, None, None, None, None),
            (None, None, None, None, "3", None),
            (None, None, None, None, "true", None),
            (None, None, None, None, "null", None),
            (None, None, None, None, "[1]", None),
        ]
    found = warehouse.query("SELECT replicas, phase, gadget_replicas FROM objects WHERE name = '0-gadgets.example.com'")
    assert found == [(None, None, 3)]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Replicas", "a column's name has lower-case"), ("group", "group is a reserved word of SQL"),
        ("name", "the views already use the name: choose another, such as name_field"),
        ("fields", "the views already use the name"), ("read_at", "the views already use the name"),
    ],
)  # fmt: skip
def test_a_field_cannot_have_the_name_of_a_column_of_objects(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"objects.columns.{name}: .*{says}"):
        views((FieldColumn(name, WIDGETS, "spec.x", "STRING"),))
    assert views((FieldColumn("replicas", WIDGETS, "spec.x", "STRING"),))  # a column of other tables


@pytest.mark.xdist_group("googlesql")
def test_googlesql_accepts_the_views_that_read_rows_with_more_columns(configured: tuple[View, ...]) -> None:
    dataset = Dataset({})
    for name in ("changes", "images", "capacity_by_namespace", "containers", "ownership_by_cluster"):
        (view,) = (view for view in configured if view.name == name)
        assert [column.name for column in view.columns] == [text.partition(" ")[0] for text in dataset.analyse(view)]


def test_a_change_of_the_configuration_remakes_the_views_and_answers_for_older_rows(tmp_path: Path) -> None:
    def opened(*columns: LabelColumn) -> DuckDBSink:
        return DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5, columns=columns)

    shutil.copy(made_file(), tmp_path / "x.duckdb")
    publish(opened(), run_of(1, OBJECTS))
    by_team = "SELECT team, COUNT(*) FROM {} WHERE name < 'p3' GROUP BY 1 ORDER BY 1"
    assert "pods" in {change.name for change in opened(*COLUMNS).changes()}
    assert any("example.com/owner" in statement for statement in opened(*COLUMNS).ddl())
    opened(*COLUMNS).apply()
    assert opened(*COLUMNS).changes() == []
    for name in ("pods", "pods_history", "pods_as_of(now())"):
        assert opened().query(by_team.format(name)).rows == [("odd", 1), ("shop", 1)]
    described = "SELECT comment FROM duckdb_columns() WHERE table_name = 'pods' AND column_name = 'team'"
    ((text,),) = opened().query(described).rows
    assert "the label `team`" in text
    assert "the annotation `example.com/owner`" in text
    for view in ("changes", "drift", "images", "without_limits", "ownership", "ownership_as_of(now())"):
        opened().query(f"SELECT * FROM {view} LIMIT 0")


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"Team": {"labels": ["team"]}}, "columns.Team: a column's name has lower-case"),
        ({"_team": {"labels": ["team"]}}, "columns._team: a column's name has lower-case"),
        ({"group": {"labels": ["team"]}}, "columns.group: group is a reserved word of SQL"),
        ({"namespace": {"labels": ["team"]}}, "columns.namespace: the views already use the name"),
        ({"read_at": {"labels": ["team"]}}, "columns.read_at: the views already use the name"),
        ({"evidence": {"labels": ["team"]}}, "columns.evidence: the views already use the name"),
        ({"severity": {"labels": ["team"]}}, "columns.severity: the views already use the name"),
        ({"team": {}}, "columns.team: name at least one label or annotation"),
        ({"team": {"labels": ["a'b"]}}, 'columns.team: "a\'b" is not the key'),
        ({"team": {"labels": ["team", ""]}}, "columns.team: '' is not the key"),
        ({"team": {"annotations": ["other"]}}, "columns.team: no annotation other is kept"),
        ({"team": {"annotations": ["kubernetes.io/change-cause"]}}, "unless it is one that is always dropped"),
    ],
)
def test_a_column_that_cannot_be_is_an_error_of_the_configuration(columns: dict[str, Any], says: str) -> None:
    keys = {"projects": ["shop-prod"], "columns": columns, "annotations": ["example.com/*", "kubernetes.io/*"]}
    for sink in ("duckdb:///x.duckdb", "bigquery://shop-prod.d"):
        with pytest.raises(ConfigError) as raised:
            open_warehouse(msgspec.convert({**keys, "sink": sink}, Config))
        assert says in str(raised.value)
