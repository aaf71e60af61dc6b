"""Simulated API servers answer like a real one (v1.36), by its recorded answers."""

from __future__ import annotations

import base64
import json
import re
import uuid
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
from kubernetes.client import models
from replay import RECORDINGS, items, recording

from job.simulator import Simulator, simulate

EVERYTHING = sorted(path.stem for path in RECORDINGS.glob("*.json"))
"""Each recording is tested below."""

NAMESPACE = ("/namespaces/odd-shapes/", "/namespaces/team-00/")
"""The fleet does not have the recorded cluster's namespace of unusual objects; a team's namespace replaces it."""

UNRECORDED = {"date", "server"}
"""Headers that are not recorded: every server sends the first, aiohttp adds the second."""
OF_LENGTH = {"content-length", "transfer-encoding"}
"""An answer has one of these, depending on its size."""
CHUNKED_FROM = 2048
DIGEST, UID = '"[0-9A-F]{128}"', "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
OF_FORM = {"etag": DIGEST, "x-kubernetes-pf-flowschema-uid": UID, "x-kubernetes-pf-prioritylevel-uid": UID}
"""Headers whose values have the form of the recorded ones."""

MAPS = {  # keys that hold data, not fields
    "labels", "annotations", "matchLabels", "nodeSelector", "fieldsV1", "requests", "limits", "default",
    "defaultRequest", "capacity", "allocatable", "hard", "used",
}  # fmt: skip
EITHER = ("maxSurge", "currentMetrics")
"""Fields of two types, one of which is recorded: number or percentage, list or null."""
NOT_ALWAYS = (
    # Fields of all recorded objects that are optional on a real server.
    # Optional in a pod's spec:
    "volumeMounts[].readOnly", "resources.requests", "livenessProbe.httpGet", "readinessProbe.httpGet",
    "securityContext.allowPrivilegeEscalation", "securityContext.runAsUser", "securityContext.runAsNonRoot",
    "securityContext.fsGroup", "securityContext.seccompProfile", "spec.tolerations", "capabilities.add",
    "containers[].volumeMounts", "metadata.annotations",
    # absent from a Deployment with the strategy Recreate:
    "strategy.rollingUpdate",
    # absent from a failed Job:
    "status.completionTime", "status.succeeded",
    # absent from a subject that is a ServiceAccount:
    "subjects[].apiGroup",
    # an alternative to `maxUnavailable`:
    "spec.minAvailable",
    # absent from a Service of type ExternalName:
    "spec.ports", "spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy",
    "spec.internalTrafficPolicy",
    # Optional in Ingresses, NetworkPolicies, volumes and classes, of which few were recorded:
    "spec.ingressClassName", "ports[].endPort", "spec.storageClassName", "spec.claimRef", "spec.csi",
    "spec.nodeAffinity", "items[].allowedTopologies",
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """An answer as received."""

    status: int
    headers: Mapping[str, str]
    sent: bytes

    @property
    def body(self) -> bytes:
        return zlib.decompress(self.sent, 31) if self.headers.get("content-encoding") == "gzip" else self.sent

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Cluster:
    """A client of one simulated cluster."""

    simulator: Simulator
    name: str

    def ask(self, request: dict[str, Any], path: str | None = None) -> Answer:
        """Sends a recorded request as the same user; `path` replaces its path, for tokens of the simulator."""
        headers = {name: self._header(value) for name, value in request["headers"].items() if value != "<none>"}
        port = self.simulator.clusters[self.name]
        authority = self.simulator.directory / "cluster-0-ca.pem"
        with urllib3.PoolManager(ca_certs=str(authority), retries=False) as pool:
            answer = pool.request(
                request["method"],
                f"https://127.0.0.1:{port}{(path or request['path']).replace(*NAMESPACE)}",
                headers=headers,
                body=json.dumps(request["body"]) if request["body"] else None,
                decode_content=False,
            )
        return Answer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)

    def pages(self, request: dict[str, Any]) -> Iterator[Answer]:
        """All pages of the list in a recorded request."""
        path = re.sub("&continue=.*", "", request["path"])
        answer = self.ask(request, path)
        yield answer
        while following := answer.json["metadata"].get("continue"):
            answer = self.ask(request, f"{path}&continue={following}")
            yield answer

    def _header(self, value: str) -> str:
        for user, file in (("<admin>", "kubectl-token"), ("<viewer>", "viewer-token")):
            value = value.replace(user, (self.simulator.directory / file).read_text())
        return value


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with simulate(clusters=1, pods=150, plain=True) as simulator:
        yield Cluster(simulator, next(iter(simulator.clusters)))


