"""ResourceClaims of the simulated clusters whose version serves dynamic resource allocation."""

from __future__ import annotations

from typing import Any

from job.simulator.metadata import Maker, Object, ago, applied

_VERSION = "resource.k8s.io/v1"
_DRIVER = "gpu.nvidia.com"


def claims_of(maker: Maker, namespace: str, pods: list[Object]) -> list[Object]:
    """Claims that are made for some pods and have a device, and two that wait for theirs."""
    return [
        *(_allocated(maker, number, pod) for number, pod in enumerate(pods)),
        _made(maker, "shared", namespace, [_exactly("gpu", mode="All", adminAccess=True)], {}),
        _made(maker, "either", namespace, [_either("gpu")], {}),
    ]


def _allocated(maker: Maker, number: int, pod: Object) -> Object:
    name, namespace, uid = (pod["metadata"][key] for key in ("name", "namespace", "uid"))
    node = pod["spec"].get("nodeName", "node")
    is_either = number % 2 == 1
    device = {
        "request": "gpu/small" if is_either else "gpu",
        "driver": _DRIVER,
        "pool": node,
        "device": f"gpu-{number}",
    }
    parameters = {"driver": _DRIVER, "parameters": {"apiVersion": "gpu.nvidia.com/v1", "token": "CANARY-parameter"}}
    allocation = {
        "devices": {"results": [device], "config": [{"source": "FromClaim", "opaque": parameters}]},
        "nodeSelector": {"nodeSelectorTerms": [{"matchFields": [_on(node)]}]},
        **({"allocationTimestamp": ago(minutes=30)} if is_either else {}),
    }
    status = {
        "allocation": allocation,
        "reservedFor": [{"resource": "pods", "name": name, "uid": uid}],
        "devices": [{key: device[key] for key in ("driver", "pool", "device")} | {"data": {"note": "CANARY-data"}}],
    }
    owner = {
        "apiVersion": "v1", "kind": "Pod", "name": name, "uid": uid, "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip
    request = _either("gpu") if is_either else _exactly("gpu", count=1)
    return _made(maker, f"{name}-gpu", namespace, [request], status, parameters, ownerReferences=[owner])


def _on(node: str) -> Object:
    return {"key": "metadata.name", "operator": "In", "values": [node]}


def _exactly(name: str, mode: str = "ExactCount", **more: Any) -> Object:
    selector = {"cel": {"expression": f'device.driver == "{_DRIVER}" // CANARY-expression'}}
    return {
        "name": name,
        "exactly": {"deviceClassName": _DRIVER, "allocationMode": mode, "selectors": [selector], **more},
    }


def _either(name: str) -> Object:
    counts = {"large": 2, "small": 1}
    alternatives = [
        {"name": size, "deviceClassName": f"{size}.{_DRIVER}", "allocationMode": "ExactCount", "count": count}
        for size, count in counts.items()
    ]
    return {"name": name, "firstAvailable": alternatives}


def _made(
    maker: Maker, name: str, namespace: str, requests: list[Object], status: Object,
    parameters: Object | None = None, **more: Any,
) -> Object:  # fmt: skip
    devices: Object = {"requests": requests}
    if parameters:
        devices["config"] = [{"requests": ["gpu"], "opaque": parameters}]
    annotations = applied("ResourceClaim", name)
    metadata = maker.metadata(name, namespace, api_version=_VERSION, annotations=annotations, **more)
    return {"metadata": metadata, "spec": {"devices": devices}, "status": status}
