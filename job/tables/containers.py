"""Containers in the pod templates of workloads."""

from __future__ import annotations

from typing import Annotated

from job.tables.record import Port, Record, ResourceQuantity


class Container(Record, frozen=True, kw_only=True):
    """A container in a workload's pod template."""

    table = "containers"
    description = "A container in a workload's pod template: image in parts, requests and limits, probes, security."
    read_from = "*"
    clustering = ("project_id", "cluster", "namespace", "workload_name")

    resource: Annotated[str, "The API resource that the workload was read from."]
    workload_kind: Annotated[str, "Kind of the workload."]
    namespace: Annotated[str, "Namespace of the workload."]
    workload_name: Annotated[str, "Name of the workload."]
    workload_uid: Annotated[str, "UID of the workload."]
    container_type: Annotated[
        str, "`init`, `sidecar` (an init container that is always restarted), `regular` or `ephemeral`."
    ]
    position: Annotated[int, "Place among the containers of its list (init and sidecar share one), from 0."]
    name: Annotated[str, "Name of the container."]
    image: Annotated[str | None, "Image, as written."] = None
    image_registry: Annotated[str | None, "Registry of the image, `docker.io` where none is written."] = None
    image_repository: Annotated[str | None, "Repository in the registry: `library/nginx`."] = None
    image_tag: Annotated[str | None, "Tag; NULL where none is written: with no digest either, `latest` is pulled."] = (
        None
    )
    image_digest: Annotated[str | None, "Digest, where the image is pinned."] = None
    image_pull_policy: Annotated[str | None, "`Always`, `IfNotPresent` or `Never`."] = None
    cpu_request_millicores: Annotated[int | None, "CPU requested, in thousandths of a core, rounded up."] = None
    cpu_limit_millicores: Annotated[int | None, "CPU limit."] = None
    memory_request_bytes: Annotated[int | None, "Memory requested, in bytes, rounded up."] = None
    memory_limit_bytes: Annotated[int | None, "Memory limit."] = None
    ephemeral_storage_request_bytes: Annotated[int | None, "Local storage requested, in bytes."] = None
    ephemeral_storage_limit_bytes: Annotated[int | None, "Local storage limit."] = None
    gpu_limit: Annotated[int | None, "GPUs (`nvidia.com/gpu`): their limit is their request."] = None
    requests: Annotated[tuple[ResourceQuantity, ...], "Every request, as written."] = ()
    limits: Annotated[tuple[ResourceQuantity, ...], "Every limit, as written."] = ()
    unparsed_quantities: Annotated[
        tuple[str, ...],
        "Quantities that are not ones (`requests.cpu`): their columns are NULL, the text is above.",
    ] = ()
    liveness_probe: Annotated[str | None, "`http`, `tcp`, `grpc` or `exec`; NULL without the probe."] = None
    readiness_probe: Annotated[str | None, "The same for the readiness probe."] = None
    startup_probe: Annotated[str | None, "The same for the startup probe."] = None
    ports: Annotated[tuple[Port, ...], "Ports it declares."] = ()
    privileged: Annotated[bool | None, "Security context: `privileged`; NULL is not privileged."] = None
    allow_privilege_escalation: Annotated[bool | None, "Security context; NULL is allowed."] = None
    read_only_root_filesystem: Annotated[bool | None, "Security context; NULL is writable."] = None
    run_as_non_root: Annotated[bool | None, "Security context; NULL leaves it to the pod's."] = None
    run_as_user: Annotated[int | None, "Security context; NULL leaves it to the pod's, then to the image."] = None
    run_as_group: Annotated[int | None, "Security context; NULL leaves it to the pod's, then to the image."] = None
    capabilities_added: Annotated[tuple[str, ...], "Linux capabilities added."] = ()
    capabilities_dropped: Annotated[tuple[str, ...], "Linux capabilities dropped."] = ()
    seccomp_profile: Annotated[str | None, "Security context: type of the seccomp profile."] = None
