"""Errors of Google's APIs as JSON (`google.rpc.Status`), which the layers in front of an API server send too.

https://google.aip.dev/193 and https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
"""

from __future__ import annotations

import re

import msgspec

from job.wire.decoders import decoder
from job.wire.meta import NOT_DECODABLE, Wire


class GoogleError(Wire, frozen=True):
    """The error, and what its details say."""

    message: str = ""
    status: str = ""
    """Name of the canonical code: `PERMISSION_DENIED`, ..."""
    reason: str = ""
    """Of the `ErrorInfo`: `SERVICE_DISABLED`, ..."""
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    """Of the `ErrorInfo`, such as `consumer` and `permission`."""
    retry_delay: float = 0.0
    """Seconds, of the `RetryInfo`."""
    older_reason: str = ""
    """Of the first of `errors`, which some APIs send: `accessNotConfigured`, ..."""


class _Detail(Wire, frozen=True):
    type: str = msgspec.field(default="", name="@type")
    reason: str | None = None
    metadata: dict[str, str] | None = None
    retry_delay: str | None = None


class _Legacy(Wire, frozen=True):
    reason: str | None = None


class _Error(Wire, frozen=True):
    message: str | None = None
    status: str | None = None
    details: list[msgspec.Raw] | None = None
    errors: list[_Legacy] | None = None


class _Envelope(Wire, frozen=True):
    error: _Error


_ENVELOPE = decoder(_Envelope)
_ENVELOPES = decoder(list[_Envelope])  # of methods that stream
_DETAIL = decoder(_Detail)
_DURATION = re.compile(r"(\d{1,6}(?:\.\d{1,9})?)s")


def google_error(body: memoryview) -> GoogleError | None:
    """The error in this body; None where it is no `google.rpc.Status`."""
    try:
        error = _ENVELOPE.decode(body).error
    except NOT_DECODABLE:
        try:
            error = _ENVELOPES.decode(body)[0].error
        except (*NOT_DECODABLE, IndexError):
            return None
    if error.message is None and error.status is None:
        return None
    reason, metadata, retry_delay = "", {}, 0.0
    for detail in _details(error):
        if detail.type.endswith("/google.rpc.ErrorInfo") and not reason:
            reason, metadata = detail.reason or "", detail.metadata or {}
        elif detail.type.endswith("/google.rpc.RetryInfo") and (found := _DURATION.fullmatch(detail.retry_delay or "")):
            retry_delay = float(found[1])
    older_reason = next((found.reason for found in error.errors or () if found.reason), "")
    return GoogleError(error.message or "", error.status or "", reason, metadata, retry_delay, older_reason)


def _details(error: _Error) -> list[_Detail]:
    """The details that can be decoded: each type has fields of its own."""
    found = []
    for raw in error.details or ():
        try:
            found.append(_DETAIL.decode(raw))
        except NOT_DECODABLE:
            continue
    return found
