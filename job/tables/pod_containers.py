"""Running containers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from job.tables import security
from job.tables.record import Accelerator, Record


class PodContainer(Record, frozen=True, kw_only=True):
    """A container of a Pod."""

    table = "pod_containers"
    description = (
        "A container of a Pod, running or not, also one that a webhook injected or that was added to debug: image and "
        "digest, state, restarts, last termination, requests and limits, security context."
    )
    read_from = "pods"
    clustering = ("project_id", "cluster", "namespace", "pod")
    primary_key = ("snapshot_id", "namespace", "pod", "pod_uid", "container_type", "position")

    namespace: Annotated[str, "Namespace of the Pod."]
    pod: Annotated[str, "Name of the Pod."]
    pod_uid: Annotated[str, "UID of the Pod."]
    container_type: Annotated[str, "`init`, `sidecar`, `regular` or `ephemeral`, as in `containers`."]
    position: Annotated[int, "Position in the list of containers, from 0. Init containers and sidecars share a list."]
    name: Annotated[str, "Name of the container."]
    image: Annotated[str | None, "Image in the specification, as written."] = None
    image_registry: Annotated[str | None, "Registry of that image; `docker.io` if none is written."] = None
    image_repository: Annotated[str | None, "Repository of that image."] = None
    image_tag: Annotated[str | None, "Tag of that image; NULL if none is written."] = None
    image_digest: Annotated[str | None, "Digest of that image; NULL if it is not pinned."] = None
    image_pull_policy: Annotated[str | None, "`Always`, `IfNotPresent` or `Never`."] = None
    running_image: Annotated[str | None, "Image that the kubelet reports."] = None
    running_digest: Annotated[
        str | None, "Digest of the manifest of the image that runs, in its registry; NULL where none is reported."
    ] = None
    running_image_id: Annotated[
        str | None,
        "Digest of the image's configuration, where the kubelet reports that alone: the image came from no registry. "
        "It is comparable with no other digest.",
    ] = None
    container_id: Annotated[str | None, "Container runtime and id: `containerd://...`."] = None
    state: Annotated[str | None, "`waiting`, `running` or `terminated`; NULL until the kubelet reports one."] = None
    state_reason: Annotated[str | None, "`CrashLoopBackOff`, `ImagePullBackOff`, `Completed`, `OOMKilled`, ..."] = None
    exit_code: Annotated[int | None, "Exit code; NULL unless terminated."] = None
    signal: Annotated[int | None, "Signal that ended the container; NULL unless one did."] = None
    started_at: Annotated[datetime | None, "When the container started."] = None
    finished_at: Annotated[datetime | None, "When the container ended."] = None
    ready: Annotated[bool | None, "Whether the container is ready."] = None
    started: Annotated[bool | None, "Whether the startup probe has succeeded."] = None
    restarts: Annotated[int | None, "Number of restarts."] = None
    last_state_reason: Annotated[str | None, "Why the previous run of the container ended; NULL where none did."] = None
    last_exit_code: Annotated[int | None, "Exit code of the previous run."] = None
    last_signal: Annotated[int | None, "Signal that ended the previous run."] = None
    last_started_at: Annotated[datetime | None, "When the previous run started."] = None
    last_finished_at: Annotated[datetime | None, "When the previous run ended."] = None
    cpu_request_millicores: Annotated[int | None, "CPU request, in thousandths of a core, rounded up."] = None
    cpu_limit_millicores: Annotated[
        int | None, "CPU limit, in thousandths of a core; NULL if it is 0, which is no limit."
    ] = None
    memory_request_bytes: Annotated[int | None, "Memory request, in bytes, rounded up."] = None
    memory_limit_bytes: Annotated[int | None, "Memory limit, in bytes; NULL if it is 0, which is no limit."] = None
    accelerators: Annotated[
        tuple[Accelerator, ...],
        "GPUs, TPUs and other accelerators that the container gets, by resource; the limit is also the request.",
    ] = ()
    accelerator_count: Annotated[int | None, "Sum over `accelerators`; NULL if it gets none."] = None
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Requests and limits of CPU and memory that are no valid quantities, or too large for their column, which is "
        "NULL: `requests.cpu`, ...",
    ] = ()
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
