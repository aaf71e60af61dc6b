"""StatefulSets: their counts and their service."""

from __future__ import annotations

from kinds.objects import workload


def test_a_statefulset_without_ready_pods_says_0_once_its_controller_has_acted() -> None:
    columns = ("replicas_wanted", "replicas", "replicas_ready", "replicas_available", "replicas_updated")
    found = workload("statefulsets", *columns, spec={"replicas": 3}, status={"observedGeneration": 1, "replicas": 1})
    assert found == {
        "replicas_wanted": 3, "replicas": 1, "replicas_ready": 0, "replicas_available": 0, "replicas_updated": 0,
    }  # fmt: skip


def test_the_zeros_that_the_api_server_writes_are_no_counts() -> None:
    columns = ("replicas", "replicas_ready", "replicas_available", "replicas_updated")
    new = {"replicas": 0, "availableReplicas": 0}
    assert workload("statefulsets", *columns, status=new) == {}
    assert workload("statefulsets", *columns, status=new | {"observedGeneration": 1}) == dict.fromkeys(columns, 0)


def test_a_count_above_0_shows_that_the_controller_has_acted() -> None:
    """Some API servers leave out `observedGeneration`."""
    found = workload("statefulsets", "replicas", "replicas_ready", status={"replicas": 2})
    assert found == {"replicas": 2, "replicas_ready": 0}


def test_a_statefulset_names_its_service() -> None:
    spec = {"serviceName": "db", "updateStrategy": {"type": "OnDelete"}}
    assert workload("statefulsets", "service_name", "strategy", spec=spec) == {
        "service_name": "db", "strategy": "OnDelete",
    }  # fmt: skip


def test_the_partition_of_a_canary_is_kept_and_its_absence_is_not_0() -> None:
    for strategy, expected in (
        ({"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}, {"rolling_update_partition": 2}),
        ({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}}, {}),
        ({"type": "OnDelete", "rollingUpdate": None}, {}),
    ):
        assert workload("statefulsets", "rolling_update_partition", spec={"updateStrategy": strategy}) == expected
