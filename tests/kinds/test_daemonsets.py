"""DaemonSets: counts of nodes stand for counts of replicas."""

from __future__ import annotations

from kinds.objects import workload

COUNTS = (
    "replicas_wanted", "replicas", "replicas_ready", "replicas_available", "replicas_updated", "replicas_unavailable",
)  # fmt: skip


def test_a_daemonset_counts_the_nodes_that_should_run_it() -> None:
    status = {
        "observedGeneration": 1, "desiredNumberScheduled": 2, "currentNumberScheduled": 2, "numberReady": 0,
        "numberMisscheduled": 0, "numberUnavailable": 2,
    }  # fmt: skip
    assert workload("daemonsets", *COUNTS, status=status) == {
        "replicas_wanted": 2, "replicas": 2, "replicas_ready": 0, "replicas_available": 0, "replicas_updated": 0,
        "replicas_unavailable": 2,
    }  # fmt: skip


def test_the_zeros_that_the_api_server_writes_are_no_counts() -> None:
    new = {"currentNumberScheduled": 0, "desiredNumberScheduled": 0, "numberMisscheduled": 0, "numberReady": 0}
    assert workload("daemonsets", *COUNTS, status=new) == {}
    observed = workload("daemonsets", *COUNTS, status=new | {"observedGeneration": 1})
    assert observed == dict.fromkeys(COUNTS, 0)
