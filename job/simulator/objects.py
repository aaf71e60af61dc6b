"""Makes all objects of a simulated cluster; namespaces and nodes here, the rest elsewhere."""

from __future__ import annotations

import random
from collections.abc import Iterator

from job.simulator.companions import Companions
from job.simulator.events import events
from job.simulator.fleet import Cluster, NodePool
from job.simulator.gateway_api import gateway_objects
from job.simulator.governance import governing_objects
from job.simulator.metadata import Maker, Object, ago, applied, condition
from job.simulator.resource_claims import claims_of
from job.simulator.unusual import unusual_objects
from job.simulator.vertical_pod_autoscalers import vertical_pod_autoscalers
from job.simulator.workloads import Workloads

_SYSTEM = ("default", "kube-system", "kube-public", "kube-node-lease", "gmp-system")
_CAPACITY = {  # machine type -> cores, allocatable millicores, memory in KiB, allocatable memory in KiB
    "e2-standard-4": (4, 3920, 16393244, 13591580),
    "n2-standard-8": (8, 7910, 32877360, 29197104),
    "c3-standard-4": (4, 3920, 16386032, 13584368),
    "t2a-standard-4": (4, 3920, 16384988, 13583324),
    "g2-standard-8": (8, 7910, 32877352, 29197096),
    "ct5lp-hightpu-4t": (112, 111600, 197867520, 190230528),
}
_TPU_LABELS = {
    "cloud.google.com/gke-tpu-accelerator": "tpu-v5-lite-podslice",
    "cloud.google.com/gke-tpu-topology": "2x2",
}
_HEALTHY = {  # conditions of a healthy node: type -> status and reason
    "KernelDeadlock": ("False", "KernelHasNoDeadlock"),
    "NetworkUnavailable": ("False", "RouteCreated"),
    "MemoryPressure": ("False", "KubeletHasSufficientMemory"),
    "DiskPressure": ("False", "KubeletHasNoDiskPressure"),
    "PIDPressure": ("False", "KubeletHasSufficientPID"),
    "Ready": ("True", "KubeletReady"),
}


def objects_of(cluster: Cluster) -> dict[str, list[Object]]:
    """All objects of the cluster, by resource."""
    return _Objects(cluster).all()


