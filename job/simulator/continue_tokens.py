"""Continue tokens: which version of the store a paged list reads, and after which key its next page starts."""

from __future__ import annotations

import base64
import json
import re

_LATEST = -1  # continues with the newest version


class InvalidTokenError(ValueError):
    """The text is not a continue token; the message is the real server's."""


def token(version: int | None, after: str) -> str:
    """A token for `read`. Without a version, the list continues inconsistently, with the newest."""
    start = f"{after}\u0000" if version is None else f"/{after}\u0000"
    fields = {"v": "meta.k8s.io/v1", "rv": _LATEST if version is None else version, "start": start}
    text = json.dumps(fields, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read(encoded: str) -> tuple[int | None, str]:
    """The version (None for the newest) and the key after which the next page starts.

    Raises:
        InvalidTokenError: the token is malformed, by the rules of https://github.com/kubernetes/apiserver/blob/master/pkg/storage/continue.go
    """
    try:
        text = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode("latin-1")
    except ValueError as error:
        illegal = re.search(r"[^A-Za-z0-9_-]", encoded)
        at = illegal.start() if illegal else len(encoded)
        raise InvalidTokenError(f"continue key is not valid: illegal base64 data at input byte {at}") from error
    try:
        fields = json.loads(text)
        version, start = int(fields["rv"]), str(fields["start"])
    except (ValueError, KeyError, TypeError) as error:
        first = text[:1] if text[:1].isprintable() else f"\\u{ord(text[0]):04x}"
        why = f"invalid character '{first}' looking for beginning of value" if text else "unexpected end of JSON input"
        raise InvalidTokenError(f"continue key is not valid: {why}") from error
    return None if version == _LATEST else version, start.removeprefix("/").rstrip("\u0000")
