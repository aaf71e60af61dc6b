"""Pods."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables.record import Condition, KeyValue, Record


class Pod(Record, frozen=True, kw_only=True):
    """A pod."""

    table = "pods"
    description = "A pod: phase, node, QoS, restarts, and the workload that controls it, resolved to the top."
    read_from = "pods"
    clustering = ("project_id", "cluster", "namespace", "name")

    namespace: Annotated[str, "Its namespace."]
    name: Annotated[str, "Its name."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When it was created."] = None
    deleted_at: Annotated[datetime | None, "When it is to be gone, where it is being deleted."] = None
    phase: Annotated[str | None, "`Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`."] = None
    status: Annotated[str | None, "What `kubectl get pods` shows as STATUS: `CrashLoopBackOff`, `Terminating`, ..."] = (
        None
    )
    reason: Annotated[str | None, "Reason of the phase: `Evicted`, `NodeLost`, ..."] = None
    ready: Annotated[bool | None, "The `Ready` condition; NULL where it is not told."] = None
    containers: Annotated[int, "Containers, sidecars included, as in kubectl's READY."]
    containers_ready: Annotated[int, "Those of them that are ready."]
    restarts: Annotated[int, "Restarts of them; while initialization goes on, of the init containers."]
    last_restart_at: Annotated[datetime | None, "When the run before the newest restart ended."] = None
    started_at: Annotated[datetime | None, "When the kubelet took it."] = None
    node: Annotated[str | None, "Its node; NULL while it is not scheduled."] = None
    host_ip: Annotated[str | None, "Address of its node."] = None
    pod_ip: Annotated[str | None, "Its address."] = None
    qos_class: Annotated[str | None, "`Guaranteed`, `Burstable` or `BestEffort`."] = None
    priority: Annotated[int | None, "Its priority."] = None
    priority_class: Annotated[str | None, "Its priority class."] = None
    service_account: Annotated[str | None, "Its service account."] = None
    runtime_class: Annotated[str | None, "Its runtime class."] = None
    host_network: Annotated[bool, "It uses the node's network."]
    owner_kind: Annotated[str | None, "Kind of what controls it directly: `ReplicaSet`, `Job`, `Node`, ..."] = None
    owner_name: Annotated[str | None, "Name of what controls it directly."] = None
    owner_uid: Annotated[str | None, "UID of what controls it directly."] = None
    workload_kind: Annotated[str, "Kind of its topmost controller; `Pod`, itself, where nothing controls it."]
    workload_api_version: Annotated[str, "apiVersion of its topmost controller."]
    workload_name: Annotated[str, "Name of its topmost controller."]
    workload_uid: Annotated[str, "UID of its topmost controller."]
    workload_resolution: Annotated[
        str,
        "`resolved`: the topmost controller was read, and nothing controls it. `referenced`: it is of another kind (a "
        "custom resource, the node of a static pod), known by reference alone. `not_read`: its kind could not be read, "
        "so there may be more above it. `not_found`: it was not in its list (deleted, or made since). `uncontrolled`: "
        "nothing controls the pod.",
    ]
    cpu_request_millicores: Annotated[
        int | None,
        "CPU the scheduler reserves for it until it has ended (`phase`): containers, sidecars, init containers and "
        "overhead; NULL: none.",
    ] = None
    memory_request_bytes: Annotated[int | None, "Memory the scheduler reserves for it."] = None
    cpu_limit_millicores: Annotated[
        int | None, "CPU limit, the same way; NULL where a container or sidecar has none."
    ] = None
    memory_limit_bytes: Annotated[int | None, "Memory limit, the same way; NULL likewise."] = None
    conditions: Annotated[tuple[Condition, ...], "Its conditions."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Its labels."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
