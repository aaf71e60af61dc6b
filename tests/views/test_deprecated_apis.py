"""The file of removed APIs, held to what a real API server and the official client's release of Kubernetes have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from kubernetes import __version__ as client_version
from kubernetes import client
from replay import recording

from job.views.deprecated_apis import as_text, deprecated_apis, minor_of, sources

API_MODULES = Path(client.__file__).parent / "api"
Served = tuple[str, str, str]
"""Group, version and plural name."""


def recorded() -> Iterator[Served]:
    """What a real API server serves, by its aggregated discovery."""
    for name in ("discovery.aggregated.core", "discovery.aggregated.apis"):
        for group in json.loads(recording(name)["response"]["body"])["items"]:
            for version in group["versions"]:
                for each in version["resources"]:
                    yield group["metadata"].get("name", ""), version["version"], each["resource"]


def of_client() -> Iterator[Served]:
    """What the release of Kubernetes serves from whose OpenAPI document the official client is made."""
    for api in API_MODULES.glob("*_api.py"):  # as text: the modules take seconds to import
        for path in re.findall(r"'/(apis?/[^']+)'", api.read_text()):
            if found := re.fullmatch(r"(?:apis/([^/]+)|api)/(v\w+)/(?:namespaces/\{namespace\}/)?([a-z]+)", path):
                yield found[1] or "", found[2], found[3]


RELEASES = {
    "recorded": (minor_of(json.loads(recording("version")["response"]["body"])["gitVersion"]), recorded),
    "client": (int(client_version.split(".")[0]), of_client),  # 36.0.1 is made from Kubernetes 1.36
}


@pytest.mark.parametrize("release", RELEASES)
def test_no_release_serves_what_is_removed_by_then(release: str) -> None:
    minor, found = RELEASES[release]
    served = set(found())
    assert ("apps", "v1", "deployments") in served
    removed = [api for api in deprecated_apis() if minor_of(api.removed_in) <= minor]
    assert len(removed) > 40
    assert [api for api in removed if (api.group, api.version, api.resource) in served] == []


def test_a_release_serves_what_is_removed_later_and_what_replaces_it() -> None:
    minor, found = RELEASES["client"]
    served = set(found())
    later = [api for api in deprecated_apis() if minor_of(api.removed_in) > minor]
    assert [api for api in later if (api.group, api.version, api.resource) not in served] == []
    versions = {f"{group}/{version}" for group, version, _ in served}
    gone = {api.replacement for api in deprecated_apis() if api.replacement} - versions
    assert gone == {"policy/v1beta1"}  # of PodSecurityPolicies, which were moved there before they were removed


def test_the_file_has_each_api_once_and_says_where_and_when_it_was_read() -> None:
    apis = deprecated_apis()
    assert len({(api.api_version, api.kind) for api in apis}) == len(apis)
    assert all(re.fullmatch(r"1\.\d+", api.removed_in) for api in apis)
    for source in sources():
        assert re.fullmatch(r"https://github\.com/kubernetes/\w+/blob/[0-9a-f]{40}/\S+", source.text)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", source.read_on)


def test_the_text_has_a_line_of_three_or_four_words_for_each() -> None:
    lines = as_text().strip("'").split(",")
    assert len(lines) == len(deprecated_apis())
    assert "batch/v1beta1 CronJob 1.25 batch/v1" in lines
    assert "policy/v1beta1 PodSecurityPolicy 1.25" in lines
