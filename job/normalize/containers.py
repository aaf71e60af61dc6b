"""The containers of a pod specification."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from job.normalize.images import parse_image
from job.normalize.quantities import Amounts, as_written, unparsed
from job.tables import Container, Port
from job.wire import core


class Placed(NamedTuple):
    """A container with its type and its place in its list."""

    container_type: str
    position: int
    spec: core.Container


def containers_of(spec: core.PodSpec | None) -> Iterator[Placed]:
    """All of them: init and sidecar containers, then regular, then ephemeral ones."""
    if spec is None:
        return
    for position, container in enumerate(spec.init_containers or ()):
        # https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
        yield Placed("sidecar" if container.restart_policy == "Always" else "init", position, container)
    for position, container in enumerate(spec.containers or ()):
        yield Placed("regular", position, container)
    for position, container in enumerate(spec.ephemeral_containers or ()):
        yield Placed("ephemeral", position, container)


def container_rows(
    spec: core.PodSpec | None, *, resource: str, kind: str, namespace: str, name: str, uid: str
) -> Iterator[Container]:
    """One row for each container of a workload's pod template."""
    for container_type, position, container in containers_of(spec):
        image = parse_image(container.image)
        resources = container.resources or core.ResourceRequirements()
        requests, limits = Amounts(resources.requests), Amounts(resources.limits)
        security = container.security_context or core.SecurityContext()
        capabilities = security.capabilities or core.Capabilities()
        yield Container(
            resource=resource,
            workload_kind=kind,
            namespace=namespace,
            workload_name=name,
            workload_uid=uid,
            container_type=container_type,
            position=position,
            name=container.name,
            image=container.image or None,
            image_registry=image.registry,
            image_repository=image.repository,
            image_tag=image.tag,
            image_digest=image.digest,
            image_pull_policy=container.image_pull_policy or None,
            cpu_request_millicores=requests.cpu_millicores,
            cpu_limit_millicores=limits.cpu_millicores,
            memory_request_bytes=requests.memory_bytes,
            memory_limit_bytes=limits.memory_bytes,
            ephemeral_storage_request_bytes=requests.ephemeral_storage_bytes,
            ephemeral_storage_limit_bytes=limits.ephemeral_storage_bytes,
            gpu_limit=limits.gpus,
            requests=as_written(resources.requests),
            limits=as_written(resources.limits),
            unparsed_quantities=(*unparsed("requests", resources.requests), *unparsed("limits", resources.limits)),
            liveness_probe=_action(container.liveness_probe),
            readiness_probe=_action(container.readiness_probe),
            startup_probe=_action(container.startup_probe),
            ports=tuple(
                Port(
                    name=port.name or None,
                    container_port=port.container_port,
                    protocol=port.protocol or None,
                    host_port=port.host_port or None,
                )
                for port in container.ports or ()
            ),
            privileged=security.privileged,
            allow_privilege_escalation=security.allow_privilege_escalation,
            read_only_root_filesystem=security.read_only_root_filesystem,
            run_as_non_root=security.run_as_non_root,
            run_as_user=security.run_as_user,
            run_as_group=security.run_as_group,
            capabilities_added=tuple(capabilities.add or ()),
            capabilities_dropped=tuple(capabilities.drop or ()),
            seccomp_profile=security.seccomp_profile.type if security.seccomp_profile else None,
        )


def _action(probe: core.Probe | None) -> str | None:
    if probe is None:
        return None
    actions = {"http": probe.http_get, "tcp": probe.tcp_socket, "grpc": probe.grpc, "exec": probe.exec}
    return next((name for name, action in actions.items() if action is not None), None)
