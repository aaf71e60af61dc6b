"""Objects around workloads: services, ingresses, autoscalers, budgets, claims, quotas, accounts, configuration."""

from __future__ import annotations

from typing import Any

from job.simulator.metadata import Maker, Object, ago, applied, condition
from job.simulator.storage import storage_objects

Objects = dict[str, list[Object]]


class Companions:
    """Makes these objects for the workloads of one cluster."""

    def __init__(self, maker: Maker, made: Objects, namespaces: list[str], teams: list[str]) -> None:
        self._maker, self._made, self._namespaces, self._teams = maker, made, namespaces, teams

    def objects(self) -> Objects:
        """Objects by resource."""
        deployments, statefulsets = self._made["deployments"], self._made["statefulsets"]
        numbered = list(enumerate(deployments))
        claims = [
            self._claim(f"data-{workload['metadata']['name']}-{ordinal}", workload)
            for workload in statefulsets
            for ordinal in range(workload["spec"]["replicas"])
        ]
        return {
            "services": [self._kubernetes(), self._legacy()]
            + [self._service(number, workload) for number, workload in numbered]
            + [self._headless(workload) for workload in statefulsets],
            "ingresses": [self._ingress(*pair) for pair in numbered if pair[0] % 6 == 0],
            "networkpolicies": [self._deny_all(team) for team in self._teams] + [self._allow_some()],
            "horizontalpodautoscalers": [self._autoscaler(*pair) for pair in numbered if pair[0] % 3 == 0],
            "poddisruptionbudgets": [self._idle_budget()]
            + [self._budget(*pair) for pair in numbered if pair[0] % 4 == 0],
            "persistentvolumeclaims": claims,
            **storage_objects(self._maker, claims),
            "resourcequotas": [self._quota(team, number) for number, team in enumerate(self._teams)],
            "limitranges": [self._limits(team) for team in self._teams[::2]],
            "serviceaccounts": [self._account("default", namespace) for namespace in self._namespaces]
            + [self._account(each["metadata"]["name"], each["metadata"]["namespace"]) for each in deployments],
            "secrets": [self._secret(name, team) for team in self._teams for name in ("database", "tls")],
            "configmaps": [self._config("kube-root-ca.crt", namespace) for namespace in self._namespaces]
            + [
                self._config(f"{each['metadata']['name']}-config", each["metadata"]["namespace"], each["metadata"])
                for each in deployments
            ],
            "customresourcedefinitions": [self._definition(), self._refused_definition()],
        }

    def _service(self, number: int, workload: Object) -> Object:
        name, namespace = workload["metadata"]["name"], workload["metadata"]["namespace"]
        ports: list[Object] = [{"name": "http", "protocol": "TCP", "port": 80, "targetPort": "http"}]
        spec: Object = {"selector": workload["spec"]["selector"]["matchLabels"]}
        status: Object = {"loadBalancer": {}}
        annotations = applied("Service", name) | {"cloud.google.com/neg": '{"ingress": true}'}
        if number % 5 == 2:
            ports.append({"name": "grpc", "protocol": "TCP", "appProtocol": "grpc", "port": 9000, "targetPort": 9000})
            ports = [port | {"nodePort": 30000 + self._maker.draw.randrange(2768)} for port in ports]
            address = {"ip": f"34.{self._maker.draw.randrange(2, 250)}.7.{number % 250}", "ipMode": "VIP"}
            status = {"loadBalancer": {"ingress": [address]}} if number % 10 == 2 else status  # or still pending
            spec |= {"type": "LoadBalancer", "externalTrafficPolicy": "Cluster", "allocateLoadBalancerNodePorts": True}
        elif number % 7 == 3:
            ports = [port | {"nodePort": 30000 + self._maker.draw.randrange(2768)} for port in ports]
            spec |= {"type": "NodePort", "externalTrafficPolicy": "Local"}
        elif number % 5 == 1:
            annotations["networking.gke.io/load-balancer-type"] = "Internal"
            status = {"loadBalancer": {"ingress": [{"ip": f"10.132.0.{number % 250}", "ipMode": "VIP"}]}}
            spec |= {"type": "LoadBalancer", "externalTrafficPolicy": "Local", "allocateLoadBalancerNodePorts": False}
        ip = f"10.96.{self._maker.draw.randrange(256)}.{self._maker.draw.randrange(2, 255)}"
        return self._made_of("v1", name, namespace, _clustered(ip, ports) | spec, status, annotations=annotations)

    def _headless(self, workload: Object) -> Object:
        name = workload["metadata"]["name"]
        ports = [{"name": "db", "protocol": "TCP", "port": 5432, "targetPort": 5432}]
        spec = _clustered("None", ports) | {"selector": workload["spec"]["selector"]["matchLabels"]}
        return self._made_of("v1", name, workload["metadata"]["namespace"], spec, {"loadBalancer": {}})

    def _kubernetes(self) -> Object:
        ports = [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": 443}]
        labels = {"component": "apiserver", "provider": "kubernetes"}
        spec = _clustered("10.96.0.1", ports)
        return self._made_of("v1", "kubernetes", "default", spec, {"loadBalancer": {}}, labels=labels)

    def _legacy(self) -> Object:
        """An alias of an external name: no address, no ports, no selector."""
        spec = {"type": "ExternalName", "sessionAffinity": "None", "externalName": "db.legacy.example.com"}
        return self._made_of("v1", "legacy-db", self._teams[0], spec, {"loadBalancer": {}})

    def _ingress(self, number: int, workload: Object) -> Object:
        """One that GKE serves inside or outside the VPC network, or that another controller serves."""
        name, host = workload["metadata"]["name"], f"{workload['metadata']['name']}.shop.example.com"
        backend = {"service": {"name": name, "port": {"number": 80}}}
        paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
        spec: Object = {
            "tls": [{"hosts": [host], "secretName": "tls"}],
            "rules": [{"host": host, "http": {"paths": paths}}],
        }
        status = {"loadBalancer": {"ingress": [{"ip": f"35.190.0.{self._maker.draw.randrange(1, 250)}"}]}}
        annotations = applied("Ingress", name) | {"canary": "CANARY-ingress-annotation"}
        if number % 18 == 0:
            annotations["kubernetes.io/ingress.class"] = "gce-internal"
            spec["defaultBackend"] = {"service": {"name": name, "port": {"name": "http"}}}
        elif number % 18 == 6:
            spec["ingressClassName"] = "nginx"
        return self._made_of(
            "networking.k8s.io/v1",
            name,
            workload["metadata"]["namespace"],
            spec,
            status,
            annotations=annotations,
            generation=1,
        )

    def _autoscaler(self, number: int, workload: Object) -> Object:
        name, replicas = workload["metadata"]["name"], workload["spec"]["replicas"]
        cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 60}}
        metrics: list[Object] = [{"type": "Resource", "resource": cpu}]
        if number % 2:
            depth = {"metric": {"name": "queue_depth"}, "target": {"type": "AverageValue", "averageValue": "30"}}
            metrics.append({"type": "External", "external": depth})
        spec: Object = {
            "scaleTargetRef": {"kind": "Deployment", "name": name, "apiVersion": "apps/v1"},
            "minReplicas": 1,
            "maxReplicas": replicas + 10,
            "metrics": metrics,
        }
        status: Object = {"desiredReplicas": 0, "currentMetrics": None}  # until a controller has seen it
        if number % 4:
            used = cpu | {"current": {"averageUtilization": 40 + number % 50, "averageValue": "140m"}}
            del used["target"]
            is_limited = number % 9 == 3
            wanted = spec["maxReplicas"] if is_limited else replicas
            limited = ("True", "TooManyReplicas") if is_limited else ("False", "DesiredWithinRange")
            status = {
                "observedGeneration": 1,
                "lastScaleTime": ago(minutes=90),
                "currentReplicas": replicas,
                "desiredReplicas": wanted,
                "currentMetrics": [{"type": "Resource", "resource": used}],
                "conditions": [
                    condition("AbleToScale", "True", "ReadyForNewScale"),
                    condition("ScalingActive", "True", "ValidMetricFound"),
                    condition("ScalingLimited", *limited),
                ],
            }
        namespace = workload["metadata"]["namespace"]
        # from a file that is as old as the cluster
        annotations = applied("HorizontalPodAutoscaler", name, apiVersion="autoscaling/v2beta2")
        return self._made_of("autoscaling/v2", name, namespace, spec, status, annotations=annotations)

    def _budget(self, number: int, workload: Object) -> Object:
        """One that allows a disruption, or none; or one that its controller has not seen since it was changed."""
        name, replicas = workload["metadata"]["name"], workload["spec"]["replicas"]
        spec: Object = {"maxUnavailable": 1, "selector": workload["spec"]["selector"]}
        needed = max(replicas - 1, 0)
        if number % 8 == 0:
            least = "100%" if number % 24 == 0 else "50%"
            needed = replicas if number % 24 == 0 else -(-replicas // 2)
            spec = {"minAvailable": least, "selector": spec["selector"], "unhealthyPodEvictionPolicy": "AlwaysAllow"}
        return self._made_budget(
            name, workload["metadata"]["namespace"], spec, replicas, needed, 1 + (number % 20 == 4)
        )

    def _idle_budget(self) -> Object:
        """One whose selector matches no pod."""
        term = {"key": "app", "operator": "In", "values": ["gone", "moved"]}
        spec = {"maxUnavailable": 0, "selector": {"matchLabels": {"tier": "db"}, "matchExpressions": [term]}}
        return self._made_budget("idle", self._teams[0], spec, 0, 0, 1)

    def _made_budget(self, name: str, namespace: str, spec: Object, pods: int, needed: int, generation: int) -> Object:
        allowed = pods - needed
        reason = "SufficientPods" if allowed else "InsufficientPods"
        status = {
            "observedGeneration": 1,
            "disruptionsAllowed": allowed,
            "currentHealthy": pods,
            "desiredHealthy": needed,
            "expectedPods": pods,
            "conditions": [condition("DisruptionAllowed", str(bool(allowed)), reason, observedGeneration=1)],
        }
        annotations = applied("PodDisruptionBudget", name)
        return self._made_of("policy/v1", name, namespace, spec, status, annotations=annotations, generation=generation)

    def _claim(self, name: str, workload: Object) -> Object:
        spec = dict(workload["spec"]["volumeClaimTemplates"][0]["spec"])
        if self._maker.draw.random() < 0.1:
            status: Object = {"phase": "Pending"}
        else:
            spec["volumeName"] = f"pvc-{self._maker.draw.getrandbits(64):016x}"
            status = {"phase": "Bound", "accessModes": spec["accessModes"], "capacity": {"storage": "8Gi"}}
        return self._made_of(
            "v1", name, workload["metadata"]["namespace"], spec, status, labels=workload["metadata"]["labels"],
            annotations={"canary": "CANARY-claim-annotation"}, finalizers=["kubernetes.io/pvc-protection"],
        )  # fmt: skip

    def _deny_all(self, team: str) -> Object:
        return self._policy("default-deny", team, {"podSelector": {}, "policyTypes": ["Ingress"]})

    def _allow_some(self) -> Object:
        selector = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["db"]}]}
        sources = [{"namespaceSelector": {"matchLabels": {"team": self._teams[0]}}}]
        ingress = [{"from": sources, "ports": [{"protocol": "TCP", "port": 8080}]}]
        spec = {"podSelector": selector, "ingress": ingress, "egress": [{}], "policyTypes": ["Ingress", "Egress"]}
        return self._policy("allow-web", self._teams[0], spec)

    def _policy(self, name: str, namespace: str, spec: Object) -> Object:
        annotations = applied("NetworkPolicy", name)
        version = "networking.k8s.io/v1"
        return self._made_of(version, name, namespace, spec, None, annotations=annotations, generation=1)

    def _quota(self, team: str, number: int) -> Object:
        hard = {"pods": "100", "requests.cpu": "20", "requests.memory": "40Gi"}
        used = {"pods": str(number % 90), "requests.cpu": "4500m", "requests.memory": "9126805504"}
        status = {"hard": hard, "used": used} if number % 3 else {}  # empty until a controller has seen it
        spec = {"hard": hard} | ({"scopes": ["NotTerminating"]} if number % 2 else {})
        return self._made_of("v1", "team-quota", team, spec, status, annotations=applied("ResourceQuota", team))

    def _limits(self, team: str) -> Object:
        limit = {
            "type": "Container",
            "default": {"cpu": "500m", "memory": "512Mi"},
            "defaultRequest": {"cpu": "100m", "memory": "128974848"},
        }
        claims = {"type": "PersistentVolumeClaim", "max": {"storage": "500Gi"}, "min": {"storage": "1Gi"}}
        return self._made_of("v1", "defaults", team, {"limits": [limit | {"max": {"cpu": "4"}}, claims]}, None)

    def _account(self, name: str, namespace: str) -> Object:
        annotations = {}
        if name != "default":
            account = f"{name}@{self._maker.cluster.project}.iam.gserviceaccount.com"
            annotations = applied("ServiceAccount", name) | {"iam.gke.io/gcp-service-account": account}
        own: Object = {} if name == "default" else {"automountServiceAccountToken": False}
        pulls = {"imagePullSecrets": [{"name": "registry"}]} if namespace in self._teams else {}
        return {"metadata": self._maker.metadata(name, namespace, annotations=annotations), **pulls, **own}

    def _secret(self, name: str, namespace: str) -> Object:
        annotations = applied("Secret", name, stringData={"password": "CANARY-last-applied"})
        held: Object = {"finalizers": ["example.com/in-use"], "labels": {"app": "tls"}} if name == "tls" else {}
        metadata = self._maker.metadata(name, namespace, annotations=annotations, **held)
        return {"metadata": metadata, "data": {"password": "CANARYSecretData"}, "type": "Opaque"}  # also valid base64

    def _config(self, name: str, namespace: str, owner: Object | None = None) -> Object:
        more: Object = {}
        if owner:
            reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": owner["name"], "uid": owner["uid"]}
            more = {"labels": owner["labels"], "ownerReferences": [reference | {"controller": True}]}
        metadata = self._maker.metadata(name, namespace, **more)
        return {"metadata": metadata, "data": {"config.yaml": "CANARY-ConfigMap-data"}}

    def _definition(self) -> Object:
        names = {
            "plural": "rollouts",
            "singular": "rollout",
            "shortNames": ["ro"],
            "kind": "Rollout",
            "listKind": "RolloutList",
        }
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        spec = {
            "group": "argoproj.io",
            "names": names,
            "scope": "Namespaced",
            "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": schema}],
            "conversion": {"strategy": "None"},
        }
        status = {
            "conditions": [
                condition("NamesAccepted", "True", "NoConflicts"),
                condition("Established", "True", "InitialNamesAccepted"),
            ],
            "acceptedNames": names,
            "storedVersions": ["v1alpha1"],
        }
        name, version = "rollouts.argoproj.io", "apiextensions.k8s.io/v1"
        annotations = applied("CustomResourceDefinition", name)
        return self._made_of(version, name, None, spec, status, annotations=annotations, generation=1)

    def _refused_definition(self) -> Object:
        """One that is not served: another has its names. It has a deprecated version."""
        names = {
            "plural": "widgets",
            "singular": "widget",
            "shortNames": ["wd"],
            "kind": "Widget",
            "listKind": "WidgetList",
        }
        schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        spec = {
            "group": "example.com",
            "names": names,
            "scope": "Cluster",
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": schema},
                {"name": "v1beta1", "served": True, "storage": False, "deprecated": True, "schema": schema},
            ],
            "conversion": {"strategy": "None"},
        }
        status = {
            "conditions": [
                condition("NamesAccepted", "False", "PluralConflict"),
                condition("Established", "False", "NotAccepted"),
            ],
            "acceptedNames": names,
            "storedVersions": ["v1beta1", "v1"],
        }
        name, version = "widgets.example.com", "apiextensions.k8s.io/v1"
        annotations = applied("CustomResourceDefinition", name)
        return self._made_of(version, name, None, spec, status, annotations=annotations, generation=1)

    def _made_of(
        self, api_version: str, name: str, namespace: str | None, spec: Object, status: Object | None, **more: Any
    ) -> Object:
        metadata = self._maker.metadata(name, namespace, api_version=api_version, **more)
        return {"metadata": metadata, "spec": spec, **({} if status is None else {"status": status})}


def _clustered(ip: str, ports: list[Object]) -> Object:
    """A service's spec as the API server completes it."""
    return {
        "ports": ports,
        "clusterIP": ip,
        "clusterIPs": [ip],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }
