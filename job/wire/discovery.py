"""The documents in which an API server names the kinds that it serves, in both of their forms.

https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

import re
from typing import Annotated

import msgspec

from job.wire.decoders import decoder
from job.wire.meta import Elements, Wire

# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/: they become a part of a path
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_Text = Annotated[str, msgspec.Meta(max_length=256)]


class APIResourceKind(Wire, frozen=True):
    kind: _Text = ""


class APIResourceDiscovery(Wire, frozen=True):
    resource: _Text
    response_kind: APIResourceKind | None = None
    verbs: Elements[str] | None = None


class APIVersionDiscovery(Wire, frozen=True):
    version: _Text
    resources: Elements[APIResourceDiscovery] | None = None
    freshness: str | None = None


class GroupName(Wire, frozen=True):
    name: _Text | None = None


class APIGroupDiscovery(Wire, frozen=True):
    metadata: GroupName | None = None
    versions: Elements[APIVersionDiscovery] | None = None


class GroupVersionForDiscovery(Wire, frozen=True):
    version: _Text


class APIGroup(Wire, frozen=True):
    name: _Text = ""
    versions: Elements[GroupVersionForDiscovery] | None = None
    preferred_version: GroupVersionForDiscovery | None = None


class APIResource(Wire, frozen=True):
    name: _Text
    kind: _Text = ""
    verbs: Elements[str] | None = None


class APIResourceList(Wire, frozen=True):
    """The kinds of one version of a group."""

    resources: Elements[APIResource] | None = None


class Document(Wire, frozen=True):
    """What is at `/api` and `/apis`: all kinds, or the versions or groups whose documents name them."""

    kind: _Text = ""
    items: Elements[APIGroupDiscovery] | None = None
    """Of an APIGroupDiscoveryList: groups, versions and kinds, the preferred version of a group first."""
    groups: Elements[APIGroup] | None = None
    """Of an APIGroupList."""
    versions: Elements[_Text] | None = None
    """Of APIVersions: those of the core group."""


def is_label(text: str) -> bool:
    """Whether a name of a kind or a version may stand in a path."""
    return _LABEL.fullmatch(text) is not None


def is_subdomain(text: str) -> bool:
    """Whether the name of a group may stand in a path."""
    return _SUBDOMAIN.fullmatch(text) is not None


ACCEPT = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
"""One document with everything; servers before 1.26, and some proxies, send the older form."""
DOCUMENT, GROUP, RESOURCES = decoder(Document), decoder(APIGroup), decoder(APIResourceList)
