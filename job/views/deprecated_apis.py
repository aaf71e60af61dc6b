"""The APIs of Kubernetes that are deprecated or removed, as the file beside this one lists them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec


class DeprecatedApi(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a kind that API servers stop serving, or warn of."""

    group: str
    """Empty for the core API."""
    version: str
    kind: str
    resource: str
    """Its plural name in URLs."""
    deprecated_in: str | None
    """The first Kubernetes version, such as `1.29`, whose API servers warn of it. None where it is not known, as for
    all that are removed in 1.22 or earlier."""
    removed_in: str | None
    """The first one whose API servers do not serve it. None where no release is named."""
    replacement: str | None
    """The API version to use, such as `apps/v1`; for `Endpoints` that of EndpointSlices. None where nothing
    replaces it."""


class DeprecatedApis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: Kubernetes' Deprecated API Migration Guide, with the two core APIs that are deprecated for good."""

    source: str
    read_on: str
    """The day on which the guide was read."""
    apis: tuple[DeprecatedApi, ...]


@cache
def deprecated_apis() -> DeprecatedApis:
    """The file, read once."""
    text = (files(__package__) / "deprecated_apis.json").read_bytes()
    return msgspec.json.decode(text, type=DeprecatedApis)


def minor_of(version: str) -> int:
    """The minor version of a Kubernetes version.

    >>> minor_of("1.32"), minor_of("v1.36.2"), minor_of("1.33.6-gke.1011000")
    (32, 36, 33)
    """
    return int(version.removeprefix("v").split(".")[1])


def as_sql() -> str:
    """All of them that will be removed, as an array in BigQuery's SQL."""
    return "[{}]".format(", ".join(_struct(api) for api in deprecated_apis().apis if api.removed_in is not None))


def _struct(api: DeprecatedApi) -> str:
    removed_in = api.removed_in or ""
    replacement = f"'{api.replacement}'" if api.replacement else "CAST(NULL AS STRING)"
    return (
        f"STRUCT('{api.group}' AS api_group, '{api.version}' AS api_version, '{api.kind}' AS kind, "
        f"'{api.resource}' AS resource, '{removed_in}' AS removed_in, {minor_of(removed_in)} AS removed_in_minor, "
        f"{replacement} AS replacement)"
    )