@pytest.mark.parametrize("name", EVERYTHING)
def test_the_simulator_answers_like_the_real_server(name: str, cluster: Cluster) -> None:
    recorded = recording(name)
    answer = answer_to(name, recorded["request"], cluster)
    assert answer.status == recorded["response"]["status"]
    assert_same_headers(answer, recorded["response"])
    if answer.status >= 400:
        assert answer.body.decode() == refusal(name, recorded["response"]["body"], answer)
    elif name.startswith(("discovery.", "review.")):
        assert untimed(recorded_groups(answer.json)) == untimed(granted(name, json.loads(recorded["response"]["body"])))
    else:
        real = json.loads(recorded["response"]["body"])
        if name.startswith(("pods.", "ok.")):  # one page has too few pods to show which fields are optional
            real["items"] = items("pods.whole.gzip")
        assert_same_form(answer.json, real)


MORE_GROUPS = {
    "agones.dev", "core.strimzi.io", "leaderworkerset.x-k8s.io", "sparkoperator.k8s.io", "autoscaling.k8s.io",
}  # fmt: skip
"""Groups of custom resources that the simulator serves and the recorded server does not."""


def recorded_groups(document: dict[str, Any]) -> dict[str, Any]:
    """A discovery document without those groups."""
    for key in ("items", "groups"):
        if key in document:
            names = [each.get("name") or each.get("metadata", {}).get("name") for each in document[key]]
            kept = [each for each, found in zip(document[key], names, strict=True) if found not in MORE_GROUPS]
            document = document | {key: kept}
    return document


def answer_to(name: str, request: dict[str, Any], cluster: Cluster) -> Answer:
    """The simulator's answer to a recorded request; for a later page, from its own list."""
    if name == "error.410.expired-continue":
        return cluster.ask(request, f"/api/v1/pods?limit=3&continue={expired_token(cluster, request)}")
    if number := re.search(r"\.page(\d)$", name):
        pages = list(cluster.pages(request))
        is_last = "continue" not in json.loads(recording(name)["response"]["body"])["metadata"]
        return pages[-1 if is_last else int(number[1]) - 1]
    return cluster.ask(request)


def expired_token(cluster: Cluster, request: dict[str, Any]) -> str:
    """The token of a list that started before a change and a compaction."""
    first = next(cluster.pages(request))
    cluster.simulator.create(cluster.name, "leases", {"metadata": {"name": uuid.uuid4().hex, "namespace": "default"}})
    cluster.simulator.compact(cluster.name)
    return str(first.json["metadata"]["continue"])


def assert_same_headers(answer: Answer, real: dict[str, Any]) -> None:
    assert answer.headers.keys() - UNRECORDED - OF_LENGTH == real["headers"].keys() - OF_LENGTH
    for name, value in answer.headers.items():
        if name in OF_FORM:
            assert re.fullmatch(OF_FORM[name], value)
            assert re.fullmatch(OF_FORM[name], real["headers"][name])
        elif name not in UNRECORDED | OF_LENGTH:
            assert (name, value) == (name, real["headers"][name])
    size = real.get("compressed_bytes", len(real["body"].encode()))
    assert ("transfer-encoding" in real["headers"]) == (size > CHUNKED_FROM)
    assert ("transfer-encoding" in answer.headers) == (len(answer.sent) > CHUNKED_FROM)


def refusal(name: str, real: str, answer: Answer) -> str:
    """The expected error, byte for byte: the recorded one, with the simulator's own token."""
    if name != "error.410.expired-continue":
        return real
    made, recorded = answer.json["metadata"]["continue"], json.loads(real)["metadata"]["continue"]
    assert token(made).keys() == token(recorded).keys()
    assert (token(made)["v"], token(made)["rv"]) == (token(recorded)["v"], token(recorded)["rv"])
    return real.replace(recorded, made)


def granted(name: str, real: Any) -> Any:
    """The expected review: the recorded one, except that the admin of a simulated cluster can only read.

    Nobody can change anything in a simulated cluster, and gke-inventory never needs to.
    """
    if name == "review.admin.rules":
        real["status"]["resourceRules"][0]["verbs"] = ["get", "list"]
        assert real["status"]["nonResourceRules"].pop(0) == {"verbs": ["*"], "nonResourceURLs": ["*"]}
    return real


def untimed(value: Any) -> Any:
    for entry in value.get("metadata", {}).get("managedFields", ()):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", entry.pop("time"))
    return value


def assert_same_form(simulated: Any, real: Any) -> None:
    """The same envelope, and objects with the fields and types of the real server."""
    assert list(simulated) == list(real)
    assert kinds(simulated) == kinds(real)
    assert simulated.get("metadata", {}).keys() == real.get("metadata", {}).keys()
    assert list(differences([simulated], [real])) == []
    if "items" in simulated:
        assert bool(simulated["items"]) == bool(real["items"])
        versions = [int(item["metadata"]["resourceVersion"]) for item in simulated["items"]]
        assert all(version <= int(simulated["metadata"]["resourceVersion"]) for version in versions)
    assert_published(simulated)


