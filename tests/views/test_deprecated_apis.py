"""The file of deprecated APIs, held to what a real API server and the official client's release of Kubernetes have."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from kubernetes import __version__ as client_version
from kubernetes import client
from replay import recording

from job.views.deprecated_apis import deprecated_apis, minor_of


class Served(NamedTuple):
    group: str
    version: str
    resource: str
    kind: str = ""


def recorded() -> Iterator[Served]:
    """What a real API server serves, by its aggregated discovery."""
    for name in ("discovery.aggregated.core", "discovery.aggregated.apis"):
        for group in json.loads(recording(name)["response"]["body"])["items"]:
            for version in group["versions"]:
                for each in version["resources"]:
                    yield Served(
                        group["metadata"].get("name", ""), version["version"], each["resource"],
                        each["responseKind"]["kind"],
                    )  # fmt: skip


def of_client() -> Iterator[Served]:
    """What the release of Kubernetes serves from whose OpenAPI document the official client is made."""
    for name, api in inspect.getmembers(client, inspect.isclass):
        if name.endswith("Api"):
            for path in re.findall(r"'/(apis?/[^']+)'", inspect.getsource(api)):
                if found := re.fullmatch(r"(?:apis/([^/]+)|api)/(v\w+)/(?:namespaces/\{namespace\}/)?([a-z]+)", path):
                    yield Served(found[1] or "", found[2], found[3])


RELEASES = {
    "recorded": (minor_of(json.loads(recording("version")["response"]["body"])["gitVersion"]), recorded),
    "client": (int(client_version.split(".")[0]), of_client),  # 36.0.1 is made from Kubernetes 1.36
}


@pytest.mark.parametrize("release", RELEASES)
def test_no_release_serves_what_is_removed_by_then(release: str) -> None:
    minor, found = RELEASES[release]
    served = {(each.group, each.version, each.resource) for each in found()}
    assert ("apps", "v1", "deployments") in served
    removed = [api for api in deprecated_apis().apis if api.removed_in and minor_of(api.removed_in) <= minor]
    assert removed
    assert [api for api in removed if (api.group, api.version, api.resource) in served] == []


@pytest.mark.parametrize("release", RELEASES)
def test_what_replaces_a_removed_api_is_served(release: str) -> None:
    _, found = RELEASES[release]
    served = {"/".join(filter(None, (each.group, each.version))) for each in found()}
    gone = {api.replacement for api in deprecated_apis().apis if api.replacement} - served
    assert gone == {"policy/v1beta1"}  # of PodSecurityPolicies, which were moved there before they were removed


def test_each_deprecated_kind_that_a_real_server_serves_is_known() -> None:
    known = {(api.group, api.version, api.kind) for api in deprecated_apis().apis}
    found = [each for each in recorded() if is_deprecated(each)]
    assert [each.kind for each in found] == ["ComponentStatus", "Endpoints"]
    assert [each for each in found if (each.group, each.version, each.kind) not in known] == []


def is_deprecated(api: Served) -> bool:
    """Whether the official client's description of the kind says so."""
    model = getattr(client, f"{api.version.capitalize()}{api.kind}", None)
    return "This API is deprecated" in re.sub(r"\s+", " ", (model and model.__doc__) or "")


def test_the_file_has_each_api_once_in_the_order_of_its_removal() -> None:
    apis = deprecated_apis().apis
    assert len({(api.group, api.version, api.kind) for api in apis}) == len(apis)
    removals = [minor_of(api.removed_in or "1.999") for api in apis]
    assert removals == sorted(removals)
    versions = [text for api in apis for text in (api.deprecated_in, api.removed_in) if text]
    assert all(re.fullmatch(r"1\.\d+", text) for text in versions)
    assert all(minor_of(api.deprecated_in) < minor_of(api.removed_in)
               for api in apis if api.deprecated_in and api.removed_in)  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", deprecated_apis().read_on)
