"""The containers of a pod specification.

Rows are made in portions of at most 15 columns; `kinds/pods.py` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from job import tables
from job.kinds.parts.accelerators import accelerators_of, total
from job.kinds.parts.caches import bounded_cache
from job.kinds.parts.images import parse_image
from job.kinds.parts.quantities import as_written, base_units, milli_units, unparsed
from job.kinds.parts.security import apparmor_of, container_security, host_ports, probe_hosts
from job.wire.meta import Quantities, Quantity
from job.wire.pod_spec import Container, ContainerPort, PodSpec, Probe, ResourceRequirements


class ComputeResources(msgspec.Struct, frozen=True, gc=False):
    """A container's requests and limits of CPU and memory: those that add up to the pod's."""

    cpu_request_millicores: int | None = None
    cpu_limit_millicores: int | None = None
    memory_request_bytes: int | None = None
    memory_limit_bytes: int | None = None
    unparsed: tuple[str, ...] = ()
    """Those that are written and cannot be parsed, or do not fit: `requests.cpu`, ..."""


class TypedContainer(msgspec.Struct, frozen=True, gc=False):
    """A container with its type, its position in its list, and its compute resources."""

    container_type: str
    """`init`, `sidecar`, `regular` or `ephemeral`."""
    position: int
    spec: Container
    resources: ComputeResources
    accelerators: tuple[tables.Accelerator, ...]


def containers_of(spec: PodSpec | None) -> list[TypedContainer]:
    """All containers: init containers and sidecars, then regular, then ephemeral ones."""
    containers: list[TypedContainer] = []
    if spec is None:
        return containers
    for position, container in enumerate(spec.init_containers or ()):
        # https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
        container_type = "sidecar" if container.restart_policy == "Always" else "init"
        containers.append(_typed(container_type, position, container))
    for position, container in enumerate(spec.containers or ()):
        containers.append(_typed("regular", position, container))
    if spec.ephemeral_containers:
        for position, container in enumerate(spec.ephemeral_containers):
            containers.append(_typed("ephemeral", position, container))
    return containers


def _typed(container_type: str, position: int, container: Container) -> TypedContainer:
    resources = container.resources
    return TypedContainer(container_type, position, container, compute_resources(resources), accelerators_of(resources))


def compute_resources(resources: ResourceRequirements | None) -> ComputeResources:
    """CPU and memory of requests and limits."""
    if resources is None:
        return _NO_RESOURCES
    requests, limits = resources.requests or _NONE, resources.limits or _NONE
    return _compute_resources(requests.get("cpu"), limits.get("cpu"), requests.get("memory"), limits.get("memory"))


@bounded_cache(maxsize=4096)  # containers come in few sizes
def _compute_resources(
    cpu_request: Quantity | None,
    cpu_limit: Quantity | None,
    memory_request: Quantity | None,
    memory_limit: Quantity | None,
) -> ComputeResources:
    parsed = (milli_units(cpu_request), milli_units(cpu_limit), base_units(memory_request), base_units(memory_limit))
    written = (cpu_request, cpu_limit, memory_request, memory_limit)
    names = ("requests.cpu", "limits.cpu", "requests.memory", "limits.memory")
    each = zip(names, written, parsed, strict=True)
    return ComputeResources(
        *parsed, tuple([name for name, text, amount in each if text is not None and amount is None])
    )


_NONE: Quantities = {}
_NO_RESOURCES = ComputeResources()


def pod_level_resources(resources: ResourceRequirements | None) -> tuple[str, ...]:
    """The requests and limits of a whole pod, of CPU and memory, that are not 0.

    >>> pod_level_resources(ResourceRequirements(requests={"cpu": "1"}, limits={"cpu": "0", "memory": "lots"}))
    ('requests.cpu', 'limits.memory')
    """
    if resources is None:
        return ()
    requests, limits, amounts = resources.requests or _NONE, resources.limits or _NONE, compute_resources(resources)
    written = (
        ("requests.cpu", requests.get("cpu"), amounts.cpu_request_millicores),
        ("requests.memory", requests.get("memory"), amounts.memory_request_bytes),
        ("limits.cpu", limits.get("cpu"), amounts.cpu_limit_millicores),
        ("limits.memory", limits.get("memory"), amounts.memory_limit_bytes),
    )
    return tuple([name for name, quantity, amount in written if quantity is not None and amount != 0])


def container_rows(
    spec: PodSpec | None,
    annotations: Mapping[str, str] | None,
    *,
    resource: str,
    kind: str,
    namespace: str,
    name: str,
    uid: str,
) -> Iterator[tables.Container]:
    """One row for each container of a workload's pod template, which has these annotations."""
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
            probes=tuple(_probes(container)),
            ports=tuple([_port(port) for port in container.ports or ()]),
            host_ports=host_ports(container.ports),
            probe_hosts=probe_hosts(container),
            apparmor_profile=apparmor_of(annotations, container.name) if annotations else None,
        )
        if container.resources is not None:
            row = _with_resources(row, container.resources, typed.accelerators)
        if container.security_context is not None:
            row = replace(row, **container_security(container.security_context))
        yield row


def _with_resources(
    row: tables.Container, resources: ResourceRequirements, accelerators: tuple[tables.Accelerator, ...]
) -> tables.Container:
    requests, limits = resources.requests or _NONE, resources.limits or _NONE
    return replace(
        row,
        ephemeral_storage_request_bytes=base_units(requests.get("ephemeral-storage")),
        ephemeral_storage_limit_bytes=base_units(limits.get("ephemeral-storage")) or None,
        accelerators=accelerators,
        accelerator_count=total(each.count for each in accelerators),
        requests=as_written(requests),
        limits=as_written(limits),
        unparsed_quantities=(*unparsed("requests", requests), *unparsed("limits", limits)),
    )


def _port(port: ContainerPort) -> tables.Port:
    return tables.Port(
        name=port.name or None,
        container_port=port.container_port,
        protocol=port.protocol or None,
        host_port=port.host_port or None,
    )


def _probes(container: Container) -> Iterator[tables.Probe]:
    for kind, probe in (
        ("liveness", container.liveness_probe),
        ("readiness", container.readiness_probe),
        ("startup", container.startup_probe),
    ):
        action = _action(probe)
        if probe is not None and action is not None:
            yield tables.Probe(
                type=kind,
                action=action,
                initial_delay_seconds=probe.initial_delay_seconds or None,
                timeout_seconds=probe.timeout_seconds,
                period_seconds=probe.period_seconds,
                success_threshold=probe.success_threshold,
                failure_threshold=probe.failure_threshold,
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