def kinds(body: Any) -> set[tuple[str | None, ...]]:
    """Kind and apiVersion of the body and of its items, where they have them."""
    return {tuple(value.get(key) for key in ("kind", "apiVersion")) for value in (body, *body.get("items", ()))}


def differences(simulated: list[Any], real: list[Any], path: str = "") -> Iterator[str]:
    """Differences of values at one path: types that no real value has, and fields that only the real values have."""
    types = {type(value).__name__ for value in simulated} - {type(value).__name__ for value in real}
    if types and not path.endswith(EITHER):
        yield f"{path} is {', '.join(sorted(types))}"
    if path.rpartition(".")[2] in MAPS:
        return
    objects, real_objects = ([value for value in values if isinstance(value, dict)] for values in (simulated, real))
    if objects and real_objects:
        missing = set.intersection(*map(set, real_objects)) - set.intersection(*map(set, objects))
        yield from (f"{path}.{key} is missing" for key in missing if not f"{path}.{key}".endswith(NOT_ALWAYS))
        for key in set.union(*map(set, objects)) & set.union(*map(set, real_objects)):
            values, real_values = ([each[key] for each in all_ if key in each] for all_ in (objects, real_objects))
            yield from differences(values, real_values, f"{path}.{key}")
    listed, real_listed = (
        [item for value in values if isinstance(value, list) for item in value] for values in (simulated, real)
    )
    if listed and real_listed:
        yield from differences(listed, real_listed, f"{path}[]")


def assert_published(body: Any) -> None:
    """All fields and types match Kubernetes' published schema, by the strict models of the official client.

    For custom resources, only their metadata has a schema.
    """
    if "kind" not in body:
        models.VersionInfo.model_validate(body)
    elif body["kind"] in ("RolloutList", "PartialObjectMetadataList"):
        for item in body["items"]:
            models.V1ObjectMeta.model_validate(item["metadata"])
    else:
        version = body["apiVersion"].rpartition("/")[2].capitalize()
        getattr(models, f"{version}{body['kind']}").model_validate(body)


# Paged lists

PAGED = {
    "pods": "/api/v1/pods?limit=12",
    "one namespace": "/api/v1/namespaces/team-00/pods?limit=7",
    "secrets' metadata": "/api/v1/secrets?limit=2",
    "custom resources": "/apis/argoproj.io/v1alpha1/rollouts?limit=1",
    "cluster-scoped": "/api/v1/nodes?limit=5",
}
ADMIN = {"method": "GET", "headers": {"Accept": "application/json", "Authorization": "Bearer <admin>"}, "body": None}


def assert_whole(pages: list[Any]) -> None:
    """All pages have one version and a correct count of remaining items; items are sorted and unique."""
    assert len(pages) > 1
    assert len({page["metadata"]["resourceVersion"] for page in pages}) == 1
    following = [page["metadata"].get("continue") or None for page in pages]
    assert None not in following[:-1]
    assert following[-1] is None
    assert len(set(following)) == len(pages)
    counts = [len(page["items"]) for page in pages]
    assert len(set(counts[:-1])) == 1
    remaining = [page["metadata"].get("remainingItemCount") for page in pages]
    assert remaining == [*(sum(counts[number:]) for number in range(1, len(pages))), None]
    keys = [key(item) for page in pages for item in page["items"]]
    assert keys == sorted(set(keys))


def test_the_recorded_pages_form_one_list() -> None:
    """`assert_whole` holds for the real server too."""
    assert_whole([json.loads(recording(f"pods.page{number}")["response"]["body"]) for number in range(1, 5)])
    assert_whole(
        [json.loads(recording(f"metadata-only.secrets.page{number}")["response"]["body"]) for number in (1, 2)]
    )


@pytest.mark.parametrize("path", PAGED.values(), ids=PAGED)
def test_pages_form_one_list(path: str, cluster: Cluster) -> None:
    request = {**ADMIN, "path": path}
    if "secrets" in path:
        request = recording("metadata-only.secrets.page1")["request"]
    pages = [page.json for page in cluster.pages(request)]
    assert_whole(pages)
    whole = cluster.ask(request, request["path"].partition("?")[0]).json
    assert [item for page in pages for item in page["items"]] == whole["items"]


