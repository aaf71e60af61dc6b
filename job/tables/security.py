"""Columns of the security facts, which pods share with workloads, and running containers with those of templates."""

from __future__ import annotations

from typing import Annotated

HostNetwork = Annotated[bool, "Whether pods use the node's network."]
HostPid = Annotated[bool, "Whether pods see the node's processes."]
HostIpc = Annotated[bool, "Whether pods share the node's IPC namespace."]
HostPaths = Annotated[tuple[str, ...], "Paths on the node that pods mount."]
RestrictedVolumes = Annotated[
    tuple[str, ...],
    "Types of volumes that the Restricted Pod Security Standard forbids: `nfs`, `iscsi`, `gcePersistentDisk`, ... "
    "`hostPath` is left out: see `host_paths`.",
]
Sysctls = Annotated[tuple[str, ...], "Names of the kernel parameters that the pod security context sets."]
PodLevelResources = Annotated[
    tuple[str, ...],
    "Requests and limits that are set for the pod as a whole (`spec.resources`): `requests.cpu`, `limits.memory`, ... "
    "An amount of 0 is left out: it reserves and limits nothing.",
]
ServiceAccountToken = Annotated[
    bool | None, "Whether pods mount the token of the service account; NULL for the default."
]
PodHostProcess = Annotated[
    bool | None, "Pod security context of Windows: `hostProcess`, full access to the node; NULL means no."
]
PodRunAsNonRoot = Annotated[bool | None, "Pod security context: `runAsNonRoot`."]
PodRunAsUser = Annotated[int | None, "Pod security context: `runAsUser`."]
PodRunAsUserName = Annotated[str | None, "Pod security context of Windows: `runAsUserName`."]
PodSeccompProfile = Annotated[str | None, "Pod security context: type of the seccomp profile."]
PodAppArmorProfile = Annotated[str | None, "Pod security context: type of the AppArmor profile."]
PodSELinuxOptions = Annotated[
    tuple[str, ...], "Pod security context: SELinux user, role and type, those that it sets: `type:spc_t`, ..."
]

Privileged = Annotated[bool | None, "Security context: `privileged`; NULL means no."]
AllowPrivilegeEscalation = Annotated[bool | None, "Security context: `allowPrivilegeEscalation`; NULL means yes."]
ReadOnlyRootFilesystem = Annotated[bool | None, "Security context: `readOnlyRootFilesystem`; NULL means no."]
RunAsNonRoot = Annotated[bool | None, "Security context: `runAsNonRoot`; NULL means as in the pod's."]
RunAsUser = Annotated[int | None, "Security context: `runAsUser`; NULL means as in the pod's, else as in the image."]
RunAsGroup = Annotated[int | None, "Security context: `runAsGroup`; NULL means as in the pod's, else as in the image."]
RunAsUserName = Annotated[
    str | None,
    "Security context of Windows: `runAsUserName`; NULL means as in the pod's, else as in the image.",
]
HostProcess = Annotated[bool | None, "Security context of Windows: `hostProcess`; NULL means as in the pod's."]
CapabilitiesAdded = Annotated[tuple[str, ...], "Linux capabilities added."]
CapabilitiesDropped = Annotated[tuple[str, ...], "Linux capabilities dropped."]
SeccompProfile = Annotated[
    str | None,
    "Security context: type of the seccomp profile, `RuntimeDefault`, `Localhost` or `Unconfined`; NULL means as in "
    "the pod's.",
]
AppArmorProfile = Annotated[
    str | None,
    "Security context: type of the AppArmor profile, `RuntimeDefault`, `Localhost` or `Unconfined`; without one, that "
    "of the older annotation. NULL means as in the pod's.",
]
ProcMount = Annotated[str | None, "Security context: `procMount`, `Default` or `Unmasked`; NULL means `Default`."]
SELinuxOptions = Annotated[
    tuple[str, ...],
    "Security context: SELinux user, role and type, those that it sets: `type:spc_t`, ... Empty means as in the pod's.",
]
HostPorts = Annotated[tuple[int, ...], "Ports on the node that the container uses."]
ProbeHosts = Annotated[
    tuple[str, ...],
    "Hosts that its probes and lifecycle hooks name, which the kubelet connects to. Empty means the pod itself.",
]
