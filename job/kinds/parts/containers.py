"""The containers of a pod specification.

Records are made in portions, here as in `pods.py`: that module says why.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from job.kinds.parts.images import parse_image
from job.kinds.parts.quantities import as_written, base_units, milli_units, unparsed
from job.tables import Container, Port
from job.wire import core


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What a container asks for, of what is counted together for its pod."""

    cpu_request_millicores: int | None = None
    cpu_limit_millicores: int | None = None
    memory_request_bytes: int | None = None
    memory_limit_bytes: int | None = None


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A container with its type, its place in its list, and what it asks for."""

    container_type: str
    position: int
    spec: core.Container
    asked: Asked


def containers_of(spec: core.PodSpec | None) -> list[Placed]:
    """All of them: init and sidecar containers, then regular, then ephemeral ones."""
    placed: list[Placed] = []
    if spec is None:
        return placed
    for position, container in enumerate(spec.init_containers or ()):
        # https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
        container_type = "sidecar" if container.restart_policy == "Always" else "init"
        placed.append(Placed(container_type, position, container, asked(container.resources)))
    for position, container in enumerate(spec.containers or ()):
        placed.append(Placed("regular", position, container, asked(container.resources)))
    for position, container in enumerate(spec.ephemeral_containers or ()):
        placed.append(Placed("ephemeral", position, container, asked(container.resources)))
    return placed


def asked(resources: core.ResourceRequirements | None) -> Asked:
    """CPU and memory of the requests and limits."""
    if resources is None:
        return _NOTHING
    requests, limits = resources.requests or _NONE, resources.limits or _NONE
    return _asked(requests.get("cpu"), limits.get("cpu"), requests.get("memory"), limits.get("memory"))


@lru_cache(maxsize=4096)  # there are few sizes of containers
def _asked(
    cpu_request: core.Quantity | None,
    cpu_limit: core.Quantity | None,
    memory_request: core.Quantity | None,
    memory_limit: core.Quantity | None,
) -> Asked:
    return Asked(milli_units(cpu_request), milli_units(cpu_limit), base_units(memory_request), base_units(memory_limit))


_NONE: core.Quantities = {}
_NOTHING = Asked()


def container_rows(
    spec: core.PodSpec | None, *, resource: str, kind: str, namespace: str, name: str, uid: str
) -> Iterator[Container]:
    """One row for each container of a workload's pod template."""
    for placed in containers_of(spec):
        container, asked = placed.spec, placed.asked
        image = parse_image(container.image)
        row = Container(
            resource=resource,
            workload_kind=kind,
            namespace=namespace,
            workload_name=name,
            workload_uid=uid,
            container_type=placed.container_type,
            position=placed.position,
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
            cpu_request_millicores=asked.cpu_request_millicores,
            cpu_limit_millicores=asked.cpu_limit_millicores,
            memory_request_bytes=asked.memory_request_bytes,
            memory_limit_bytes=asked.memory_limit_bytes,
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


def _with_resources(row: Container, resources: core.ResourceRequirements) -> Container:
    requests, limits = resources.requests or _NONE, resources.limits or _NONE
    return replace(
        row,
        ephemeral_storage_request_bytes=base_units(requests.get("ephemeral-storage")),
        ephemeral_storage_limit_bytes=base_units(limits.get("ephemeral-storage")),
        gpu_limit=base_units(limits.get("nvidia.com/gpu")),
        requests=as_written(requests),
        limits=as_written(limits),
        unparsed_quantities=(*unparsed("requests", requests), *unparsed("limits", limits)),
    )


def _with_security(row: Container, security: core.SecurityContext) -> Container:
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


def _port(port: core.ContainerPort) -> Port:
    return Port(
        name=port.name or None,
        container_port=port.container_port,
        protocol=port.protocol or None,
        host_port=port.host_port or None,
    )


def _action(probe: core.Probe | None) -> str | None:
    if probe is None:
        return None
    if probe.http_get is not None:
        return "http"
    if probe.tcp_socket is not None:
        return "tcp"
    if probe.grpc is not None:
        return "grpc"
    return "exec" if probe.exec is not None else None