def test_all_pages_show_the_objects_at_the_start_of_the_list(cluster: Cluster) -> None:
    path, existing = "/api/v1/namespaces/kube-public/configmaps?limit=1", "kube-public/kube-root-ca.crt"
    cluster.simulator.create(cluster.name, "configmaps", {"metadata": {"name": "zz-last", "namespace": "kube-public"}})
    pages = cluster.pages({**ADMIN, "path": path})
    seen = [next(pages).json]
    cluster.simulator.delete(cluster.name, "configmaps", "kube-public/zz-last")
    cluster.simulator.create(cluster.name, "configmaps", {"metadata": {"name": "zz-later", "namespace": "kube-public"}})
    seen += [page.json for page in pages]
    assert_whole(seen)
    assert [key(item) for page in seen for item in page["items"]] == [existing, "kube-public/zz-last"]
    now = cluster.ask({**ADMIN, "path": path.partition("?")[0]}).json
    assert [key(item) for item in now["items"]] == [existing, "kube-public/zz-later"]


def test_the_fresh_token_of_an_expired_list_continues_with_current_objects(cluster: Cluster) -> None:
    path = "/api/v1/namespaces/default/secrets?limit=2"
    for name in ("b", "c", "d", "e"):
        cluster.simulator.create(cluster.name, "secrets", {"metadata": {"name": name, "namespace": "default"}})
    first = cluster.ask({**ADMIN, "path": path})
    old = first.json["metadata"]["continue"]
    for name in ("a", "ca", "f"):  # before, on and after the remaining pages
        cluster.simulator.create(cluster.name, "secrets", {"metadata": {"name": name, "namespace": "default"}})
    cluster.simulator.delete(cluster.name, "secrets", "default/d")
    cluster.simulator.compact(cluster.name)
    expired = cluster.ask({**ADMIN, "path": f"{path}&continue={old}"})
    assert (expired.status, expired.json["reason"]) == (410, "Expired")
    fresh = expired.json["metadata"]["continue"]
    assert token(fresh)["start"] == token(old)["start"].removeprefix("/")
    second = cluster.ask({**ADMIN, "path": f"{path}&continue={fresh}"}).json
    third = cluster.ask({**ADMIN, "path": f"{path}&continue={second['metadata']['continue']}"}).json
    assert_whole([second, third])
    assert [[item["metadata"]["name"] for item in page["items"]] for page in (first.json, second, third)] == [
        ["b", "c"],
        ["ca", "e"],
        ["f"],
    ]
    assert int(second["metadata"]["resourceVersion"]) > int(first.json["metadata"]["resourceVersion"])


def test_a_list_with_a_selector_has_no_count_of_remaining_items(cluster: Cluster) -> None:
    path = "/api/v1/pods?limit=2&labelSelector=app.kubernetes.io/part-of%3Dshop"
    assert cluster.ask({**ADMIN, "path": path}).json["metadata"].keys() == {"resourceVersion", "continue"}


def key(item: Any) -> str:
    """The sort key of an object in a list."""
    namespace, name = item["metadata"].get("namespace"), item["metadata"]["name"]
    return f"{namespace}/{name}" if namespace else name


def token(encoded: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


# Content negotiation

METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/json", (200, "ConfigMapList")),
        ("*/*", (200, "ConfigMapList")),
        (f"{METADATA};v=v1", (200, "PartialObjectMetadataList")),
        (f"{METADATA};v=v1,application/json", (200, "PartialObjectMetadataList")),
        (f"application/json, {METADATA};v=v1;q=0.5", (200, "ConfigMapList")),
        (f"{METADATA};v=1", (406, "Status")),
        (f"{METADATA};v=1,application/json", (200, "ConfigMapList")),
        (f"{TABLE},application/json", (200, "ConfigMapList")),  # the simulator offers no tables
        ("text/html", (406, "Status")),
    ],
)
def test_the_first_acceptable_form_is_sent(accept: str, form: tuple[int, str], cluster: Cluster) -> None:
    headers = ADMIN["headers"] | {"Accept": accept}
    answer = cluster.ask({**ADMIN, "headers": headers}, "/api/v1/namespaces/kube-system/configmaps")
    assert (answer.status, answer.json["kind"]) == form


def test_unchanged_discovery_answers_304(cluster: Cluster) -> None:
    request = recording("discovery.aggregated.apis")["request"]
    first = cluster.ask(request)
    request["headers"]["If-None-Match"] = first.headers["etag"]
    again = cluster.ask(request)
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert "content-type" not in again.headers  # kubectl would apply it to its cached document


@pytest.mark.parametrize("text", ["é", "%00", "abc", "!!!!", "a" * 300])
def test_a_malformed_continue_token_is_refused(cluster: Cluster, text: str) -> None:
    answer = cluster.ask({**ADMIN, "path": f"/api/v1/pods?limit=3&continue={quote(text, safe='%')}"})
    assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
    assert "continue key is not valid" in answer.json["message"]
