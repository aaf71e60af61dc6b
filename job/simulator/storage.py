"""Volumes, storage classes and CSI drivers of a simulated cluster."""

from __future__ import annotations

from typing import Any

from job.simulator.fleet import NOW
from job.simulator.metadata import Maker, Object, applied, stamp

DISKS = "pd.csi.storage.gke.io"
_FILES = "filestore.csi.storage.gke.io"
_PROTECTED = ["kubernetes.io/pv-protection"]


def storage_objects(maker: Maker, claims: list[Object]) -> dict[str, list[Object]]:
    """The objects, by resource: a volume for each claim that is bound, and one whose claim is gone."""
    bound = [claim for claim in claims if "volumeName" in claim["spec"]]
    return {
        "persistentvolumes": [_left(maker), *(_volume(maker, number, claim) for number, claim in enumerate(bound))],
        "storageclasses": [
            _class(maker, "premium-rwo", DISKS, {"type": "pd-ssd"}, default=True),
            _class(maker, "filestore", _FILES, {"type": "CANARY-parameter", "tier": "standard"}),
        ],
        "csidrivers": [
            _driver(maker, DISKS, attachRequired=True),
            _driver(maker, "secrets-store.csi.k8s.io", podInfoOnMount=True, volumeLifecycleModes=["Ephemeral"]),
        ],
    }


def _volume(maker: Maker, number: int, claim: Object) -> Object:
    """A disk in one zone; every fifth one is regional, and every seventh one as the in-tree driver made them."""
    name, zones = claim["spec"]["volumeName"], maker.cluster.zones
    zone = zones[number % len(zones)]
    allowed = sorted(zones[:2]) if number % 5 == 4 else [zone]
    handle = f"projects/{maker.cluster.project}/zones/{zone}/disks/{name}"
    source: Object = {
        "csi": {"driver": DISKS, "volumeHandle": handle, "fsType": "ext4"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [_zones("topology.gke.io/zone", allowed)]}},
    }
    labels = {}
    if number % 7 == 6:
        source = {"gcePersistentDisk": {"pdName": name, "fsType": "xfs"}}
        labels = {"topology.kubernetes.io/zone": "__".join(allowed)}
    spec = {
        "capacity": claim["status"]["capacity"],
        "accessModes": claim["spec"]["accessModes"],
        "claimRef": {
            "kind": "PersistentVolumeClaim",
            "namespace": claim["metadata"]["namespace"],
            "name": claim["metadata"]["name"],
            "uid": claim["metadata"]["uid"],
        },
        "persistentVolumeReclaimPolicy": "Delete",
        "storageClassName": claim["spec"]["storageClassName"],
        "volumeMode": "Filesystem",
        **source,
    }
    status = {"phase": "Bound", "lastPhaseTransitionTime": stamp(NOW)}
    return _made(maker, name, "v1", spec=spec, status=status, labels=labels, finalizers=_PROTECTED)


def _left(maker: Maker) -> Object:
    """A volume whose claim is gone, with a size that 64 bits cannot hold."""
    spec = {
        "capacity": {"storage": "16Ei"},
        "accessModes": ["ReadWriteMany"],
        "persistentVolumeReclaimPolicy": "Retain",
        "volumeMode": "Filesystem",
        "nfs": {"server": "10.0.0.2", "path": "/CANARY-export"},
    }
    status = {"phase": "Released", "lastPhaseTransitionTime": stamp(NOW)}
    return _made(maker, "archive", "v1", spec=spec, status=status, finalizers=_PROTECTED)


def _zones(key: str, zones: list[str]) -> Object:
    return {"matchExpressions": [{"key": key, "operator": "In", "values": zones}]}


def _class(maker: Maker, name: str, provisioner: str, parameters: Object, *, default: bool = False) -> Object:
    annotations = applied("StorageClass", name) | {"storageclass.kubernetes.io/is-default-class": str(default).lower()}
    return _made(
        maker, name, "storage.k8s.io/v1", annotations=annotations, provisioner=provisioner, parameters=parameters,
        reclaimPolicy="Delete", allowVolumeExpansion=True, volumeBindingMode="WaitForFirstConsumer",
    )  # fmt: skip


def _driver(maker: Maker, name: str, **spec: Any) -> Object:
    usual: Object = dict.fromkeys(
        ("attachRequired", "podInfoOnMount", "storageCapacity", "requiresRepublish", "seLinuxMount"), False
    )
    usual |= {"fsGroupPolicy": "ReadWriteOnceWithFSType", "volumeLifecycleModes": ["Persistent"]}
    return _made(maker, name, "storage.k8s.io/v1", spec=usual | spec)


def _made(
    maker: Maker, name: str, api_version: str, *, labels: Object | None = None, annotations: Object | None = None,
    finalizers: list[str] | None = None, **members: Any,
) -> Object:  # fmt: skip
    kept = applied("Object", name) if annotations is None else annotations
    metadata = maker.metadata(name, api_version=api_version, labels=labels, annotations=kept, finalizers=finalizers)
    return {"metadata": metadata, **members}
