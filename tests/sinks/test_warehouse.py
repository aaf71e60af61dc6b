"""What every warehouse promises: one suite that DuckDB and BigQuery both pass."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
import warehouse
from declared import is_like_another
from sinks.conftest import Subject
from warehouse import COMPLETE, FIRST, Attempt, Read, annotated, pod, run_of, workload

from job.dataframe import from_rows
from job.errors import QueryError, SinkError
from job.sinks.duckdb import DuckDBSink
from job.sinks.protocol import TaskResult, Warehouse
from job.spool import Rows
from job.tables import TABLES, UpgradeInfo
from job.tables.record import OtherApiVersion
from job.views import View, views
from job.views.recent import RECENT

PODS = "SELECT cluster, name FROM pods ORDER BY 1, 2"


def test_apply_makes_everything_that_is_declared_and_nothing_twice(open_new: Callable[[], Warehouse]) -> None:
    declared = {*TABLES, *RECENT, *(view.name for view in views())}
    missing = {change.name for change in open_new().changes()}
    assert missing >= declared
    assert len(open_new().ddl()) >= len(declared)
    assert {change.name for change in open_new().apply()} == missing
    assert open_new().changes() == open_new().apply() == []
    for name in sorted(declared)[::8]:
        assert open_new().query(f"SELECT COUNT(*) FROM {name}").rows == [(0,)], name


def test_the_first_attempt_to_commit_a_task_wins(subject: Subject) -> None:
    run_id = subject.run_id("r")
    assert subject.open().committed_result(run_id, 0) is None
    assert subject.publish("r", run_of(1, Read("a", ["x"], ["p1"])))
    assert not subject.publish("r", run_of(1, Read("a", ["x"], ["p1", "p2"]), prefix="again-", by=Attempt(attempt=1)))
    assert subject.open().committed_result(run_id, 0) == COMPLETE
    assert subject.open().committed_result(run_id, 1) is None
    assert subject.rows(PODS) == [("a", "p1")]
    assert subject.rows("SELECT COUNT(*) FROM snapshots") == [(1,)]


def test_a_function_of_the_present_takes_a_text(subject: Subject) -> None:
    applied = OtherApiVersion(api_version="extensions/v1beta1", source="last-applied")
    web = workload("web", other_api_versions=(applied,))
    subject.publish("r", run_of(1, Read("a", ["default"], more={"deployments": [web], "objects": []})))
    found = "SELECT name, evidence, removed_in FROM breaks_at('{}')"
    assert subject.rows(found.format("v1.33.2-gke.1")) == [("web", "last applied", "1.16")]
    assert subject.rows(found.format("1.9")) == []
    with pytest.raises(QueryError, match="not a Kubernetes version"):
        subject.rows(found.format("soon"))


@pytest.mark.parametrize("result", [TaskResult(False, True), TaskResult(False, False)], ids=str)
def test_a_commit_keeps_the_tasks_result(subject: Subject, result: TaskResult) -> None:
    assert subject.publish("r", run_of(1, Read("a", ["x"], ["p1"])), task=3, result=result)
    assert subject.open().committed_result(subject.run_id("r"), 3) == result


def test_each_part_of_a_stopped_task_is_committed_once(subject: Subject) -> None:
    run_id = subject.run_id("r")
    stopped, last = TaskResult(False, False, stopped=True), TaskResult(True, True, part=1)
    assert subject.publish("r", run_of(1, Read("a", ["x"], ["p1"])), result=stopped)
    assert subject.open().committed_result(run_id, 0) == stopped
    whole, rest, again = (
        run_of(1, *read, by=Attempt(attempt=attempt), listed=["a", "b"])
        for attempt, read in (
            (1, [Read("a", ["x"], ["p1"]), Read("b", ["x"], ["p1"])]),
            (2, [Read("b", ["x"], ["p1"])]),
            (3, [Read("b", ["x"], ["p1", "p2"])]),
        )
    )
    assert not subject.publish("r", whole, result=COMPLETE, attempt=1)  # it began before the stop
    assert subject.publish("r", rest, result=last, attempt=2)
    assert not subject.publish("r", again, result=last, attempt=3)
    assert subject.open().committed_result(run_id, 0) == last
    assert subject.rows(PODS) == [("a", "p1"), ("b", "p1")]


def test_a_commit_that_fails_leaves_nothing_visible_and_its_retry_counts_once(subject: Subject) -> None:
    assert subject.publish("first", run_of(1, Read("a", ["x"], ["p1"])))
    second = run_of(2, Read("a", ["x"], ["p2"]))

    def with_a_row_missing(rows: Rows) -> Rows:
        return rows._replace(counts=rows.counts | {"pods": rows.counts["pods"] + 1})

    with pytest.raises(SinkError, match=r"1 of 2 rows"):
        subject.publish("second", second, change=with_a_row_missing)
    assert subject.rows(PODS) == [("a", "p1")]
    assert subject.rows("SELECT COUNT(*) FROM snapshots") == [(1,)]
    assert subject.open().committed_result(subject.run_id("second"), 0) is None
    retried = run_of(2, Read("a", ["x"], ["p2"]), by=Attempt(attempt=1))
    assert subject.publish("second", retried, attempt=1)
    assert subject.rows(PODS) == [("a", "p2")]
    assert subject.rows("SELECT COUNT(*) FROM snapshots") == [(2,)]


def test_a_run_without_clusters_is_committed_by_its_own_row(subject: Subject) -> None:
    assert subject.publish("first", run_of(1, Read("a", ["x"], ["p1"])))
    assert subject.publish("second", run_of(2))
    assert subject.rows(PODS) == []
    assert subject.open().committed_result(subject.run_id("second"), 0) == COMPLETE


def test_a_run_sees_another_that_is_under_way_and_an_exclusive_one_leaves_no_mark(subject: Subject) -> None:
    first, second, third = map(subject.run_id, ("first", "second", "third"))
    with subject.open().running(first, 1, exclusive=True) as other:
        assert other is None
        with subject.open().running(first, 1, exclusive=True) as other:  # another attempt of the same task
            assert other is None
        for _ in range(2):  # tasks of one run
            with subject.open().running(second, 2, exclusive=True) as other:
                assert other == first
        with subject.open().running(third, 1, exclusive=False) as other:
            assert other == first
        assert subject.publish("first", run_of(1, Read("a", ["x"], ["p1"])))
        assert subject.publish("third", run_of(2, Read("a", ["x"], ["p1"])))
    with subject.open().running(subject.run_id("fourth"), 1, exclusive=True) as other:
        assert other is None


def test_all_tasks_of_a_run_get_the_same_weights_whenever_they_ask(subject: Subject) -> None:
    name = f"{warehouse.PROJECT}/{warehouse.LOCATION}/a"
    first, second = subject.run_id("first"), subject.run_id("second")
    assert subject.open().cluster_weights(first) == {}
    subject.publish("before", run_of(1, Read("a", ["x"], ["p1"])))
    assert subject.open().cluster_weights(first) == {}
    assert subject.open().cluster_weights(second) == {name: 1}
    subject.publish("after", run_of(2, Read("b", ["x"], ["p1"])))
    assert subject.open().cluster_weights(second) == {name: 1}


def test_upgrade_info_counts_as_read_where_a_committed_run_since_then_has_all_of_it(subject: Subject) -> None:
    run_id, rows = subject.run_id("asks"), {"upgrade_info": [UpgradeInfo(resource_type="MASTER")]}
    assert subject.open().upgrade_info_since(run_id, FIRST) == frozenset()
    whole = Read("a", cluster_id="whole", more=rows)
    unread = Read("b", cluster_id="unread", more={"upgrade_info": "forbidden"})
    part = Read("c", cluster_id="part", more=rows, partial=["upgrade_info"])
    subject.publish("one", run_of(1, whole, unread, part, Read("d", cluster_id="unasked")))
    subject.lose("lost", run_of(2, Read("e", cluster_id="lost", more=rows)))
    found = [
        subject.open().upgrade_info_since(subject.run_id(f"asks-{hours}"), FIRST + timedelta(hours=hours))
        for hours in (0, 1, 2)
    ]
    assert found == [frozenset({"whole"}), frozenset({"whole"}), frozenset()]


def test_an_answer_has_bigquerys_types_and_a_refused_query_is_an_error_of_its_own(subject: Subject) -> None:
    subject.publish("r", run_of(1, Read("a", ["x"], ["p1"])))
    answer = subject.open().query("SELECT snapshot_time, name, restarts, host_network, labels FROM raw_pods")
    types = ("TIMESTAMP", "STRING", "INT64", "BOOL", "JSON")
    assert answer.columns == tuple(
        zip(("snapshot_time", "name", "restarts", "host_network", "labels"), types, strict=True)
    )
    ((time, *values),) = answer.rows
    assert time == FIRST + timedelta(hours=1)
    assert values == ["p1", 0, False, []]
    with pytest.raises(QueryError, match=r"the query failed: .*nowhere"):
        subject.open().query("SELECT nothing FROM nowhere")
    for nothing in ("", " ; "):
        with pytest.raises(QueryError):
            subject.open().query(nothing)


def test_a_dataframe_has_exact_sums_of_any_size(subject: Subject) -> None:
    largest = 2**63 - 1
    pods = [pod(name, memory_request_bytes=largest, memory_limit_bytes=largest) for name in ("p1", "p2")]
    subject.publish("r", run_of(1, Read("a", ["x"], pods), Read("b", ["x"], ["p3"])))
    opened = subject.open()
    columns = "cluster, memory_request_bytes, memory_limit_bytes, pods, cpu_limit_millicores"
    with opened.stream(f"SELECT {columns} FROM capacity_by_cluster ORDER BY cluster") as answer:
        found = from_rows(answer)
    assert [str(kind) for kind in found.dtypes] == ["string", "object", "object", "Int64", "object"]
    assert found.to_numpy().tolist() == [
        ["a", Decimal(2 * largest), Decimal(2 * largest), 2, None], ["b", Decimal(0), None, 1, None],
    ]  # fmt: skip
    assert [str(value) for value in found["memory_request_bytes"]] == [str(2 * largest), "0"]
    with opened.stream("SELECT name, memory_request_bytes FROM raw_pods ORDER BY name") as answer:
        one = from_rows(answer)
    assert [str(kind) for kind in one.dtypes] == ["string", "Int64"]
    assert list(one["memory_request_bytes"])[:2] == [largest, largest]


def test_annotations_as_large_as_kubernetes_allows_are_published(subject: Subject) -> None:
    """https://kubernetes.io/docs/concepts/overview/working-with-objects/annotations/: 256 KiB an object."""
    assert subject.publish("r", run_of(1, Read("a", annotated(40, 256 << 10), ["p1"])))
    found = [annotations for (annotations,) in subject.rows("SELECT annotations FROM raw_namespaces")]
    assert [len(annotation["value"]) for (annotation,) in found] == [256 << 10] * 40


