"""Errors in BigQuery's JSON: https://cloud.google.com/bigquery/docs/error-messages"""

from __future__ import annotations

from typing import Any

from aiohttp import web

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}
# HTTP statuses of job failure reasons; all others have 400.
_CODES = {
    "accessDenied": 403, "quotaExceeded": 403, "rateLimitExceeded": 403, "notFound": 404, "duplicate": 409,
    "backendError": 503, "internalError": 500, "jobBackendError": 400, "notImplemented": 501,
}  # fmt: skip


class ApiError(Exception):
    """An error answer of the API."""

    def __init__(self, code: int, reason: str, message: str, *, location: str | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.location = code, reason, message, location
        self.details: list[dict[str, str]] = []
        """Additional entries for a job's `errors`, after its `errorResult`."""

    def proto(self) -> dict[str, str]:
        """The error as the `ErrorProto` of a job."""
        return {
            "reason": self.reason,
            **({"location": self.location} if self.location else {}),
            "message": self.message,
        }

    def response(self) -> web.Response:
        """The error as an HTTP answer."""
        error: dict[str, Any] = {"message": self.message, "domain": "global", "reason": self.reason}
        if self.location:
            error |= {"location": self.location, "locationType": "other"}
        body = {
            "code": self.code,
            "message": self.message,
            "errors": [error],
            "status": _STATUS.get(self.code, "UNKNOWN"),
        }
        return web.json_response({"error": body}, status=self.code)


def of_job(proto: dict[str, str]) -> ApiError:
    """The answer to a request for the results of a failed job."""
    code = _CODES.get(proto["reason"], 400)
    return ApiError(code, proto["reason"], proto["message"], location=proto.get("location"))


def not_found(what: str, name: str, *, location: str | None = None) -> ApiError:
    """404: `Not found: Table p:d.t`, with the location if given."""
    place = f" was not found in location {location}" if location else ""
    return ApiError(404, "notFound", f"Not found: {what} {name}{place}", location=name if location else None)


def duplicate(what: str, name: str) -> ApiError:
    """409: `Already Exists: Table p:d.t`."""
    return ApiError(409, "duplicate", f"Already Exists: {what} {name}")


def invalid(message: str, *, reason: str = "invalid", location: str | None = None) -> ApiError:
    """400: the request is invalid."""
    return ApiError(400, reason, message, location=location)


def invalid_query(message: str) -> ApiError:
    """400: the query is invalid."""
    return invalid(message, reason="invalidQuery", location="query")


def not_implemented(what: str) -> ApiError:
    """501: BigQuery supports this and the simulator does not."""
    return ApiError(501, "notImplemented", f"The simulator does not implement {what}")
