"""The containers of a pod specification.

Rows are made in portions of at most 15 columns; `kinds/pods.py` says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from job import tables
from job.kinds.parts.images import parse_image
from job.kinds.parts.quantities import as_written, base_units, milli_units, unparsed
from job.wire.meta import Quantities, Quantity
from job.wire.pod_spec import Container, ContainerPort, PodSpec, Probe, ResourceRequirements, SecurityContext


class ComputeResources(msgspec.Struct, frozen=True, gc=False):
    """A container's requests and limits of CPU and memory: those that add up to the pod's."""

    cpu_request_millicores: int | None = None
    cpu_limit_millicores: int | None = None
    memory_request_bytes: int | None = None
    memory_limit_bytes: int | None = None


class TypedContainer(msgspec.Struct, frozen=True, gc=False):
    """A container with its type, its position in its list, and its compute resources."""

    container_type: str
    """`init`, `sidecar`, `regular` or `ephemeral`."""
    position: int
    spec: Container
    resources: ComputeResources


def containers_of(spec: PodSpec | None) -> list[TypedContainer]:
    """All containers: init containers and sidecars, then regular, then ephemeral ones."""
    containers: list[TypedContainer] = []
    if spec is None:
        return containers
    for position, container in enumerate(spec.init_containers or ()):
        # https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
        container_type = "sidecar" if container.restart_policy == "Always" else "init"
        containers.append(TypedContainer(container_type, position, container, compute_resources(container.resources)))
    for position, container in enumerate(spec.containers or ()):
        containers.append(TypedContainer("regular", position, container, compute_resources(container.resources)))
    for position, container in enumerate(spec.ephemeral_containers or ()):
        containers.append(TypedContainer("ephemeral", position, container, compute_resources(container.resources)))
    return containers


def compute_resources(resources: ResourceRequirements | None) -> ComputeResources:
    """CPU and memory of requests and limits."""
    if resources is None:
        return _NO_RESOURCES
    requests, limits = resources.requests or _NONE, resources.limits or _NONE
    return _compute_resources(requests.get("cpu"), limits.get("cpu"), requests.get("memory"), limits.get("memory"))


@lru_cache(maxsize=4096)  # containers come in few sizes
def _compute_resources(
    cpu_request: Quantity | None,
    cpu_limit: Quantity | None,
    memory_request: Quantity | None,
    memory_limit: Quantity | None,
) -> ComputeResources:
    return ComputeResources(
        milli_units(cpu_request), milli_units(cpu_limit), base_units(memory_request), base_units(memory_limit)
    )


_NONE: Quantities = {}
_NO_RESOURCES = ComputeResources()


def container_rows(
    spec: PodSpec | None, *, resource: str, kind: str, namespace: str, name: str, uid: str
) -> Iterator[tables.Container]:
    """One row for each container of a workload's pod template."""
    for typed in containers_of(spec):
        container, resources = typed.spec, typed.resources
        image = parse_image(container.image)
        row = tables.Container(
            resource=resource,
            workload_kind=kind,
            namespace=namespace,
            workload_name=name,
            workload_uid=uid,
            container_type=typed.container_type,
            position=typed.position,
            name=container.name,
            image=container.image or None,
            image_registry=image.registry,
            image_repository=image.repository,
            image_tag=image.tag,
            image_digest=image.digest,
            image_pull_policy=container.image_pull_policy or None,
        )
        row = replace(
            row,
            cpu_request_millicores=resources.cpu_request_millicores,
            cpu_limit_millicores=resources.cpu_limit_millicores or None,  # 0 is no limit
            memory_request_bytes=resources.memory_request_bytes,
            memory_limit_bytes=resources.memory_limit_bytes or None,
            liveness_probe=_action(container.liveness_probe),
            readiness_probe=_action(container.readiness_probe),
            startup_probe=_action(container.startup_probe),
            ports=tuple([_port(port) for port in container.ports or ()]),
        )
        if container.resources is not None:
            row = _with_resources(row, container.resources)
        if container.security_context is not None:
            row = _with_security(row, container.security_context)
        yield row


def _with_resources(row: tables.Container, resources: ResourceRequirements) -> tables.Container:
    requests, limits = resources.requests or _NONE, resources.limits or _NONE
    return replace(
        row,
        ephemeral_storage_request_bytes=base_units(requests.get("ephemeral-storage")),
        ephemeral_storage_limit_bytes=base_units(limits.get("ephemeral-storage")) or None,
        gpu_limit=base_units(limits.get("nvidia.com/gpu")),
        requests=as_written(requests),
        limits=as_written(limits),
        unparsed_quantities=(*unparsed("requests", requests), *unparsed("limits", limits)),
    )


def _with_security(row: tables.Container, security: SecurityContext) -> tables.Container:
    capabilities = security.capabilities
    return replace(
        row,
        privileged=security.privileged,
        allow_privilege_escalation=security.allow_privilege_escalation,
        read_only_root_filesystem=security.read_only_root_filesystem,
        run_as_non_root=security.run_as_non_root,
        run_as_user=security.run_as_user,
        run_as_group=security.run_as_group,
        capabilities_added=tuple(capabilities.add or ()) if capabilities else (),
        capabilities_dropped=tuple(capabilities.drop or ()) if capabilities else (),
        seccomp_profile=security.seccomp_profile.type if security.seccomp_profile else None,
    )


def _port(port: ContainerPort) -> tables.Port:
    return tables.Port(
        name=port.name or None,
        container_port=port.container_port,
        protocol=port.protocol or None,
        host_port=port.host_port or None,
    )


def _action(probe: Probe | None) -> str | None:
    if probe is None:
        return None
    if probe.http_get is not None:
        return "http"
    if probe.tcp_socket is not None:
        return "tcp"
    if probe.grpc is not None:
        return "grpc"
    return "exec" if probe.exec is not None else None
