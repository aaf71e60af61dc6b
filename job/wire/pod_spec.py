"""The specification of a pod, in pods and in the templates of workloads (`v1`).

Fields are in the order in which API servers write them: msgspec finds the next field fastest there.
"""

from __future__ import annotations

from msgspec import field

from job.wire.meta import Elements, FrozenElements, Int64, LabelSelector, Quantities, Texts, Wire
from job.wire.node_selector import NodeSelector, NodeSelectorTerm


class ContainerPort(Wire, frozen=True):
    container_port: Int64
    name: str | None = None
    protocol: str | None = None
    host_port: Int64 | None = None


class ResourceRequirements(Wire, frozen=True):
    requests: Quantities | None = None
    limits: Quantities | None = None


class NetworkAction(Wire, frozen=True):
    """An HTTP request or a connection. Of its fields only the host is read: a path or header may contain a password."""

    host: str | None = None


class OtherAction(Wire, frozen=True):
    """None of its fields is read: an `exec` command may contain a password."""


class Probe(Wire, frozen=True):
    http_get: NetworkAction | None = None
    tcp_socket: NetworkAction | None = None
    grpc: OtherAction | None = None
    exec: OtherAction | None = None
    initial_delay_seconds: Int64 | None = None
    timeout_seconds: Int64 | None = None
    period_seconds: Int64 | None = None
    success_threshold: Int64 | None = None
    failure_threshold: Int64 | None = None


class LifecycleHandler(Wire, frozen=True):
    http_get: NetworkAction | None = None
    tcp_socket: NetworkAction | None = None


class Lifecycle(Wire, frozen=True):
    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None


class Capabilities(Wire, frozen=True):
    add: tuple[str, ...] | None = None
    drop: tuple[str, ...] | None = None


class SELinuxOptions(Wire, frozen=True):
    user: str | None = None
    role: str | None = None
    type: str | None = None


class WindowsSecurityContextOptions(Wire, frozen=True):
    run_as_user_name: str | None = None
    host_process: bool | None = None


class SeccompProfile(Wire, frozen=True):
    type: str | None = None


class AppArmorProfile(Wire, frozen=True):
    type: str | None = None


class SecurityContext(Wire, frozen=True):
    """A container's. It has no lists, so that it can be a key of a cache."""

    capabilities: Capabilities | None = None
    privileged: bool | None = None
    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsSecurityContextOptions | None = None
    run_as_user: Int64 | None = None
    run_as_group: Int64 | None = None
    run_as_non_root: bool | None = None
    read_only_root_filesystem: bool | None = None
    allow_privilege_escalation: bool | None = None
    proc_mount: str | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None


class Container(Wire, frozen=True):
    """A container. Its command, arguments and env are never decoded."""

    name: str
    image: str | None = None
    ports: Elements[ContainerPort] | None = None
    resources: ResourceRequirements | None = None
    restart_policy: str | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    image_pull_policy: str | None = None
    security_context: SecurityContext | None = None


class HostPathVolumeSource(Wire, frozen=True):
    path: str


class VolumeSource(Wire, frozen=True):
    """Only the type of a volume is read."""


class PersistentVolumeClaimVolumeSource(Wire, frozen=True):
    claim_name: str


class Volume(Wire, frozen=True):
    """A volume, with the sources that most volumes have, and those that the Restricted Pod Security Standard forbids.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    """

    name: str = ""
    projected: VolumeSource | None = None
    config_map: VolumeSource | None = None
    secret: VolumeSource | None = None
    empty_dir: VolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    ephemeral: VolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    gce_persistent_disk: VolumeSource | None = None
    aws_elastic_block_store: VolumeSource | None = None
    git_repo: VolumeSource | None = None
    nfs: VolumeSource | None = None
    iscsi: VolumeSource | None = None
    glusterfs: VolumeSource | None = None
    rbd: VolumeSource | None = None
    flex_volume: VolumeSource | None = None
    cinder: VolumeSource | None = None
    cephfs: VolumeSource | None = None
    flocker: VolumeSource | None = None
    fc: VolumeSource | None = None
    azure_file: VolumeSource | None = None
    vsphere_volume: VolumeSource | None = None
    quobyte: VolumeSource | None = None
    azure_disk: VolumeSource | None = None
    photon_persistent_disk: VolumeSource | None = None
    portworx_volume: VolumeSource | None = None
    scale_io: VolumeSource | None = field(default=None, name="scaleIO")
    storageos: VolumeSource | None = None
    image: VolumeSource | None = None


class Toleration(Wire, frozen=True):
    key: str | None = None
    operator: str | None = None
    value: str | None = None
    effect: str | None = None
    toleration_seconds: Int64 | None = None


class Sysctl(Wire, frozen=True):
    """The value is not read."""

    name: str


class PodSecurityContext(Wire, frozen=True):
    """A pod's. It has no lists, so that it can be a key of a cache."""

    se_linux_options: SELinuxOptions | None = None
    windows_options: WindowsSecurityContextOptions | None = None
    run_as_user: Int64 | None = None
    run_as_non_root: bool | None = None
    sysctls: tuple[Sysctl, ...] | None = None
    seccomp_profile: SeccompProfile | None = None
    app_armor_profile: AppArmorProfile | None = None


class PodOS(Wire, frozen=True):
    name: str | None = None


class PodSchedulingGate(Wire, frozen=True):
    name: str


class PodResourceClaim(Wire, frozen=True):
    name: str
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class PodSpec(Wire, frozen=True):
    volumes: FrozenElements[Volume] | None = None
    init_containers: Elements[Container] | None = None
    containers: Elements[Container] | None = None
    ephemeral_containers: Elements[Container] | None = None
    restart_policy: str | None = None
    termination_grace_period_seconds: Int64 | None = None
    node_selector: Texts | None = None
    service_account_name: str | None = None
    automount_service_account_token: bool | None = None
    node_name: str | None = None
    host_network: bool | None = None
    host_pid: bool | None = field(default=None, name="hostPID")
    host_ipc: bool | None = field(default=None, name="hostIPC")
    security_context: PodSecurityContext | None = None
    scheduler_name: str | None = None
    tolerations: Elements[Toleration] | None = None
    priority_class_name: str | None = None
    priority: Int64 | None = None
    runtime_class_name: str | None = None
    overhead: Quantities | None = None
    os: PodOS | None = None
    scheduling_gates: Elements[PodSchedulingGate] | None = None
    resource_claims: Elements[PodResourceClaim] | None = None
    resources: ResourceRequirements | None = None


class ConfigMapVolumeSource(VolumeSource, frozen=True):
    name: str | None = None


class SecretVolumeSource(VolumeSource, frozen=True):
    secret_name: str | None = None


class CSIVolumeSource(Wire, frozen=True):
    """Its attributes are not read: a driver may take a password there."""

    driver: str


class SecretProjection(Wire, frozen=True):
    name: str | None = None


class VolumeProjection(Wire, frozen=True):
    secret: SecretProjection | None = None
    downward_api: VolumeSource | None = field(default=None, name="downwardAPI")
    config_map: ConfigMapVolumeSource | None = None
    service_account_token: VolumeSource | None = None
    cluster_trust_bundle: VolumeSource | None = None
    pod_certificate: VolumeSource | None = None


class ProjectedVolumeSource(VolumeSource, frozen=True):
    sources: Elements[VolumeProjection] | None = None


class TemplateVolume(Volume, frozen=True):
    """A volume of a template, with the names of what it mounts."""

    projected: ProjectedVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    downward_api: VolumeSource | None = field(default=None, name="downwardAPI")


class LocalObjectReference(Wire, frozen=True):
    name: str | None = None


class PreferredSchedulingTerm(Wire, frozen=True):
    weight: Int64 | None = None
    preference: NodeSelectorTerm | None = None


class NodeAffinity(Wire, frozen=True):
    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: Elements[PreferredSchedulingTerm] | None = None


class PodAffinityTerm(Wire, frozen=True):
    topology_key: str
    label_selector: LabelSelector | None = None


class WeightedPodAffinityTerm(Wire, frozen=True):
    pod_affinity_term: PodAffinityTerm
    weight: Int64 | None = None


class PodAffinity(Wire, frozen=True):
    """Or the anti-affinity, which has the same fields."""

    required_during_scheduling_ignored_during_execution: Elements[PodAffinityTerm] | None = None
    preferred_during_scheduling_ignored_during_execution: Elements[WeightedPodAffinityTerm] | None = None


class Affinity(Wire, frozen=True):
    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpreadConstraint(Wire, frozen=True):
    topology_key: str
    label_selector: LabelSelector | None = None


class TemplateSpec(PodSpec, frozen=True):
    """A template's specification, with what is not read of each pod: it would slow down the reading of all."""

    volumes: FrozenElements[TemplateVolume] | None = None
    image_pull_secrets: Elements[LocalObjectReference] | None = None
    affinity: Affinity | None = None
    topology_spread_constraints: Elements[TopologySpreadConstraint] | None = None


class TemplateMeta(Wire, frozen=True):
    """The metadata of a template, which has neither a name nor a UID."""

    labels: Texts | None = None
    annotations: Texts | None = None


class PodTemplateSpec(Wire, frozen=True):
    metadata: TemplateMeta | None = None
    spec: TemplateSpec | None = None