HISTORY = {"committed_attempts", "snapshots", "collections", "readings", "project_lists"}
HISTORY |= {"trust", "events", *(f"recent_{view}" for view in HISTORY)}
"""Views of the past: they may lose rows of runs that nothing else shows."""


SOME = ("coverage", "pods", "changes", "capacity_by_cluster", "images", "latest_collections", "needed_attempts")


def shown(opened: Warehouse) -> dict[str, list[str]]:
    """The rows of all other views, without ages. On BigQuery, those of some: the same queries run on DuckDB."""

    def of(view: View) -> list[str]:
        found = kept.query(f"SELECT * FROM {view.name}")
        others = [index for index, (name, _) in enumerate(found.columns) if not name.endswith("age_seconds")]
        return sorted(str([row[index] for index in others]) for row in found.rows)

    history = (*HISTORY, *(view.name for view in views() if view.name.endswith("_history") or is_like_another(view)))
    now = [view for view in views() if view.name not in history]
    with opened.kept_open() as kept:
        return {view.name: of(view) for view in now if isinstance(opened, DuckDBSink) or view.name in SOME}


@pytest.mark.timeout(600)
def test_pruning_deletes_old_rows_and_changes_no_view(subject: Subject) -> None:
    runs = (
        run_of(0, Read("a", ["x"], ["p0"]), Read("c", ["x"], ["r0"])),
        run_of(1, Read("a", ["x"], ["p1"]), Read("b", ["x"], ["q1"]), Read("c", ["x"], ["r1"])),
        run_of(2, Read("a", ["x"], ["p2"]), Read("b", ["x"], ["q2"])),  # c is gone
        run_of(3, Read("a", ["x"], "forbidden"), Read("b", "timed_out", "timed_out")),
        run_of(4, Read("a", ["x", "y"], "forbidden"), listed=["a", "b"]),  # b was not collected
        run_of(5, listed=[], outcome="forbidden"),
        run_of(7, Read("d", ["x"], ["s1"], project="other"), projects=["other"]),
        run_of(8, Read("d", ["x"], ["s2"], project="other"), projects=["other"]),
    )
    for number, rows in enumerate(runs):
        subject.publish(str(number), rows)
    cutoff, opened = FIRST + timedelta(hours=6), subject.open()
    before = shown(opened)
    would = opened.prune(cutoff, dry_run=True)
    assert subject.rows("SELECT COUNT(*) FROM raw_pods") == [(9,)]
    assert opened.prune(cutoff, dry_run=False) == would
    assert shown(opened) == before
    # Runs stay whole that have one of the last two readings, which `changes` compares; the last two runs are younger.
    names = [name for (name,) in subject.rows("SELECT name FROM raw_pods ORDER BY 1")]
    assert names == ["p1", "p2", "q1", "q2", "r1", "s1", "s2"]
    assert would["raw_pods"] == 2


def test_the_kinds_that_runs_have_asked_for_are_known_by_cluster(subject: Subject) -> None:
    name, others = f"{warehouse.PROJECT}/{warehouse.LOCATION}", ("namespaces", "pods")
    assert subject.open().object_kinds(subject.run_id("first"), others) == {}
    asked = {"rollouts.argoproj.io": [], "objects": [], "leases.coordination.k8s.io": "forbidden"}
    subject.publish("one", run_of(1, Read("a", ["x"], ["p1"], more=asked), Read("b", ["x"], ["p2"])))
    found = subject.open().object_kinds(subject.run_id("second"), others)
    assert found == {f"{name}/a": frozenset({"rollouts.argoproj.io", "leases.coordination.k8s.io"})}
