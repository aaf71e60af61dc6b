"""Nodes, namespaces and pods (`core/v1`).

Fields are in the order in which API servers write them: msgspec looks for each where it found the one before.
"""

from __future__ import annotations

from msgspec import field

from job.wire.meta import Condition, Int32, Int64, ObjectMeta, Time, Wire

Quantity = str | int | float
"""Written as a string by API servers; other servers of the same API (webhooks, aggregated ones) write numbers too."""
Quantities = dict[str, Quantity]


class NamespaceStatus(Wire, frozen=True):
    phase: str | None = None
    conditions: list[Condition] | None = None


class Namespace(Wire, frozen=True):
    metadata: ObjectMeta
    status: NamespaceStatus | None = None


class Taint(Wire, frozen=True):
    key: str
    value: str | None = None
    effect: str | None = None


class NodeSpec(Wire, frozen=True):
    pod_cidr: str | None = field(default=None, name="podCIDR")
    provider_id: str | None = field(default=None, name="providerID")
    unschedulable: bool | None = None
    taints: list[Taint] | None = None


class NodeAddress(Wire, frozen=True):
    type: str
    address: str


class NodeSystemInfo(Wire, frozen=True):
    kubelet_version: str | None = None
    container_runtime_version: str | None = None
    os_image: str | None = None
    operating_system: str | None = None
    kernel_version: str | None = None
    architecture: str | None = None


class NodeStatus(Wire, frozen=True):
    capacity: Quantities | None = None
    allocatable: Quantities | None = None
    conditions: list[Condition] | None = None
    addresses: list[NodeAddress] | None = None
    node_info: NodeSystemInfo | None = None


class Node(Wire, frozen=True):
    metadata: ObjectMeta
    spec: NodeSpec | None = None
    status: NodeStatus | None = None


class ContainerPort(Wire, frozen=True):
    container_port: Int64
    name: str | None = None
    protocol: str | None = None
    host_port: Int64 | None = None


class ResourceRequirements(Wire, frozen=True):
    requests: Quantities | None = None
    limits: Quantities | None = None


class Action(Wire, frozen=True):
    """That a probe has an action of this kind is all that is read: an `exec` command may carry a password."""


class Probe(Wire, frozen=True):
    http_get: Action | None = None
    tcp_socket: Action | None = None
    grpc: Action | None = None
    exec: Action | None = None


class Capabilities(Wire, frozen=True):
    add: list[str] | None = None
    drop: list[str] | None = None


class SeccompProfile(Wire, frozen=True):
    type: str | None = None


class SecurityContext(Wire, frozen=True):
    capabilities: Capabilities | None = None
    privileged: bool | None = None
    run_as_user: Int64 | None = None
    run_as_group: Int64 | None = None
    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool | None = None
    allow_privilege_escalation: bool | None = None
    seccomp_profile: SeccompProfile | None = None


class Container(Wire, frozen=True):
    """A container, without its command, arguments and env: they are never decoded."""

    name: str
    image: str | None = None
    ports: list[ContainerPort] | None = None
    resources: ResourceRequirements | None = None
    restart_policy: str | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    image_pull_policy: str | None = None
    security_context: SecurityContext | None = None


class HostPathVolumeSource(Wire, frozen=True):
    path: str


class Volume(Wire, frozen=True):
    host_path: HostPathVolumeSource | None = None


class Toleration(Wire, frozen=True):
    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: Int64 | None = None


class PodSecurityContext(Wire, frozen=True):
    run_as_non_root: bool | None = None
    run_as_user: Int64 | None = None
    seccomp_profile: SeccompProfile | None = None


class PodSpec(Wire, frozen=True):
    volumes: list[Volume] | None = None
    init_containers: list[Container] | None = None
    containers: list[Container] | None = None
    ephemeral_containers: list[Container] | None = None
    restart_policy: str | None = None
    termination_grace_period_seconds: Int64 | None = None
    node_selector: dict[str, str] | None = None
    service_account_name: str | None = None
    automount_service_account_token: bool | None = None
    node_name: str | None = None
    host_network: bool | None = None
    host_pid: bool | None = field(default=None, name="hostPID")
    host_ipc: bool | None = field(default=None, name="hostIPC")
    security_context: PodSecurityContext | None = None
    scheduler_name: str | None = None
    tolerations: list[Toleration] | None = None
    priority_class_name: str | None = None
    priority: Int64 | None = None
    runtime_class_name: str | None = None
    overhead: Quantities | None = None
    resources: ResourceRequirements | None = None


class PodTemplateSpec(Wire, frozen=True):
    spec: PodSpec | None = None


class ContainerStateWaiting(Wire, frozen=True):
    reason: str | None = None


class ContainerStateRunning(Wire, frozen=True):
    started_at: Time | None = None


class ContainerStateTerminated(Wire, frozen=True):
    """Without `message`: it is what the program wrote as its last words."""

    exit_code: Int64 | None = None
    signal: Int64 | None = None
    reason: str | None = None
    started_at: Time | None = None
    finished_at: Time | None = None


class ContainerState(Wire, frozen=True):
    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class ContainerStatus(Wire, frozen=True):
    name: str
    state: ContainerState | None = None
    last_state: ContainerState | None = None
    ready: bool | None = None
    restart_count: Int32 | None = None
    image: str | None = None
    image_id: str | None = field(default=None, name="imageID")
    container_id: str | None = field(default=None, name="containerID")
    started: bool | None = None


class PodStatus(Wire, frozen=True):
    phase: str | None = None
    conditions: list[Condition] | None = None
    reason: str | None = None
    host_ip: str | None = field(default=None, name="hostIP")
    pod_ip: str | None = field(default=None, name="podIP")
    start_time: Time | None = None
    init_container_statuses: list[ContainerStatus] | None = None
    container_statuses: list[ContainerStatus] | None = None
    qos_class: str | None = None
    ephemeral_container_statuses: list[ContainerStatus] | None = None


class Pod(Wire, frozen=True):
    metadata: ObjectMeta
    spec: PodSpec | None = None
    status: PodStatus | None = None
