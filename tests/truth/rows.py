"""The rows that objects must lead to: the columns that identify an object and its requests, not all columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache
from typing import Any

from declared import OWN_TABLES, WORKLOAD_KINDS
from truth.amounts import fraction
from truth.configuration import FLAT, MORE, warnings_of
from truth.custom_resources import CUSTOM, OWNERS, columns_of
from truth.model import KINDS, Object, Snapshot

_OWN = {resource: table for table, resource in OWN_TABLES.items()}

Identity = tuple[Any, ...]
Row = tuple[str, Identity, Object]
"""Table, what identifies the row within a cluster, and columns."""

_OWN = {resource: table for table, resource in OWN_TABLES.items()}
"""Kind -> the table that has a row for each of its objects."""


def rows_of_gke(cluster: Object) -> Iterator[Row]:
    """The rows for a cluster in the GKE API."""
    yield (
        "clusters",
        (),
        {
            "id": cluster["id"],
            "status": cluster["status"],
            "control_plane_version": cluster["version"],
            "project_number": None,  # the configuration names the project
            "project_labels": [],
            "ancestors": [],
        },
    )
    for pool in cluster["node_pools"]:
        columns = ("name", "machine_type", "version", "spot")
        accelerators = ["1xnvidia-l4"] if pool["gpu"] else ["4xtpu-v5-lite-podslice"] if pool["tpu"] else []
        own = {"accelerators": accelerators, "accelerator_topology": "2x2" if pool["tpu"] else None}
        yield "node_pools", (pool["name"],), own | {column: pool[column] for column in columns}


@lru_cache(maxsize=1000)
def rows_of_kind(snapshot: Snapshot, kind: str) -> tuple[Row, ...]:
    """The rows for the objects of a kind that were read."""
    return tuple(_rows(snapshot, kind))


def _rows(snapshot: Snapshot, kind: str) -> Iterator[Row]:
    if kind == "events":
        yield from warnings_of(snapshot.readings[kind].objects)
        return
    for item in snapshot.readings[kind].objects:
        if kind in CUSTOM:
            yield "objects", (kind, _uid(item)), _named(item) | columns_of(kind, item)
        if kind in _OWN:
            judged = _JUDGED[kind](item, snapshot) if kind in _JUDGED else {}
            yield _OWN[kind], (_uid(item),), {**_named(item), **judged, **(MORE[kind](item) if kind in MORE else {})}
        if kind in FLAT:
            yield from FLAT[kind](item)
        if kind == "pods":
            yield from _pod_containers(item)
        if kind in WORKLOAD_KINDS or (kind in ("pods", "replicasets") and is_workload(item)):
            namespace = item["metadata"]["namespace"]
            yield "workloads", (kind, _uid(item), namespace), {**_named(item), **_workload(item, kind)}
            yield from _containers(item, kind)
    if kind == "pods":
        yield from _unknown_workloads(snapshot)


def controller_of(item: Object) -> Object | None:
    """The reference to the object's controller."""
    owners = item["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def is_workload(item: Object) -> bool:
    """Whether a Pod or ReplicaSet is one: nothing controls it, or a custom resource whose ReplicaSet wants Pods."""
    owner = controller_of(item)
    if owner is None or "containers" in item["spec"]:  # of a Pod
        return owner is None
    wanted = item["spec"].get("replicas", 1) or item.get("status", {}).get("replicas", 0)
    return bool(wanted) and not (owner["kind"] == "Deployment" and owner["apiVersion"].startswith("apps/"))


def _uid(item: Object) -> str:
    return str(item["metadata"]["uid"])


def _named(item: Object) -> Object:
    metadata = item["metadata"]
    namespace = {"namespace": metadata["namespace"]} if "namespace" in metadata else {}
    return {
        "name": metadata["name"],
        "uid": metadata["uid"],
        "created_at": metadata["creationTimestamp"],
        "labels": metadata.get("labels") or {},
        **namespace,
    }


def _namespace(namespace: Object, _snapshot: Snapshot) -> Object:
    return {"phase": namespace["status"]["phase"]}


def _node(node: Object, _snapshot: Snapshot) -> Object:
    labels, status = node["metadata"]["labels"], node["status"]
    ready = next(condition["status"] for condition in status["conditions"] if condition["type"] == "Ready")
    return {
        "node_pool": labels["cloud.google.com/gke-nodepool"],
        "machine_type": labels["node.kubernetes.io/instance-type"],
        "zone": labels["topology.kubernetes.io/zone"],
        "ready": {"True": True, "False": False}.get(ready),
        "unschedulable": bool(node["spec"].get("unschedulable")),
        "kubelet_version": status["nodeInfo"]["kubeletVersion"],
        "cpu_allocatable_millicores": _amount(status["allocatable"], "cpu", 1000),
        "memory_allocatable_bytes": _amount(status["allocatable"], "memory"),
        "accelerator": _accelerator(labels),
        "accelerator_topology": labels.get("cloud.google.com/gke-tpu-topology"),
        "accelerator_allocatable": _accelerators(status["allocatable"]),
    }


def _accelerator(labels: Object) -> str | None:
    return labels.get("cloud.google.com/gke-accelerator") or labels.get("cloud.google.com/gke-tpu-accelerator")


def _accelerators(quantities: Object) -> int | None:
    return sum(int(quantities.get(name, 0)) for name in ("nvidia.com/gpu", "google.com/tpu")) or None


def _pod(pod: Object, snapshot: Snapshot) -> Object:
    spec, status, owner = pod["spec"], pod["status"], controller_of(pod) or {}
    sidecars = [one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]
    return {
        "phase": status["phase"],
        "node": spec.get("nodeName"),
        "pod_ip": status.get("podIP"),
        "containers": len(spec["containers"]) + len(sidecars),
        **_reserved(spec, status),
        "owner_kind": owner.get("kind"),
        "owner_name": owner.get("name"),
        "owner_uid": owner.get("uid"),
        **_top(pod, snapshot),
        **_place(pod, snapshot),
        **_pod_security(spec),
        "termination_grace_period_seconds": spec.get("terminationGracePeriodSeconds"),
        "volume_claims": [
            volume["persistentVolumeClaim"]["claimName"]
            for volume in spec.get("volumes") or []
            if "persistentVolumeClaim" in volume
        ],
        "empty_dir_volumes": [volume["name"] for volume in spec.get("volumes") or [] if "emptyDir" in volume],
        "accelerator_count": sum(_asks(one)["accelerator_count"] or 0 for one in spec["containers"]) or None,
    }


def _place(pod: Object, snapshot: Snapshot) -> Object:
    """By the pod's node, or by what the pod asks for where that was not read."""
    spec = pod["spec"]
    nodes = {node["metadata"]["name"]: node["metadata"]["labels"] for node in snapshot.readings["nodes"].objects}
    node, asked = nodes.get(spec.get("nodeName") or ""), spec.get("nodeSelector") or {}
    labels = asked if node is None else node
    spot = labels.get("cloud.google.com/gke-spot") == "true"
    return {
        "node_pool": labels.get("cloud.google.com/gke-nodepool"),
        "zone": labels.get("topology.kubernetes.io/zone"),
        "spot": spot if node is not None or spot else None,
        "operating_system": (spec.get("os") or {}).get("name") or labels.get("kubernetes.io/os"),
        "accelerator": _accelerator(labels) if _accelerated(spec) else None,
        "accelerator_topology": labels.get("cloud.google.com/gke-tpu-topology") if _accelerated(spec) else None,
    }


def _accelerated(spec: Object) -> bool:
    return any(_asks(container)["accelerator_count"] for container in spec["containers"])


def _pod_security(spec: Object) -> Object:
    context, volumes = spec.get("securityContext") or {}, spec.get("volumes") or []
    resources = spec.get("resources") or {}
    return {
        **{column: bool(spec.get(name)) for column, name in _NAMESPACES.items()},
        "host_paths": [volume["hostPath"]["path"] for volume in volumes if "hostPath" in volume],
        "restricted_volumes": ["nfs"] if any("nfs" in volume for volume in volumes) else [],
        "sysctls": [sysctl["name"] for sysctl in context.get("sysctls") or []],
        "pod_level_resources": [
            f"{bound}.{name}" for bound in ("requests", "limits") for name in ("cpu", "memory")
            if _whole(resources.get(bound, {}).get(name, "0"), 1)
        ],
        **_context(context),
    }  # fmt: skip


_NAMESPACES = {"host_network": "hostNetwork", "host_pid": "hostPID", "host_ipc": "hostIPC"}


def _context(context: Object) -> Object:
    """The columns of a pod's and of a container's security context."""
    windows, selinux = context.get("windowsOptions") or {}, context.get("seLinuxOptions") or {}
    return {
        "run_as_non_root": context.get("runAsNonRoot"),
        "run_as_user": context.get("runAsUser"),
        "run_as_user_name": windows.get("runAsUserName"),
        "host_process": windows.get("hostProcess"),
        "seccomp_profile": (context.get("seccompProfile") or {}).get("type"),
        "selinux_options": [f"{name}:{selinux[name]}" for name in ("user", "role", "type") if name in selinux],
    }


def _reserved(spec: Object, status: Object) -> Object:
    """https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers"""
    found: Object = {}
    unparsed = []
    for bound in ("request", "limit"):
        for resource, unit in (("cpu", "millicores"), ("memory", "bytes")):
            amount = _reserved_amount(spec, status, f"{bound}s", resource)
            whole = None if amount is None else math.ceil(amount * (1000 if resource == "cpu" else 1))
            if whole is not None and whole >= 2**63:
                whole = None
                unparsed.append(f"{bound}s.{resource}")
            found[f"{resource}_{bound}_{unit}"] = whole
    return found | {"unparsed_quantities": unparsed}


def _reserved_amount(spec: Object, status: Object, bound: str, resource: str) -> Fraction | None:
    pending = [one for one in status.get("conditions") or [] if one["type"] == "PodResizePending"]
    infeasible = any(one.get("reason") == "Infeasible" for one in pending)
    reports = [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]
    by_name = {one["name"]: one for one in reports}

    def counted(asked: Object, report: Object) -> Fraction | None:
        effective = (report.get("resources") or {}).get(bound, {}).get(resource)
        allocated = report.get("allocatedResources", {}).get(resource) if bound == "requests" else None
        wish = (asked.get(bound) or {}).get(resource)
        known = [
            one for one in (effective, allocated, *(() if infeasible and "resources" in report else (wish,))) if one
        ]
        amount = max(map(fraction, known), default=None)
        return None if bound == "limits" and not amount else amount

    def of(container: Object) -> Fraction | None:
        asked, report = container.get("resources") or {}, by_name.get(container["name"], {})
        amount = counted(asked, report)
        if amount is None and bound == "requests" and resource in asked.get("limits", {}):
            return fraction(asked["limits"][resource])
        return amount

    overhead = (spec.get("overhead") or {}).get(resource)
    extra = fraction(overhead) if overhead else Fraction(0)
    whole = counted(spec.get("resources") or {}, status)
    regular = [of(one) for one in spec["containers"]]
    init = [(one.get("restartPolicy") == "Always", of(one)) for one in spec.get("initContainers") or []]
    if whole is None:
        lasting = [*regular, *(amount for is_sidecar, amount in init if is_sidecar)]
        if bound == "limits" and None in lasting:
            return None
        if {*lasting, *(amount for _, amount in init)} == {None}:
            return extra or None
        whole, before = sum((amount or 0 for amount in lasting), Fraction(0)), Fraction(0)
        for is_sidecar, amount in init:
            whole = max(whole, before + (amount or 0))
            before += (amount or 0) if is_sidecar else 0
    return whole + extra


def _service(service: Object, _snapshot: Snapshot) -> Object:
    spec, ips = service["spec"], service["spec"].get("clusterIPs", [])
    ingress = service["status"]["loadBalancer"].get("ingress", [])
    is_balanced = spec["type"] == "LoadBalancer"
    kind = (service["metadata"].get("annotations") or {}).get("networking.gke.io/load-balancer-type")
    return {
        "type": spec["type"],
        "headless": ips == ["None"],
        "cluster_ips": [ip for ip in ips if ip != "None"],
        "external_addresses": [point["ip"] for point in ingress]
        or [name for name in [spec.get("externalName")] if name],
        "external_name": spec.get("externalName"),
        "internal": kind == "Internal" if is_balanced else None,
        "external_traffic_policy": spec.get("externalTrafficPolicy"),
        "session_affinity": spec["sessionAffinity"],
    }


def _budget(budget: Object, _snapshot: Snapshot) -> Object:
    metadata, spec, status = budget["metadata"], budget["spec"], budget.get("status") or {}
    acted = status.get("observedGeneration", 0) >= metadata.get("generation", 1)
    allowed, pods = status.get("disruptionsAllowed", 0), status.get("expectedPods", 0)
    selector = spec.get("selector") or {}
    return {
        "min_available": str(spec["minAvailable"]) if "minAvailable" in spec else None,
        "max_unavailable": str(spec["maxUnavailable"]) if "maxUnavailable" in spec else None,
        "selector": _pairs(selector.get("matchLabels")),
        "selects_all_pods": spec.get("selector") == {},
        "disruptions_allowed": allowed if "observedGeneration" in status else None,
        "expected_pods": pods if "observedGeneration" in status else None,
        "blocking": (False if allowed else True if pods else None) if acted else None,
    }


def _autoscaler(autoscaler: Object, _snapshot: Snapshot) -> Object:
    spec, status = autoscaler["spec"], autoscaler["status"]
    acted = "conditions" in status
    found = {one["type"]: (one["status"] == "True", one["reason"]) for one in status.get("conditions", [])}
    return {
        "target_kind": spec["scaleTargetRef"]["kind"],
        "target_name": spec["scaleTargetRef"]["name"],
        "min_replicas": spec["minReplicas"],
        "max_replicas": spec["maxReplicas"],
        "current_replicas": status["currentReplicas"] if acted else None,
        "desired_replicas": status["desiredReplicas"] if acted else None,
        "at_maximum": status["desiredReplicas"] == spec["maxReplicas"] if acted else None,
        "scaling_limited": found.get("ScalingLimited", (None, None))[0],
        "scaling_limited_reason": found.get("ScalingLimited", (None, None))[1],
    }


def _ingress(ingress: Object, _snapshot: Snapshot) -> Object:
    spec, annotations = ingress["spec"], ingress["metadata"].get("annotations") or {}
    found = annotations.get("kubernetes.io/ingress.class")
    named = found or spec.get("ingressClassName")
    default = spec.get("defaultBackend", {}).get("service", {})
    return {
        "ingress_class": named,
        "internal": {None: False, "gce-internal": True, "nginx": None}[named],
        "tls": [{"host": host, "secret_name": one["secretName"]} for one in spec["tls"] for host in one["hosts"]],
        "default_service": default.get("name"),
        "default_service_port": default.get("port", {}).get("name"),
        "rules": [
            {
                "host": rule["host"], "path": path["path"], "path_type": path["pathType"],
                "service": path["backend"]["service"]["name"],
                "service_port": str(path["backend"]["service"]["port"]["number"]), "resource": None,
            }
            for rule in spec["rules"] for path in rule["http"]["paths"]
        ],
    }  # fmt: skip


def _policy(policy: Object, _snapshot: Snapshot) -> Object:
    spec = policy["spec"]
    ingress, egress, types = spec.get("ingress", []), spec.get("egress", []), spec["policyTypes"]
    return {
        "selects_all_pods": spec["podSelector"] == {},
        "policy_types": types,
        "ingress_rules": len(ingress),
        "egress_rules": len(egress) if "Egress" in types else None,
        "denies_all_ingress": ingress == [],
        "denies_all_egress": "Egress" in types and egress == [],
        "admits_all_ingress": {} in ingress,
        "admits_all_egress": {} in egress,
    }


def _claim(claim: Object, _snapshot: Snapshot) -> Object:
    spec, status = claim["spec"], claim["status"]
    return {
        "phase": status["phase"],
        "storage_class": spec["storageClassName"],
        "access_modes": spec["accessModes"],
        "volume_name": spec.get("volumeName"),
        "requested_bytes": _amount(spec["resources"]["requests"], "storage"),
        "capacity_bytes": _amount(status.get("capacity", {}), "storage"),
    }


def _volume(volume: Object, _snapshot: Snapshot) -> Object:
    spec, labels = volume["spec"], volume["metadata"].get("labels") or {}
    csi, disk = spec.get("csi", {}), spec.get("gcePersistentDisk", {})
    terms = spec.get("nodeAffinity", {}).get("required", {}).get("nodeSelectorTerms", [])
    zones = [zone for term in terms for one in term["matchExpressions"] for zone in one["values"]]
    zones = zones or sorted(filter(None, labels.get("topology.kubernetes.io/zone", "").split("__")))
    return {
        "phase": volume["status"]["phase"],
        "storage_class": spec.get("storageClassName"),
        "capacity_bytes": _amount(spec["capacity"], "storage"),
        "unparsed_quantities": ["capacity.storage"] if spec["capacity"]["storage"] == "16Ei" else [],
        "claim_namespace": spec.get("claimRef", {}).get("namespace"),
        "claim_name": spec.get("claimRef", {}).get("name"),
        "reclaim_policy": spec["persistentVolumeReclaimPolicy"],
        "source": "csi" if csi else "gcePersistentDisk" if disk else "nfs",
        "csi_driver": csi.get("driver"),
        "volume_handle": csi.get("volumeHandle", disk.get("pdName")),
        "zones": zones,
    }


def _storage_class(found: Object, _snapshot: Snapshot) -> Object:
    default = (found["metadata"].get("annotations") or {}).get("storageclass.kubernetes.io/is-default-class")
    return {
        "provisioner": found["provisioner"],
        "default_class": default == "true",
        "volume_binding_mode": found["volumeBindingMode"],
        "allow_volume_expansion": found["allowVolumeExpansion"],
        "parameter_names": sorted(found["parameters"]),
    }


def _driver(driver: Object, _snapshot: Snapshot) -> Object:
    spec = driver["spec"]
    return {"attach_required": spec["attachRequired"], "volume_lifecycle_modes": spec["volumeLifecycleModes"]}


def _gateway(gateway: Object, _snapshot: Snapshot) -> Object:
    spec, status = gateway["spec"], gateway["status"]
    programmed = next(one for one in status["conditions"] if one["type"] == "Programmed")
    attached = {one["name"]: one["attachedRoutes"] for one in status.get("listeners", [])}
    return {
        "gateway_class": spec["gatewayClassName"],
        "addresses": status.get("addresses", []),
        "listeners": [
            {
                "name": one["name"], "port": one["port"], "protocol": one["protocol"], "hostname": one.get("hostname"),
                "tls_mode": one.get("tls", {}).get("mode"), "attached_routes": attached.get(one["name"]),
            }
            for one in spec["listeners"]
        ],
        "programmed": {"True": True, "Unknown": None}[programmed["status"]],
    }  # fmt: skip


def _route(route: Object, _snapshot: Snapshot) -> Object:
    spec, parents = route["spec"], route["status"]["parents"]
    return {
        "hostnames": spec.get("hostnames", []),
        "backends": [
            {
                "rule": 0, "kind": "Service", "namespace": None, "name": one["name"], "port": one["port"],
                "weight": one["weight"], "is_mirror": None,
            }
            for rule in spec["rules"] for one in rule["backendRefs"]
        ],
        "accepted": True if parents else None,
    }  # fmt: skip


def _pairs(labels: Object | None) -> list[Object]:
    return [{"key": key, "value": value} for key, value in (labels or {}).items()]


_JUDGED: dict[str, Callable[[Object, Snapshot], Object]] = {
    "namespaces": _namespace, "nodes": _node, "services": _service, "pods": _pod, "poddisruptionbudgets": _budget,
    "horizontalpodautoscalers": _autoscaler, "ingresses": _ingress, "networkpolicies": _policy,
    "persistentvolumeclaims": _claim, "persistentvolumes": _volume, "storageclasses": _storage_class,
    "csidrivers": _driver, "gateways": _gateway, "httproutes": _route,
}  # fmt: skip
"""Kind -> the columns of its own table that are judged, besides those that all objects have."""


_CONTROLLERS = {
    "Deployment": "apps/v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1",
    "Job": "batch/v1", "CronJob": "batch/v1", "Pod": "v1",
}  # fmt: skip
"""The kinds that are collected and may control pods. Those of custom resources may have the same names."""


def _top(pod: Object, snapshot: Snapshot) -> Object:
    """The topmost controller, by the lists of this snapshot."""
    known, owner, metadata, above = _known(snapshot), controller_of(pod), pod["metadata"], []
    if owner is None:
        own = {"kind": "Pod", "name": metadata["name"], "uid": metadata["uid"]}
        return _owned(own, "uncontrolled", [])
    while known.get((metadata["namespace"], owner["uid"])):
        above.append(owner["uid"])
        owner = known[metadata["namespace"], owner["uid"]]
    if (metadata["namespace"], owner["uid"]) in known:
        return _owned(owner, "resolved", above[1:])
    if (name := OWNERS.get((owner["kind"], owner["apiVersion"]))) in snapshot.listed:
        is_read = snapshot.readings[str(name)].is_read
        return _owned(owner, "referenced_not_found" if is_read else "referenced_not_read", above[1:])
    if _CONTROLLERS.get(owner["kind"]) != owner["apiVersion"]:
        return _owned(owner, "referenced", above[1:])
    resource = next(resource for resource, kind in KINDS.items() if kind == owner["kind"])
    return _owned(owner, "not_found" if snapshot.readings[resource].is_read else "not_read", above[1:])


def _owned(owner: Object, resolution: str, between: list[str]) -> Object:
    return {
        "workload_kind": owner["kind"],
        "workload_name": owner["name"],
        "workload_uid": owner["uid"],
        "workload_resolution": resolution,
        "middle_owner_uids": between,
    }


@lru_cache(maxsize=100)
def _known(snapshot: Snapshot) -> dict[tuple[str, str], Object | None]:
    """Namespace and UID of each object that was read and may control others -> the reference to its controller."""
    read = {kind: one for kind, one in snapshot.readings.items() if kind in CUSTOM or KINDS.get(kind) in _CONTROLLERS}
    return {
        (item["metadata"]["namespace"], _uid(item)): controller_of(item)
        for one in read.values() if one.is_read for item in one.objects
    }  # fmt: skip


def _unknown_workloads(snapshot: Snapshot) -> Iterator[Row]:
    """Controllers of other kinds: what their pods have in common, and how many these are."""
    pods: dict[tuple[str, str], list[Object]] = {}
    tops: dict[tuple[str, str], Object] = {}
    for pod in snapshot.readings["pods"].objects:
        top = _top(pod, snapshot)
        if top["workload_resolution"].startswith("referenced") or top["workload_kind"] not in _CONTROLLERS:
            key = top["workload_uid"], pod["metadata"]["namespace"]
            pods.setdefault(key, []).append(pod)
            tops[key] = top
    for (uid, namespace), members in pods.items():
        labels = [set((pod["metadata"].get("labels") or {}).items()) for pod in members]
        phases = [pod["status"]["phase"] for pod in members]
        columns = {
            "name": tops[uid, namespace]["workload_name"],
            "kind": tops[uid, namespace]["workload_kind"],
            "uid": uid,
            "namespace": namespace,
            "known_through_pods": True,
            "labels": dict(set.intersection(*labels)),
            "replicas": len(members),
            "replicas_ready": sum(_is_ready(pod) for pod in members),
            "succeeded": phases.count("Succeeded"),
            "failed": phases.count("Failed"),
            **{column: any(pod["spec"].get(name) for pod in members) for column, name in _NAMESPACES.items()},
        }
        yield "workloads", ("pods", uid, namespace), columns


def _is_ready(pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or []
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _pod_containers(pod: Object) -> Iterator[Row]:
    status = pod["status"]
    fields = {
        "init": "initContainerStatuses",
        "regular": "containerStatuses",
        "ephemeral": "ephemeralContainerStatuses",
    }
    for type_, position, container in _placed(pod["spec"]):
        statuses = status.get(fields["init" if type_ == "sidecar" else type_]) or []
        found = next((one for one in statuses if one["name"] == container["name"]), {})
        yield (
            "pod_containers",
            (_uid(pod), type_, position),
            {
                **_asks(container),
                "pod": pod["metadata"]["name"],
                "state": next(iter(found.get("state") or {}), None),
                "ready": found.get("ready"),
                "restarts": found.get("restartCount"),
                **_running(found.get("imageID") or ""),
            },
        )


def _running(image_id: str) -> Object:
    """The digest after the `@`. Without one, the text is the id of the image's configuration."""
    _, at, digest = image_id.removeprefix("docker-pullable://").rpartition("@")
    return {"running_digest": digest if at else None, "running_image_id": None if at else digest or None}


def _workload(item: Object, kind: str) -> Object:
    spec, status, owner = item.get("spec") or {}, item.get("status") or {}, controller_of(item) or {}
    desired = {"daemonsets": status.get("desiredNumberScheduled"), "jobs": spec.get("parallelism")}
    ready = {"daemonsets": status.get("numberReady"), "jobs": status.get("ready")}
    template = _template(item, kind)
    return {
        "kind": KINDS[kind],
        "owner_kind": owner.get("kind"),
        "owner_uid": owner.get("uid"),
        "replicas_wanted": desired.get(kind, spec.get("replicas")),
        "replicas_ready": ready.get(kind, status.get("readyReplicas")),
        "schedule": spec.get("schedule"),
        "suspended": bool(spec.get("suspend")) if kind in ("jobs", "cronjobs") else None,
        "paused": bool(spec.get("paused")) if kind == "deployments" else None,
        "rolling_update_partition": _partition(spec) if kind == "statefulsets" else None,
        "service_account": template.get("serviceAccountName"),
        "known_through_pods": False,
        "operating_system": (template.get("os") or {}).get("name")
        or (template.get("nodeSelector") or {}).get("kubernetes.io/os"),
        **_pod_security(template),
        "spread_topology_keys": [each["topologyKey"] for each in template.get("topologySpreadConstraints") or []],
    }


def _partition(spec: Object) -> int | None:
    rolling = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    return rolling.get("partition")


def _containers(item: Object, kind: str) -> Iterator[Row]:
    for type_, position, container in _placed(_template(item, kind)):
        yield (
            "containers",
            (_uid(item), type_, position),
            {
                **_asks(container),
                "resource": kind,
                "workload_name": item["metadata"]["name"],
                "namespace": item["metadata"]["namespace"],
                "image_pull_policy": container.get("imagePullPolicy"),
            },
        )


def _template(item: Object, kind: str) -> Object:
    """The pod specification in the workload's template."""
    spec = item["spec"]
    if kind == "pods":
        return dict(spec)
    if kind == "cronjobs":
        spec = spec["jobTemplate"]["spec"]
    return dict(spec["template"]["spec"])


def _placed(spec: Object) -> Iterator[tuple[str, int, Object]]:
    for position, container in enumerate(spec.get("initContainers") or []):
        yield "sidecar" if container.get("restartPolicy") == "Always" else "init", position, container
    for type_, name in (("regular", "containers"), ("ephemeral", "ephemeralContainers")):
        for position, container in enumerate(spec.get(name) or []):
            yield type_, position, container


def _asks(container: Object) -> Object:
    resources = container.get("resources") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    return {
        "name": container["name"],
        "image": container["image"],
        "cpu_request_millicores": _amount(requests, "cpu", 1000),
        "cpu_limit_millicores": _amount(limits, "cpu", 1000) or None,
        "memory_request_bytes": _amount(requests, "memory"),
        "memory_limit_bytes": _amount(limits, "memory") or None,
        "accelerator_count": _accelerators(limits),
        **_container_security(container),
    }


def _container_security(container: Object) -> Object:
    context, ports = container.get("securityContext") or {}, container.get("ports") or []
    capabilities = context.get("capabilities") or {}
    return {
        "privileged": context.get("privileged"),
        "allow_privilege_escalation": context.get("allowPrivilegeEscalation"),
        "capabilities_added": capabilities.get("add") or [],
        "capabilities_dropped": capabilities.get("drop") or [],
        "proc_mount": context.get("procMount"),
        "host_ports": [port["hostPort"] for port in ports if port.get("hostPort")],
        "probe_hosts": _probe_hosts(container),
        **_context(context),
    }


def _probe_hosts(container: Object) -> list[str]:
    hooks = container.get("lifecycle") or {}
    handlers = [container.get(f"{name}Probe") for name in ("liveness", "readiness", "startup")]
    handlers += [hooks.get(name) for name in ("postStart", "preStop")]
    actions = [(handler or {}).get(name) or {} for handler in handlers for name in ("httpGet", "tcpSocket")]
    return list(dict.fromkeys(action["host"] for action in actions if action.get("host")))


def _amount(quantities: Object, resource: str, factor: int = 1) -> int | None:
    return _whole(quantities[resource], factor) if resource in quantities else None


@lru_cache
def _whole(text: str, factor: int) -> int | None:
    whole = math.ceil(fraction(text) * factor)
    return whole if whole < 2**63 else None
