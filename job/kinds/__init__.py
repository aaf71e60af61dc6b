"""The kinds that are collected, as data: one line each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from job.kinds.nodes import namespace_rows, node_rows
from job.kinds.parts.scope import Scope
from job.kinds.pods import pod_rows
from job.kinds.workloads import (
    cronjob_rows,
    daemonset_rows,
    deployment_rows,
    job_rows,
    replicaset_rows,
    statefulset_rows,
)
from job.tables import Record
from job.wire import core, workloads


class Kind(NamedTuple):
    """A kind of object: where it is listed, how an item is decoded, which rows it becomes."""

    resource: str
    path: str
    item: type[Any]
    rows: Callable[[Any, Scope], Iterable[Record]]
    controls: str | None = None
    """The kind's name where its objects may control others: its references are kept to resolve pods with."""
    waits: bool = False
    """Its objects are resolved with what the lists of all that may control them have told."""

    @property
    def name(self) -> str:
        """`Pod`, `CronJob`, ...: the struct is named as the API names the kind."""
        return self.item.__name__


KINDS = (
    Kind("namespaces", "/api/v1/namespaces", core.Namespace, namespace_rows),
    Kind("nodes", "/api/v1/nodes", core.Node, node_rows),
    Kind("deployments", "/apis/apps/v1/deployments", workloads.Deployment, deployment_rows, "Deployment"),
    Kind("statefulsets", "/apis/apps/v1/statefulsets", workloads.StatefulSet, statefulset_rows, "StatefulSet"),
    Kind("daemonsets", "/apis/apps/v1/daemonsets", workloads.DaemonSet, daemonset_rows, "DaemonSet"),
    Kind("cronjobs", "/apis/batch/v1/cronjobs", workloads.CronJob, cronjob_rows, "CronJob"),
    Kind("jobs", "/apis/batch/v1/jobs", workloads.Job, job_rows, "Job"),
    Kind("replicasets", "/apis/apps/v1/replicasets", workloads.ReplicaSet, replicaset_rows, "ReplicaSet"),
    Kind("pods", "/api/v1/pods", core.Pod, pod_rows, waits=True),
)
RESOURCES = tuple(kind.resource for kind in KINDS)
