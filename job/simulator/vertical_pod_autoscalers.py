"""VerticalPodAutoscalers of the simulated clusters that have them installed."""

from __future__ import annotations

from job.simulator.metadata import Maker, Object, applied, condition

_VERSION = "autoscaling.k8s.io/v1"
_MODES = ("Off", "Initial", "Recreate", None)


def vertical_pod_autoscalers(maker: Maker, deployments: list[Object]) -> list[Object]:
    """One for each of the Deployments; every third has no recommendation yet."""
    return [_made(maker, number, workload) for number, workload in enumerate(deployments)]


def _made(maker: Maker, number: int, workload: Object) -> Object:
    name, namespace = workload["metadata"]["name"], workload["metadata"]["namespace"]
    containers = [each["name"] for each in workload["spec"]["template"]["spec"]["containers"]]
    mode = _MODES[number % len(_MODES)]
    policy = {
        "containerName": "*",
        "controlledResources": ["cpu", "memory"],
        "controlledValues": "RequestsOnly",
        "minAllowed": {"cpu": "50m", "memory": "64Mi"},
        "maxAllowed": {"cpu": 2, "memory": "4Gi"},
    }
    spec: Object = {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
        **({"updatePolicy": {"updateMode": mode, "minReplicas": 2}} if mode else {}),
        **({"resourcePolicy": {"containerPolicies": [policy, {"containerName": "proxy", "mode": "Off"}]}}
           if number % 2 == 0 else {}),
    }  # fmt: skip
    status: Object = {"conditions": [condition("RecommendationProvided", "False", "")], "recommendation": {}}
    if number % 3:
        status = {
            "conditions": [
                condition("LowConfidence", "True" if number % 2 else "False", ""),
                condition("RecommendationProvided", "True", ""),
            ],
            "recommendation": {"containerRecommendations": [_recommended(each, number) for each in containers]},
        }
    metadata = maker.metadata(
        name, namespace, api_version=_VERSION, generation=1, annotations=applied("VerticalPodAutoscaler", name)
    )
    return {"metadata": metadata, "spec": spec, "status": status}


def _recommended(container: str, number: int) -> Object:
    """As the recommender writes it: CPU in thousandths, memory in bytes."""
    return {
        "containerName": container,
        "target": {"cpu": f"{25 + number}m", "memory": "262144k"},
        "lowerBound": {"cpu": "25m", "memory": "262144k"},
        "upperBound": {"cpu": f"{300 + number}m", "memory": "1073741824"},
        "uncappedTarget": {"cpu": f"{20 + number}m", "memory": "131072k"},
    }
