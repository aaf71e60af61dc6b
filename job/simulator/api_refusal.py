"""A Google API's refusal of a request, over gRPC and over REST: https://google.aip.dev/193"""

from __future__ import annotations

from typing import Any

import grpc
from aiohttp import web
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

_HTTP = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "INVALID_ARGUMENT": 400, "UNAVAILABLE": 503}


class ApiRefusedError(Exception):
    """The API refuses a request.

    Args:
        code: of gRPC.
        reason: of the `ErrorInfo`, which a refusal without one lacks.
    """

    def __init__(self, code: str, message: str, reason: str = "", **metadata: str) -> None:
        super().__init__(message)
        self.code, self.message, self.reason, self.metadata = code, message, reason, metadata


async def abort(context: Any, error: ApiRefusedError, domain: str) -> None:
    """Ends a gRPC call with the refusal."""
    code = grpc.StatusCode[error.code]
    if not error.reason:
        await context.abort(code, error.message)
    rich = status_pb2.Status(code=code.value[0], message=error.message)
    rich.details.add().Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=domain, metadata=error.metadata))
    await context.abort(code, error.message, rpc_status.to_status(rich).trailing_metadata)


def over_rest(error: ApiRefusedError, domain: str) -> web.Response:
    """The refusal as an HTTP response."""
    info: dict[str, Any] = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": error.reason}
    info |= {"domain": domain, "metadata": error.metadata}
    status = _HTTP[error.code]
    body = {"code": status, "message": error.message, "status": error.code}
    return web.json_response({"error": body | ({"details": [info]} if error.reason else {})}, status=status)
