"""Pods."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables import security
from job.tables.record import Condition, KeyValue, PodResourceClaim, Record, ResourceQuantity


class Pod(Record, frozen=True, kw_only=True):
    """A Pod. The columns that few Pods have come last: msgspec finds the first ones fastest."""

    table = "pods"
    description = "A Pod: phase, node, QoS class, restarts, and the workload at the top of its owners."
    read_from = "pods"
    clustering = ("project_id", "cluster", "namespace", "name")
    primary_key = ("snapshot_id", "namespace", "name", "uid")

    namespace: Annotated[str, "Namespace of the Pod."]
    name: Annotated[str, "Name of the Pod."]
    uid: Annotated[str, "Kubernetes UID."]
    created_at: Annotated[datetime | None, "When the Pod was created."] = None
    deleted_at: Annotated[datetime | None, "When its grace period ends; NULL unless it is being deleted."] = None
    phase: Annotated[str | None, "`Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`."] = None
    status: Annotated[str | None, "STATUS of `kubectl get pods`: `CrashLoopBackOff`, `Terminating`, ..."] = None
    reason: Annotated[str | None, "Reason of the phase: `Evicted`, `NodeLost`, ..."] = None
    ready: Annotated[bool | None, "Whether the condition `Ready` is true; NULL if it is unknown or absent."] = None
    containers: Annotated[int, "Number of containers, including sidecars, as in READY of `kubectl get pods`."]
    containers_ready: Annotated[int, "Number of those containers that are ready."]
    restarts: Annotated[int, "Restarts of those containers; of the init containers during initialization."]
    last_restart_at: Annotated[datetime | None, "When the run before the latest restart ended."] = None
    started_at: Annotated[datetime | None, "When the kubelet accepted the Pod."] = None
    node: Annotated[str | None, "Node of the Pod; NULL until it is scheduled."] = None
    host_ip: Annotated[str | None, "IP address of the node."] = None
    pod_ip: Annotated[str | None, "IP address of the Pod."] = None
    qos_class: Annotated[str | None, "`Guaranteed`, `Burstable` or `BestEffort`."] = None
    priority: Annotated[int | None, "Priority of the Pod."] = None
    priority_class: Annotated[str | None, "Priority class of the Pod."] = None
    service_account: Annotated[str | None, "Service account of the Pod."] = None
    runtime_class: Annotated[str | None, "Runtime class of the Pod."] = None
    host_network: security.HostNetwork
    host_pid: security.HostPid
    host_ipc: security.HostIpc
    owner_kind: Annotated[str | None, "Kind of the direct controller: `ReplicaSet`, `Job`, `Node`, ..."] = None
    owner_name: Annotated[str | None, "Name of the direct controller."] = None
    owner_uid: Annotated[str | None, "UID of the direct controller."] = None
    workload_kind: Annotated[str, "Kind of the topmost controller; `Pod`, the Pod itself, without one."]
    workload_api_version: Annotated[str, "apiVersion of the topmost controller."]
    workload_name: Annotated[str, "Name of the topmost controller."]
    workload_uid: Annotated[str, "UID of the topmost controller."]
    middle_owner_uids: Annotated[
        tuple[str, ...],
        "UIDs of the controllers between the direct and the topmost one. Most Pods have none: a Deployment's Pods have "
        "its ReplicaSet directly above them.",
    ] = ()
    workload_resolution: Annotated[
        str,
        "How the topmost controller is known. `resolved`: it was read, and nothing controls it. `referenced`: only by "
        "reference, because its kind is not collected (a custom resource, the Node of a static Pod). "
        "`referenced_not_read`, `referenced_not_found`: only by reference, although `objects` in the configuration "
        "chooses its kind, whose list failed (see `coverage`), or does not have it. `not_read`: its "
        "kind could not be read, so it may have a controller. `not_found`: its list does not have it in the Pod's "
        "namespace, because it was deleted or created meanwhile, or could not be decoded; or the controllers form a "
        "circle. An owner is in the Pod's namespace or in none, and one that is elsewhere does not count. "
        "`uncontrolled`: the Pod has no controller.",
    ]
    cpu_request_millicores: Annotated[
        int | None,
        "CPU that the scheduler reserves until the Pod has ended (see `phase`), in thousandths of a core: for "
        "containers, sidecars, init containers and overhead, or what is set for the Pod as a whole. During a resize: "
        "the largest of what is asked for, allocated and in effect, without a request that is infeasible. NULL if it "
        "reserves none.",
    ] = None
    memory_request_bytes: Annotated[
        int | None, "Memory that the scheduler reserves, in bytes, by the same rules; NULL if it reserves none."
    ] = None
    cpu_limit_millicores: Annotated[
        int | None,
        "CPU limit, in thousandths of a core; NULL if a container or sidecar has no limit, or a limit of 0, "
        "and the Pod as a whole has no limit either.",
    ] = None
    memory_limit_bytes: Annotated[int | None, "Memory limit, in bytes, by the same rules."] = None
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Of these four, those that the Pod has, but that are NULL here: `requests.cpu`, ... A part is no valid "
        "quantity, or 64 bits cannot hold the sum.",
    ] = ()
    unparsed_as_written: Annotated[
        tuple[ResourceQuantity, ...], "The parts of those sums, as written: `requests.cpu` and `1E`, ..."
    ] = ()
    conditions: Annotated[tuple[Condition, ...], "Status conditions."] = ()
    labels: Annotated[tuple[KeyValue, ...], "Labels of the Pod."] = ()
    annotations: Annotated[tuple[KeyValue, ...], "Annotations on the allow-list."] = ()
    automount_service_account_token: security.ServiceAccountToken = None
    termination_grace_period_seconds: Annotated[int | None, "Seconds from SIGTERM to SIGKILL."] = None
    empty_dir_volumes: Annotated[
        tuple[str, ...],
        "Names of its `emptyDir` volumes, whose data is lost with the Pod. `kubectl drain` evicts such Pods only with "
        "`--delete-emptydir-data`.",
    ] = ()
    node_pool: Annotated[
        str | None,
        "Node pool of the Pod's Node, by the Nodes of the same snapshot. Where these lack the Node, and until the Pod "
        "is scheduled: the one that its node selector names.",
    ] = None
    zone: Annotated[str | None, "Zone of the Pod's Node; else the one that its node selector names."] = None
    spot: Annotated[
        bool | None,
        "Whether the Pod's Node is a Spot or preemptible VM; else whether its node selector asks for one, NULL if not.",
    ] = None
    operating_system: Annotated[
        str | None,
        "`linux` or `windows`: `spec.os`, else that of the Pod's Node, else the node selector `kubernetes.io/os`.",
    ] = None
    accelerator: Annotated[
        str | None,
        "Type of the accelerators that the Pod gets, by its Node; else the one that its node selector names.",
    ] = None
    accelerator_topology: Annotated[
        str | None, "TPU topology of the Pod's Node; else the one that its node selector names."
    ] = None
    accelerator_count: Annotated[
        int | None, "Number of GPUs, TPUs and other accelerators that the Pod gets; NULL if it gets none."
    ] = None
    volume_claims: Annotated[
        tuple[str, ...],
        "PersistentVolumeClaims that it mounts, those of its generic ephemeral volumes included, `POD-VOLUME`.",
    ] = ()
    safe_to_evict: Annotated[
        bool | None,
        "Annotation `cluster-autoscaler.kubernetes.io/safe-to-evict`: if false, the cluster autoscaler never evicts "
        "the Pod, and Autopilot not for up to seven days. NULL without it.",
    ] = None
    scheduling_gates: Annotated[
        tuple[str, ...], "Names of the scheduling gates that keep it from being scheduled."
    ] = ()
    resource_claims: Annotated[
        tuple[PodResourceClaim, ...], "Claims of devices (dynamic resource allocation), also those made for this Pod."
    ] = ()
    host_paths: security.HostPaths = ()
    restricted_volumes: security.RestrictedVolumes = ()
    sysctls: security.Sysctls = ()
    host_process: security.PodHostProcess = None
    run_as_non_root: security.PodRunAsNonRoot = None
    run_as_user: security.PodRunAsUser = None
    run_as_user_name: security.PodRunAsUserName = None
    seccomp_profile: security.PodSeccompProfile = None
    apparmor_profile: security.PodAppArmorProfile = None
    selinux_options: security.PodSELinuxOptions = ()
    pod_level_resources: security.PodLevelResources = ()
