"""The specification of a pod, in pods and in the templates of workloads (`v1`).

Fields are in the order in which API servers write them: msgspec finds the next field fastest there.
"""

from __future__ import annotations

from msgspec import field

from job.wire.meta import Int64, Quantities, Wire


class ContainerPort(Wire, frozen=True):
    container_port: Int64
    name: str | None = None
    protocol: str | None = None
    host_port: Int64 | None = None


class ResourceRequirements(Wire, frozen=True):
    requests: Quantities | None = None
    limits: Quantities | None = None


class ProbeAction(Wire, frozen=True):
    """Only the kind of a probe's action is read, none of its fields: an `exec` command may contain a password."""


class Probe(Wire, frozen=True):
    http_get: ProbeAction | None = None
    tcp_socket: ProbeAction | None = None
    grpc: ProbeAction | None = None
    exec: ProbeAction | None = None


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
    """A container. Its command, arguments and env are never decoded."""

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
