"""Makes pod templates with a fake secret in every place that can hold one; none of them may leak."""

from __future__ import annotations

from job.simulator.metadata import Maker, Object

SHA = "sha256:{:064x}"
_IMAGES = (
    "europe-docker.pkg.dev/{project}/apps/{name}:v1.{minor}.{patch}",
    "gcr.io/{project}/{name}@{digest}",
    "registry.example.com:5000/team/{name}:2026-{minor:02d}@{digest}",
    "nginx:1.27",
    "redis",
    "quay.io/prometheus/node-exporter:v1.9.{patch}",
)
_RESOURCES: tuple[Object, ...] = (
    {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}},
    {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    {"requests": {"cpu": "0.5", "memory": "1e8"}},
    {
        "requests": {"cpu": "1500m", "memory": "1.5Gi", "ephemeral-storage": "2G"},
        "limits": {"cpu": "2", "memory": "2Gi"},
    },
    {"limits": {"cpu": "500m", "memory": "128974848"}},
    {},
    {"requests": {"cpu": "1500u", "memory": "64M"}, "limits": {"memory": "128M", "ephemeral-storage": "1Ti"}},
)
_TPU = {"requests": {"google.com/tpu": "4"}, "limits": {"google.com/tpu": "4"}}
_GPU = {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi", "nvidia.com/gpu": "1"}}
_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}


def template(maker: Maker, name: str, number: int, *, gpu: bool = False, tpu: bool = False) -> Object:
    """The pod template of the workload with this name; its number selects the variant."""
    labels = {"app": name, "app.kubernetes.io/part-of": "shop", **({"tier": ""} if number % 5 == 3 else {})}
    annotations = {"checksum/config": f"{maker.draw.getrandbits(256):064x}", "canary": "CANARY-template-annotation"}
    app = _app(maker, name, number)
    if gpu:
        app["resources"] = _GPU
    if tpu:
        app["resources"] = _TPU
    containers = [app, *([_container(maker, "proxy", number + 1)] if number % 3 == 0 else [])]
    spec: Object = {
        "volumes": _volumes(name, number),
        "containers": containers,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": name,
        "serviceAccount": name,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}} if number % 2 else {},
        "schedulerName": "default-scheduler",
    }
    if number % 4 == 0 or gpu:
        key = "nvidia.com/gpu" if gpu else "cloud.google.com/gke-spot"
        spec["tolerations"] = [{"key": key, "operator": "Exists", "effect": "NoSchedule"}]
    if number % 4 == 2:
        spread = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "ScheduleAnyway"}
        spec["topologySpreadConstraints"] = [spread | {"labelSelector": {"matchLabels": {"app": name}}}]
    if number % 5 == 2:
        ssd = {"matchExpressions": [{"key": "cloud.google.com/gke-boot-disk", "operator": "In", "values": ["pd-ssd"]}]}
        preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 10, "preference": ssd}]}
        spec |= {"affinity": {"nodeAffinity": preferred}, "imagePullSecrets": [{"name": "registry"}]}
    if number % 4 == 1:
        sidecar = _container(maker, "log-shipper", number + 2) | {"restartPolicy": "Always"}
        spec["initContainers"] = [_container(maker, "migrate", number + 3), sidecar]
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": spec}


def odd_template(maker: Maker, name: str, number: int) -> Object:
    """A pod template with what the Pod Security Standards forbid, or resources that are counted in an unusual way."""
    found = template(maker, name, number)
    spec, container, annotations = _ODD[(maker.cluster.number + number) % len(_ODD)]
    found["metadata"]["annotations"] |= {key.format(name=name): value for key, value in annotations.items()}
    whole = found["spec"]
    first, *others = whole["containers"]
    volumes = [*whole["volumes"], *spec.get("volumes", ())]
    return found | {"spec": {**whole, **spec, "volumes": volumes, "containers": [first | container, *others]}}


