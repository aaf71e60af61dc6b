"""Containers in the pod templates of workloads."""

from __future__ import annotations

from typing import Annotated

from job.tables import security
from job.tables.record import Accelerator, Part, Port, Record, ResourceQuantity


class Probe(Part, frozen=True, kw_only=True):
    """A probe of a container, in numbers. The API server fills in what is not written."""

    type: Annotated[str, "`liveness`, `readiness` or `startup`."]
    action: Annotated[str, "`http`, `tcp`, `grpc` or `exec`."]
    initial_delay_seconds: Annotated[int | None, "Seconds before the first try; NULL for 0."] = None
    timeout_seconds: Annotated[int | None, "Seconds after which a try has failed."] = None
    period_seconds: Annotated[int | None, "Seconds from one try to the next."] = None
    success_threshold: Annotated[int | None, "Successes after a failure until it counts as succeeded."] = None
    failure_threshold: Annotated[int | None, "Failures until it counts as failed."] = None


class Container(Record, frozen=True, kw_only=True):
    """A container in a workload's pod template."""

    table = "containers"
    description = (
        "A container in a workload's pod template: parts of the image, requests and limits, probes, security context."
    )
    read_from = "*"
    clustering = ("project_id", "cluster", "namespace", "workload_name")
    primary_key = (
        "snapshot_id", "resource", "namespace", "workload_name", "workload_uid", "container_type", "position",
    )  # fmt: skip

    resource: Annotated[str, "API resource that the workload was read from."]
    workload_kind: Annotated[str, "Kind of the workload."]
    namespace: Annotated[str, "Namespace of the workload."]
    workload_name: Annotated[str, "Name of the workload."]
    workload_uid: Annotated[str, "UID of the workload."]
    container_type: Annotated[
        str, "`init`, `sidecar` (an init container with the restart policy `Always`), `regular` or `ephemeral`."
    ]
    position: Annotated[int, "Position in the list of containers, from 0. Init containers and sidecars share a list."]
    name: Annotated[str, "Name of the container."]
    image: Annotated[str | None, "Image, as written."] = None
    image_registry: Annotated[str | None, "Registry of the image; `docker.io` if none is written."] = None
    image_repository: Annotated[str | None, "Repository in the registry: `library/nginx`."] = None
    image_tag: Annotated[
        str | None, "Tag of the image; NULL if none is written. Without tag and digest, `latest` is pulled."
    ] = None
    image_digest: Annotated[str | None, "Digest of the image; NULL if it is not pinned."] = None
    image_pull_policy: Annotated[str | None, "`Always`, `IfNotPresent` or `Never`."] = None
    cpu_request_millicores: Annotated[int | None, "CPU request, in thousandths of a core, rounded up."] = None
    cpu_limit_millicores: Annotated[
        int | None, "CPU limit, in thousandths of a core; NULL if it is 0, which is no limit."
    ] = None
    memory_request_bytes: Annotated[int | None, "Memory request, in bytes, rounded up."] = None
    memory_limit_bytes: Annotated[int | None, "Memory limit, in bytes; NULL if it is 0, which is no limit."] = None
    ephemeral_storage_request_bytes: Annotated[int | None, "Ephemeral storage request, in bytes."] = None
    ephemeral_storage_limit_bytes: Annotated[int | None, "Ephemeral storage limit, in bytes; NULL if it is 0."] = None
    accelerators: Annotated[
        tuple[Accelerator, ...],
        "GPUs, TPUs and other accelerators that the container gets, by resource; the limit is also the request.",
    ] = ()
    accelerator_count: Annotated[int | None, "Sum over `accelerators`; NULL if it gets none."] = None
    requests: Annotated[tuple[ResourceQuantity, ...], "Requests of every resource, as written."] = ()
    limits: Annotated[tuple[ResourceQuantity, ...], "Limits of every resource, as written."] = ()
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Values that are no valid quantities, or that 64 bits cannot hold: `requests.cpu`, ... Their own columns are "
        "NULL; `requests` and `limits` have the text.",
    ] = ()
    liveness_probe: Annotated[str | None, "Liveness probe: `http`, `tcp`, `grpc` or `exec`; NULL without one."] = None
    readiness_probe: Annotated[str | None, "Readiness probe: `http`, `tcp`, `grpc` or `exec`; NULL without one."] = None
    startup_probe: Annotated[str | None, "Startup probe: `http`, `tcp`, `grpc` or `exec`; NULL without one."] = None
    probes: Annotated[tuple[Probe, ...], "The probes in numbers."] = ()
    ports: Annotated[tuple[Port, ...], "Ports that the container declares."] = ()
    privileged: security.Privileged = None
    allow_privilege_escalation: security.AllowPrivilegeEscalation = None
    read_only_root_filesystem: security.ReadOnlyRootFilesystem = None
    run_as_non_root: security.RunAsNonRoot = None
    run_as_user: security.RunAsUser = None
    run_as_group: security.RunAsGroup = None
    run_as_user_name: security.RunAsUserName = None
    host_process: security.HostProcess = None
    capabilities_added: security.CapabilitiesAdded = ()
    capabilities_dropped: security.CapabilitiesDropped = ()
    seccomp_profile: security.SeccompProfile = None
    apparmor_profile: security.AppArmorProfile = None
    selinux_options: security.SELinuxOptions = ()
    proc_mount: security.ProcMount = None
    host_ports: security.HostPorts = ()
    probe_hosts: security.ProbeHosts = ()