class _Objects(Maker):
    def all(self) -> dict[str, list[Object]]:
        teams = [f"team-{number:02d}" for number in range(max(self.cluster.pods // 50, 2))]
        nodes = [node for pool in self.cluster.node_pools for node in self._nodes(pool)]
        addresses = {node["metadata"]["name"]: node["status"]["addresses"][0]["address"] for node in nodes}
        uids = {node["metadata"]["name"]: node["metadata"]["uid"] for node in nodes}
        workloads: dict[str, list[Object]] = {
            "namespaces": [self._namespace(name) for name in (*_SYSTEM, *teams)],
            "nodes": nodes,
            **Workloads(self, teams, addresses, uids).objects(),
        }
        made = workloads | Companions(self, workloads, [*_SYSTEM, *teams], teams).objects()
        if self.cluster.gateway_api:
            made |= gateway_objects(self, teams[0], made["services"][2:6])
        unusual = unusual_objects(self, teams[0], addresses) if self.cluster.unusual else {}
        made |= {resource: [*made[resource], *found] for resource, found in unusual.items()}
        made |= governing_objects(self, teams)
        if self.cluster.vertical_pod_autoscaling:
            made["verticalpodautoscalers"] = vertical_pod_autoscalers(self, made["deployments"][:6])
        if self.cluster.resource_claims:
            made["resourceclaims"] = claims_of(self, teams[0], made["pods"][:4])
        return made | {"events": events(self, made["pods"][:8], nodes[:1])}

    def _namespace(self, name: str) -> Object:
        labels, annotations = {"kubernetes.io/metadata.name": name}, {}
        if name.startswith("team-"):
            labels |= {"cost-center": ""} | ({} if name.endswith(("1", "5")) else {"team": name})
            annotations = applied("Namespace", name) | {
                "team.example.com/owner": f"{name}@example.com",
                "team.example.com/name": "データ <data@example.com>",
                "canary": "CANARY-annotation",
            }
        metadata = self.metadata(name, labels=labels, annotations=annotations)
        return {"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}

    def _nodes(self, pool: NodePool) -> Iterator[Object]:
        for number in range(pool.nodes):
            zone = self.cluster.zones[number % len(self.cluster.zones)]
            suffix = f"{self.draw.getrandbits(32):08x}-{self.draw.getrandbits(20):05x}"
            name = f"gke-{self.cluster.name}-{pool.name}-{suffix[:13]}"
            architecture = "arm64" if pool.machine_type.startswith("t2a") else "amd64"
            labels = {
                "beta.kubernetes.io/arch": architecture,
                "cloud.google.com/gke-nodepool": pool.name,
                "cloud.google.com/machine-family": pool.machine_type.partition("-")[0],
                "kubernetes.io/arch": architecture,
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "node.kubernetes.io/instance-type": pool.machine_type,
                "topology.kubernetes.io/region": "-".join(zone.split("-")[:2]),
                "topology.kubernetes.io/zone": zone,
                **({"cloud.google.com/gke-spot": "true"} if pool.spot else {}),
                **({"cloud.google.com/gke-accelerator": "nvidia-l4"} if pool.gpu else {}),
                **(_TPU_LABELS if pool.tpu else {}),
            }
            present = {"value": "present", "effect": "NoSchedule"}
            taints = [{"key": "nvidia.com/gpu", **present}] if pool.gpu else []
            taints += [{"key": "google.com/tpu", **present}] if pool.tpu else []
            if self.draw.random() < 0.05:
                taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
            pod_range = f"10.{self.cluster.number % 200}.{number % 250}.0/24"
            annotations = {"node.alpha.kubernetes.io/ttl": "0", "canary": "CANARY-node-annotation"}
            yield {
                "metadata": self.metadata(name, labels=labels, annotations=annotations),
                "spec": {
                    "podCIDR": pod_range,
                    "podCIDRs": [pod_range],
                    "providerID": f"gce://{self.cluster.project}/{zone}/{name}",
                    **({"taints": taints} if taints else {}),
                    **({"unschedulable": True} if taints and not pool.gpu and not pool.tpu else {}),
                },
                "status": _status(
                    pool, number, name, architecture, self.draw, is_private=self.cluster.endpoint == "private"
                ),
            }


def _status(
    pool: NodePool, number: int, name: str, architecture: str, draw: random.Random, *, is_private: bool
) -> Object:
    cores, allocatable, memory, allocatable_memory = _CAPACITY[pool.machine_type]
    accelerators = {"nvidia.com/gpu": "1"} if pool.gpu else {"google.com/tpu": "4"} if pool.tpu else {}
    states = _HEALTHY | ({"Ready": ("Unknown", "NodeStatusUnknown")} if draw.random() <= 0.04 else {})
    heartbeat = {"lastHeartbeatTime": ago(minutes=1)}
    return {
        "capacity": _amounts(str(cores), "98831908Ki", f"{memory}Ki") | accelerators,
        "allocatable": _amounts(f"{allocatable}m", "47060071478", f"{allocatable_memory}Ki") | accelerators,
        "conditions": [condition(type_, *state, **heartbeat) for type_, state in states.items()],
        "addresses": [
            {"type": "InternalIP", "address": f"10.128.{number // 250}.{number % 250 + 2}"},
            *([] if is_private else [{"type": "ExternalIP", "address": f"34.90.{number // 250}.{number % 250 + 2}"}]),
            {"type": "Hostname", "address": name},
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": f"{draw.getrandbits(128):032x}",
            "systemUUID": f"{draw.getrandbits(128):032x}",
            "bootID": f"{draw.getrandbits(128):032x}",
            "kernelVersion": "6.6.97+",
            "osImage": "Container-Optimized OS from Google",
            "containerRuntimeVersion": "containerd://1.7.27",
            "kubeletVersion": f"v{pool.version}",
            "kubeProxyVersion": "",
            "operatingSystem": "linux",
            "architecture": architecture,
        },
        "images": [
            {
                "names": [f"gke.gcr.io/image-{image}@sha256:{image:064x}", f"gke.gcr.io/image-{image}:v1"],
                "sizeBytes": 50000000 + image,
            }
            for image in range(8)
        ],
    }


def _amounts(cpu: str, storage: str, memory: str) -> Object:
    return {
        "cpu": cpu, "ephemeral-storage": storage, "hugepages-1Gi": "0", "hugepages-2Mi": "0", "memory": memory,
        "pods": "110",
    }  # fmt: skip
