"""Security facts of pods and of their containers: those that the Pod Security Standards judge.

https://kubernetes.io/docs/concepts/security/pod-security-standards/. `views/privileged.sql` has the rules. Facts that
are absent are left out, so that the rows of ordinary pods cost nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from job.wire.pod_spec import (
    Container,
    ContainerPort,
    LifecycleHandler,
    PodSecurityContext,
    PodSpec,
    Probe,
    SecurityContext,
    SELinuxOptions,
    Volume,
)

Columns = dict[str, Any]

_APPARMOR = "container.apparmor.security.beta.kubernetes.io/"
_APPARMOR_TYPES = {"runtime/default": "RuntimeDefault", "unconfined": "Unconfined", "localhost": "Localhost"}


def pod_security(security: PodSecurityContext | None) -> Columns:
    """The columns of a pod's security context."""
    found: Columns = {}
    if security is not None:
        _add_context(found, security)
        if security.sysctls:
            found["sysctls"] = tuple([sysctl.name for sysctl in security.sysctls])
    return found


def container_security(security: SecurityContext | None) -> Columns:
    """The columns that `containers` and `pod_containers` share."""
    found: Columns = {}
    if security is None:
        return found
    _add_context(found, security)
    for column in ("privileged", "allow_privilege_escalation", "read_only_root_filesystem", "run_as_group"):
        found[column] = getattr(security, column)
    found["proc_mount"] = security.proc_mount or None
    if security.capabilities is not None:
        found["capabilities_added"] = tuple(security.capabilities.add or ())
        found["capabilities_dropped"] = tuple(security.capabilities.drop or ())
    return found


def restricted_volumes(volumes: Sequence[Volume]) -> Columns:
    """The columns of volumes that the Pod Security Standards forbid. Few pods have any."""
    types = {name for volume in volumes for attribute, name in _RESTRICTED if getattr(volume, attribute) is not None}
    paths = tuple([volume.host_path.path for volume in volumes if volume.host_path is not None])
    return {"host_paths": paths, "restricted_volumes": tuple(sorted(types))} if paths or types else {}


_RESTRICTED = tuple(zip(Volume.__struct_fields__, Volume.__struct_encode_fields__, strict=True))[
    Volume.__struct_fields__.index("host_path") + 1 :
]


def apparmor_of(annotations: Mapping[str, str], container: str) -> str | None:
    """The type of the AppArmor profile that an annotation gives the container, as before Kubernetes 1.30.

    https://kubernetes.io/docs/tutorials/security/apparmor/

    >>> apparmor_of({"container.apparmor.security.beta.kubernetes.io/app": "localhost/strict"}, "app")
    'Localhost'
    """
    profile = annotations.get(_APPARMOR + container)
    return None if profile is None else _APPARMOR_TYPES.get(profile.partition("/")[0], _APPARMOR_TYPES.get(profile))


def host_ports(ports: Sequence[ContainerPort] | None) -> tuple[int, ...]:
    """The ports that a container uses on its node."""
    return tuple([port.host_port for port in ports or () if port.host_port])


def probe_hosts(container: Container) -> tuple[str, ...]:
    """The hosts that a container's probes and lifecycle hooks name, each once, in order.

    https://kubernetes.io/docs/concepts/security/pod-security-standards/ ("Host Probes / Lifecycle Hooks")

    >>> from job.wire.pod_spec import NetworkAction
    >>> probe_hosts(Container(name="app", liveness_probe=Probe(tcp_socket=NetworkAction(host="10.0.0.1"))))
    ('10.0.0.1',)
    """
    hooks = container.lifecycle
    handlers: tuple[Probe | LifecycleHandler | None, ...] = (
        container.liveness_probe, container.readiness_probe, container.startup_probe,
        hooks.post_start if hooks is not None else None, hooks.pre_stop if hooks is not None else None,
    )  # fmt: skip
    found: dict[str, None] = {}
    for handler in handlers:
        if handler is not None:
            for action in (handler.http_get, handler.tcp_socket):
                if action is not None and action.host:
                    found[action.host] = None
    return tuple(found)


def operating_system(spec: PodSpec) -> str | None:
    """`linux` or `windows`, where the specification says it."""
    name = spec.os.name if spec.os is not None else None
    return name or (spec.node_selector or {}).get("kubernetes.io/os") or None


def _add_context(found: Columns, security: SecurityContext | PodSecurityContext) -> None:
    """The columns that the security contexts of a pod and of a container have both."""
    found["run_as_non_root"] = security.run_as_non_root
    found["run_as_user"] = security.run_as_user
    if security.seccomp_profile is not None:
        found["seccomp_profile"] = security.seccomp_profile.type
    if security.app_armor_profile is not None:
        found["apparmor_profile"] = security.app_armor_profile.type
    if security.windows_options is not None:
        found["host_process"] = security.windows_options.host_process
        found["run_as_user_name"] = security.windows_options.run_as_user_name or None
    selinux: SELinuxOptions | None = security.se_linux_options
    if selinux is not None:
        options = (("user", selinux.user), ("role", selinux.role), ("type", selinux.type))
        found["selinux_options"] = tuple([f"{name}:{value}" for name, value in options if value])
