"""The APIs of Kubernetes that are removed, or will be, as the file beside this one lists them.

It has all of the Deprecated API Migration Guide (https://kubernetes.io/docs/reference/using-api/deprecation-guide/)
and, since the guide lags behind, beta APIs whose removal Kubernetes' own source names.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec


class DeprecatedApi(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a kind that API servers stop serving."""

    group: str
    version: str
    kind: str
    resource: str
    """Its plural name in URLs."""
    removed_in: str
    """The first Kubernetes version, such as `1.32`, whose API servers do not serve it."""
    replacement: str | None
    """The API version to use, such as `apps/v1`: one that lasts if the kind has one. None if nothing replaces it."""

    @property
    def api_version(self) -> str:
        """As objects name it: `batch/v1beta1`."""
        return f"{self.group}/{self.version}"


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text that says when APIs are removed."""

    text: str
    """Its address, at one commit. The guide's is that of a translation, which has the English text as comments."""
    read_on: str
    """The day on which each of its entries was compared with it."""
    apis: tuple[DeprecatedApi, ...]


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sources: tuple[Source, ...]


@cache
def sources() -> tuple[Source, ...]:
    """The file, read once."""
    text = (files(__package__) / "deprecated_apis.json").read_bytes()
    return msgspec.json.decode(text, type=_File).sources


def deprecated_apis() -> tuple[DeprecatedApi, ...]:
    """All that the sources name."""
    return tuple(api for source in sources() for api in source.apis)


def minor_of(version: str) -> int:
    """The minor version of a Kubernetes version.

    >>> minor_of("1.32"), minor_of("v1.36.2"), minor_of("1.33.6-gke.1011000")
    (32, 36, 33)
    """
    return int(version.removeprefix("v").split(".")[1])


def as_text() -> str:
    """All of them in one text of SQL, which takes engines less time to read than an array of structs: for each its API
    version, kind, version of the removal and replacement, with commas between them.
    """
    words = ((api.api_version, api.kind, api.removed_in, api.replacement) for api in deprecated_apis())
    return "'{}'".format(",".join(" ".join(filter(None, each)) for each in words))