_ORDINARY = {
    "allowPrivilegeEscalation": False, "runAsNonRoot": True, "runAsUser": 1000, "capabilities": {"drop": ["ALL"]},
}  # fmt: skip
_SYSCTLS = [{"name": "net.core.somaxconn", "value": "1024"}, {"name": "net.ipv4.tcp_syncookies", "value": "1"}]
_SELINUX = {"user": "system_u", "type": "spc_t", "level": "s0"}
_AMOUNTS = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "2", "memory": "2Gi"}}
_ZERO = {"requests": {"cpu": "0", "memory": "0"}, "limits": {"cpu": "0", "memory": "0"}}
_ODD: tuple[tuple[Object, Object, Object], ...] = (  # additions to the spec, its first container and the annotations
    (
        {"hostNetwork": True, "hostPID": True, "hostIPC": True},
        {
            "ports": [{"name": "http", "containerPort": 8080, "hostPort": 8080, "protocol": "TCP"}],
            "securityContext": {"privileged": True, "procMount": "Unmasked"},
        },
        {},
    ),
    (
        {
            "securityContext": {"seLinuxOptions": _SELINUX, "sysctls": _SYSCTLS, "runAsUser": 0},
            "volumes": [
                {"name": "root", "hostPath": {"path": "/", "type": ""}},
                {"name": "share", "nfs": {"server": "nfs.example.com", "path": "/CANARY-export"}},
            ],
        },
        {
            "securityContext": {
                "capabilities": {"add": ["SYS_ADMIN", "CHOWN"]},
                "seccompProfile": {"type": "Unconfined"},
            }
        },
        {"container.apparmor.security.beta.kubernetes.io/{name}": "unconfined"},
    ),
    (
        {
            "os": {"name": "windows"},
            "nodeSelector": {"kubernetes.io/os": "windows"},
            "hostNetwork": True,
            "securityContext": {"windowsOptions": {"hostProcess": True, "runAsUserName": "NT AUTHORITY\\SYSTEM"}},
        },
        {"securityContext": {"windowsOptions": {"runAsUserName": "ContainerUser", "hostProcess": False}}},
        {},
    ),
    (
        {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "resources": _AMOUNTS,
        },
        {"securityContext": _ORDINARY, "resources": {}},
        {},
    ),
    ({}, {"resources": _ZERO, "securityContext": _ORDINARY | {"appArmorProfile": {"type": "RuntimeDefault"}}}, {}),
)


def _app(maker: Maker, name: str, number: int) -> Object:
    path = {"path": "/ready", "port": "http", "scheme": "HTTP"}
    ready = {"grpc": {"port": 9090, "service": ""}} if number % 7 == 6 else {"httpGet": path}
    return _container(maker, name, number) | {
        "command": ["/app", "CANARY-command"],
        "args": ["--password=CANARY-argument"],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "envFrom": [{"secretRef": {"name": "database", "optional": True}}],
        "env": [
            {"name": "PASSWORD", "value": "CANARY-env-value"},
            {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "database", "key": "password"}}},
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}},
        ],
        "volumeMounts": [
            {"name": "config", "readOnly": True, "mountPath": "/etc/app"},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
        "livenessProbe": {"exec": {"command": ["check", "CANARY-probe-command"]}, "initialDelaySeconds": 10, **_PROBE},
        "readinessProbe": ready | _PROBE | {"periodSeconds": 5},
        "lifecycle": {"preStop": {"exec": {"command": ["drain", "CANARY-hook-command"]}}},
        "securityContext": _PRIVILEGED if number % 6 == 0 else {"allowPrivilegeEscalation": False},
    }


_PRIVILEGED = {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}, "privileged": True, "runAsUser": 0}


def _container(maker: Maker, name: str, number: int) -> Object:
    image = _IMAGES[number % len(_IMAGES)].format(
        project=maker.cluster.project,
        name=name,
        minor=number % 12 + 1,
        patch=number % 5,
        digest=SHA.format(maker.draw.getrandbits(256)),
    )
    return {
        "name": name,
        "image": image,
        "resources": _RESOURCES[number % len(_RESOURCES)],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "IfNotPresent",
    }


def _volumes(name: str, number: int) -> list[Object]:
    volumes: list[Object] = [
        {"name": "config", "configMap": {"name": f"{name}-config", "defaultMode": 420}},
        {"name": "tmp", "emptyDir": {}},
    ]
    if number % 3 == 1:
        volumes.append({"name": "tls", "secret": {"secretName": "tls", "defaultMode": 420}})
    return volumes
