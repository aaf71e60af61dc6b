"""Faults in the body, and on the way of it."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

from aiohttp import web

from job.simulator.faults import Fault

_CHUNKED_FROM = 2048  # bytes: what Go's server has buffered when it has to tell the length


def spoil(body: bytes, fault: Fault) -> bytes:
    """The body as the fault leaves it."""
    if fault.kind == "invalid_json":
        return body[: len(body) // 2]
    change = _CHANGES.get(fault.kind)
    if change is None:
        return body
    page = json.loads(body)
    if "items" in page:
        change(page, fault)
    return json.dumps(page).encode()


async def send(
    request: web.BaseRequest, status: int, headers: dict[str, str], body: bytes, fault: Fault | None
) -> web.StreamResponse:
    """Sends the answer, or as much of it as the fault lets through."""
    kind = fault.kind if fault else None
    if kind == "truncate_gzip":
        compressed = gzip.compress(body)
        body, headers = compressed[: len(compressed) // 2], headers | {"Content-Encoding": "gzip"}
    if fault is None or kind not in ("reset", "slow"):
        whole = web.Response(status=status, headers=headers, body=body)
        if len(body) > _CHUNKED_FROM:
            whole.enable_chunked_encoding()
        return whole
    response = web.StreamResponse(status=status, headers={**headers, "Content-Length": str(len(body))})
    await response.prepare(request)
    if kind == "reset":
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.abort()
        return response
    rate = int(fault.options.get("rate", 1))
    for start in range(0, len(body), rate):
        await response.write(body[start : start + rate])
        await asyncio.sleep(1)
    return response


def _null_items(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001 (all changes are called alike)
    page["items"] = None


def _wrong_type(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    if page["items"]:
        page["items"][0]["metadata"]["labels"] = {"number": 1}


def _unknown_fields(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    for item in page["items"]:
        item["fromTheFuture"] = {"deep": [1, {"er": None}]}
        item.setdefault("spec", {})["fromTheFuture"] = True


def _duplicate_uid(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    page["items"] += page["items"][-1:]


def _big_object(page: dict[str, Any], fault: Fault) -> None:
    if page["items"]:
        text = "x" * int(fault.options.get("bytes", 20 << 20))
        page["items"][0]["metadata"].setdefault("annotations", {})["big"] = text


_CHANGES = {
    "null_items": _null_items,
    "wrong_type": _wrong_type,
    "unknown_fields": _unknown_fields,
    "duplicate_uid": _duplicate_uid,
    "big_object": _big_object,
}
