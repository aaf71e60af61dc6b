"""BigQuery's errors, in its own JSON: https://cloud.google.com/bigquery/docs/error-messages"""

from __future__ import annotations

from typing import Any

from aiohttp import web

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(self, code: int, reason: str, message: str, *, location: str | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.location = code, reason, message, location

    def proto(self) -> dict[str, str]:
        """An `ErrorProto`, as jobs have it."""
        return {
            "reason": self.reason,
            **({"location": self.location} if self.location else {}),
            "message": self.message,
        }

    def response(self) -> web.Response:
        """The HTTP answer."""
        told: dict[str, Any] = {"message": self.message, "domain": "global", "reason": self.reason}
        body = {
            "code": self.code,
            "message": self.message,
            "errors": [told],
            "status": _STATUS.get(self.code, "UNKNOWN"),
        }
        return web.json_response({"error": body}, status=self.code)


def not_found(what: str, name: str) -> ApiError:
    """`Not found: Table p:d.t`."""
    return ApiError(404, "notFound", f"Not found: {what} {name}")


def duplicate(what: str, name: str) -> ApiError:
    """`Already Exists: Table p:d.t`."""
    return ApiError(409, "duplicate", f"Already Exists: {what} {name}")


def invalid(message: str, *, reason: str = "invalid", location: str | None = None) -> ApiError:
    """A request that cannot be carried out as it is."""
    return ApiError(400, reason, message, location=location)
