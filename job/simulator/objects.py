"""All objects of a simulated cluster; namespaces, nodes, and what the job must never read, by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator

from job.simulator.fleet import Cluster, NodePool
from job.simulator.metadata import Maker, Object, condition
from job.simulator.workloads import Workloads

_SYSTEM = ("default", "kube-system", "kube-public", "kube-node-lease", "gmp-system")
_CAPACITY = {  # machine type -> cores, allocatable millicores, KiB of memory, allocatable
    "e2-standard-4": (4, 3920, 16393244, 13591580),
    "n2-standard-8": (8, 7910, 32877360, 29197104),
    "c3-standard-4": (4, 3920, 16386032, 13584368),
    "t2a-standard-4": (4, 3920, 16384988, 13583324),
    "g2-standard-8": (8, 7910, 32877352, 29197096),
}


def objects_of(cluster: Cluster) -> dict[str, list[Object]]:
    """Resource -> all of the cluster's objects of it."""
    return _Objects(cluster).made()


class _Objects(Maker):
    def made(self) -> dict[str, list[Object]]:
        teams = [f"team-{number:02d}" for number in range(max(self.cluster.pods // 50, 2))]
        nodes = [node for pool in self.cluster.node_pools for node in self._nodes(pool)]
        made: dict[str, list[Object]] = {
            "namespaces": [self._namespace(name) for name in (*_SYSTEM, *teams)],
            "nodes": nodes,
            **Workloads(self, teams, [node["metadata"]["name"] for node in nodes]).objects(),
        }
        made["secrets"] = [self._with_data("Secret", team) for team in teams]
        made["configmaps"] = [self._with_data("ConfigMap", team) for team in teams]
        made["serviceaccounts"] = [{"metadata": self.metadata("default", team)} for team in teams]
        made["services"] = [self._service(team) for team in teams]
        made["customresourcedefinitions"] = [
            {
                "metadata": self.metadata("rollouts.argoproj.io"),
                "spec": {
                    "group": "argoproj.io",
                    "names": {"kind": "Rollout", "plural": "rollouts"},
                    "scope": "Namespaced",
                },
            }
        ]
        return made

    def _namespace(self, name: str) -> Object:
        applied = json.dumps({"metadata": {"annotations": {"note": "CANARY-applied"}}})
        annotations = {
            "team.example.com/owner": f"{name}@example.com",
            "canary": "CANARY-annotation",
            "kubectl.kubernetes.io/last-applied-configuration": applied,
        }
        labels = {"kubernetes.io/metadata.name": name} | ({"team": name} if name.startswith("team-") else {})
        metadata = self.metadata(name, labels=labels, annotations=annotations if name.startswith("team-") else {})
        return {"metadata": metadata, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}

    def _nodes(self, pool: NodePool) -> Iterator[Object]:
        cores, allocatable, memory, allocatable_memory = _CAPACITY[pool.machine_type]
        for number in range(pool.nodes):
            zone = self.cluster.zones[number % len(self.cluster.zones)]
            suffix = f"{self.draw.getrandbits(32):08x}-{self.draw.getrandbits(20):05x}"
            name = f"gke-{self.cluster.name}-{pool.name}-{suffix[:13]}"
            architecture = "arm64" if pool.machine_type.startswith("t2a") else "amd64"
            ready = self.draw.random() > 0.04
            gpus = {"nvidia.com/gpu": "1"} if pool.gpu else {}
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
            }
            taints = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}] if pool.gpu else []
            if self.draw.random() < 0.05:
                taints.append({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})
            yield {
                "metadata": self.metadata(name, labels=labels, annotations={"node.alpha.kubernetes.io/ttl": "0"}),
                "spec": {
                    "podCIDR": f"10.{self.cluster.number % 200}.{number % 250}.0/24",
                    "providerID": f"gce://{self.cluster.project}/{zone}/{name}",
                    **({"taints": taints} if taints else {}),
                    **({"unschedulable": True} if taints and not pool.gpu else {}),
                },
                "status": {
                    "capacity": _amounts(str(cores), "98831908Ki", f"{memory}Ki") | gpus,
                    "allocatable": _amounts(f"{allocatable}m", "47060071478", f"{allocatable_memory}Ki") | gpus,
                    "conditions": [
                        condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
                        condition("Ready", *(("True", "KubeletReady") if ready else ("Unknown", "NodeStatusUnknown"))),
                    ],
                    "addresses": [
                        {"type": "InternalIP", "address": f"10.128.{number // 250}.{number % 250 + 2}"},
                        {"type": "Hostname", "address": name},
                    ],
                    "nodeInfo": {
                        "kubeletVersion": f"v{pool.version}",
                        "containerRuntimeVersion": "containerd://1.7.27",
                        "osImage": "Container-Optimized OS from Google",
                        "kernelVersion": "6.6.97+",
                        "operatingSystem": "linux",
                        "architecture": architecture,
                    },
                },
            }

    def _with_data(self, kind: str, namespace: str) -> Object:
        applied = json.dumps({"kind": kind, "data": {"password": "CANARY-last-applied"}})
        annotations = {"kubectl.kubernetes.io/last-applied-configuration": applied}
        data = {"password": f"CANARY-{kind}-data"}
        return {"metadata": self.metadata("database", namespace, annotations=annotations), "data": data}

    def _service(self, namespace: str) -> Object:
        spec = {"type": "ClusterIP", "clusterIP": "10.96.0.10", "ports": [{"port": 80}], "selector": {"app": "web"}}
        return {"metadata": self.metadata("web", namespace), "spec": spec, "status": {"loadBalancer": {}}}


def _amounts(cpu: str, storage: str, memory: str) -> Object:
    return {"cpu": cpu, "ephemeral-storage": storage, "memory": memory, "pods": "110"}
