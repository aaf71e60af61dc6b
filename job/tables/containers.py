"""Containers in the pod templates of workloads."""

from __future__ import annotations

from typing import Annotated

from job.tables.record import Port, Record, ResourceQuantity


class Container(Record, frozen=True, kw_only=True):
    """A container in a workload's pod template."""

    table = "containers"
    description = (
        "A container in a workload's pod template: parts of the image, requests and limits, probes, security context."
    )
    read_from = "*"
    clustering = ("project_id", "cluster", "namespace", "workload_name")

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
    gpu_limit: Annotated[int | None, "Number of GPUs (`nvidia.com/gpu`); the limit is also the request."] = None
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
    ports: Annotated[tuple[Port, ...], "Ports that the container declares."] = ()
    privileged: Annotated[bool | None, "Security context: `privileged`; NULL means no."] = None
    allow_privilege_escalation: Annotated[
        bool | None, "Security context: `allowPrivilegeEscalation`; NULL means yes."
    ] = None
    read_only_root_filesystem: Annotated[bool | None, "Security context: `readOnlyRootFilesystem`; NULL means no."] = (
        None
    )
    run_as_non_root: Annotated[bool | None, "Security context: `runAsNonRoot`; NULL means as in the pod's."] = None
    run_as_user: Annotated[
        int | None, "Security context: `runAsUser`; NULL means as in the pod's, else as in the image."
    ] = None
    run_as_group: Annotated[
        int | None, "Security context: `runAsGroup`; NULL means as in the pod's, else as in the image."
    ] = None
    capabilities_added: Annotated[tuple[str, ...], "Linux capabilities added."] = ()
    capabilities_dropped: Annotated[tuple[str, ...], "Linux capabilities dropped."] = ()
    seccomp_profile: Annotated[str | None, "Security context: type of the seccomp profile."] = None
