"""Image references, split into their parts as https://pkg.go.dev/github.com/distribution/reference splits them.

Container runtimes use that parser: what it refuses cannot run, and has no parts here.
"""

from __future__ import annotations

import re

import msgspec

from job.kinds.parts.caches import bounded_cache

_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_DOMAIN = rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
# the registered algorithms of https://pkg.go.dev/github.com/opencontainers/go-digest, each with its length
_DIGEST = r"sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128}"
_REFERENCE = re.compile(rf"({_DOMAIN})/({_COMPONENT}(?:/{_COMPONENT})*)(?::({_TAG}))?(?:@({_DIGEST}))?")
_IS_DIGEST = re.compile(_DIGEST).fullmatch
_IS_IDENTIFIER = re.compile(r"[0-9a-f]{64}").fullmatch
_MAX_REPOSITORY_LENGTH = 255


class Image(msgspec.Struct, frozen=True, gc=False):
    """The parts of an image reference. All are None if the text is not a reference."""

    registry: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None


class RunningImage(msgspec.Struct, frozen=True, gc=False):
    """What a container status's `imageID` says. At most one is set."""

    digest: str | None = None
    """The digest of the manifest, which pins an image."""
    id: str | None = None
    """The digest of the image's configuration. It is never equal to the digest of a manifest."""


@bounded_cache(maxsize=2048)
def parse_image(reference: str | None) -> Image:
    """The parts of an image reference. Docker Hub's defaults are filled in, and the tag is not.

    >>> parse_image("nginx")
    Image(registry='docker.io', repository='library/nginx', tag=None, digest=None)
    >>> parse_image("localhost:5000/shop/web:v1")
    Image(registry='localhost:5000', repository='shop/web', tag='v1', digest=None)
    """
    if not reference or _IS_IDENTIFIER(reference):
        return Image()
    registry, slash, rest = reference.partition("/")
    if not slash:
        registry, rest = "docker.io", f"library/{reference}"
    elif registry == "index.docker.io":
        registry = "docker.io"
    elif registry != "localhost" and not ("." in registry or ":" in registry or registry != registry.lower()):
        registry, rest = "docker.io", reference
    if registry == "docker.io" and "/" not in rest:
        rest = f"library/{rest}"
    found = _REFERENCE.fullmatch(f"{registry}/{rest}")
    return Image(*found.groups()) if found and len(found[2]) <= _MAX_REPOSITORY_LENGTH else Image()


@bounded_cache(maxsize=2048)
def running_image(image_id: str | None) -> RunningImage:
    """What an `imageID` says: a reference with the manifest's digest, or the bare id of the configuration.

    >>> running_image("docker://sha256:" + "0123456789abcdef" * 4).digest
    """
    if not image_id:
        return _UNKNOWN
    text = image_id.rpartition("://")[2]  # dockershim wrote docker:// and docker-pullable://
    if _IS_DIGEST(text):
        return RunningImage(id=text)
    return RunningImage(digest=parse_image(text).digest)


_UNKNOWN = RunningImage()
