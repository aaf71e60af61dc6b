"""Continue tokens: of which version of the store a paged list is, and where it goes on."""

from __future__ import annotations

import base64
import json
import re

_LATEST = -1  # goes on with whatever there is by then


class InvalidTokenError(ValueError):
    """Not a continue token; the message is the real server's."""


def token(version: int | None, after: str) -> str:
    """What `read` takes apart; without a version it goes on inconsistently, with the newest."""
    start = f"{after}\u0000" if version is None else f"/{after}\u0000"
    told = {"v": "meta.k8s.io/v1", "rv": _LATEST if version is None else version, "start": start}
    text = json.dumps(told, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(encoded: str) -> tuple[int | None, str]:
    """The version, None for the newest, and the key to go on after.

    Raises:
        InvalidTokenError: as https://github.com/kubernetes/apiserver/blob/master/pkg/storage/continue.go
    """
    try:
        text = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("latin-1")
    except ValueError as error:
        strange = re.search(r"[^A-Za-z0-9_-]", encoded)
        at = strange.start() if strange else len(encoded)
        raise InvalidTokenError(f"continue key is not valid: illegal base64 data at input byte {at}") from error
    try:
        told = json.loads(text)
        version, start = int(told["rv"]), str(told["start"])
    except (ValueError, KeyError, TypeError) as error:
        first = text[:1] if text[:1].isprintable() else f"\\u{ord(text[0]):04x}"
        why = f"invalid character '{first}' looking for beginning of value" if text else "unexpected end of JSON input"
        raise InvalidTokenError(f"continue key is not valid: {why}") from error
    return None if version == _LATEST else version, start.removeprefix("/").rstrip("\u0000")
