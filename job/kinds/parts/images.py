"""Image references, split into their parts."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

# The grammar of https://pkg.go.dev/github.com/distribution/reference, the parser of container runtimes
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?")
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}")


class Image(msgspec.Struct, frozen=True, gc=False):
    """The parts of an image reference. All are None if the text is not a reference."""

    registry: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None


@lru_cache(maxsize=2048)
def parse_image(reference: str | None) -> Image:
    """The parts of an image reference. Docker Hub's defaults are filled in, and the tag is not.

    >>> parse_image("nginx")
    Image(registry='docker.io', repository='library/nginx', tag=None, digest=None)
    >>> parse_image("localhost:5000/shop/web:v1")
    Image(registry='localhost:5000', repository='shop/web', tag='v1', digest=None)
    """
    if not reference:
        return Image()
    rest, at, digest = reference.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return Image()
    head, slash, last = rest.rpartition("/")
    last, colon, tag = last.partition(":")
    if not last or (colon and not _TAG.fullmatch(tag)):
        return Image()
    registry, _, path = (head + slash + last).partition("/")
    if not path or not ("." in registry or ":" in registry or registry == "localhost" or registry != registry.lower()):
        registry, path = "docker.io", head + slash + last
    if registry == "index.docker.io":
        registry = "docker.io"
    if registry == "docker.io" and "/" not in path:
        path = f"library/{path}"
    if not _REGISTRY.fullmatch(registry) or not _REPOSITORY.fullmatch(path):
        return Image()
    return Image(registry, path, tag or None, digest or None)


@lru_cache(maxsize=2048)
def digest_of(image_id: str | None) -> str | None:
    """The digest in a container status's `imageID`, which is a reference or the digest itself.

    >>> digest_of("docker.io/library/nginx@sha256:0123456789abcdef0123456789abcdef")
    'sha256:0123456789abcdef0123456789abcdef'
    """
    if not image_id:
        return None
    _, at, digest = image_id.rpartition("@")
    digest = digest if at else image_id.rpartition("/")[2]
    return digest if _DIGEST.fullmatch(digest) else None
