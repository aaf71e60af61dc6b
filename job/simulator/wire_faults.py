"""Faults in the body of an answer, and in its transmission."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from aiohttp import web

from job.simulator.faults import Fault

_CHUNK_BYTES = 2048  # Go's server buffers this much before it decides on a Content-Length, and sends chunks of it


def spoil(body: bytes, fault: Fault) -> bytes:
    """The body, changed by the fault."""
    if fault.kind == "invalid_json":
        return body[: len(body) // 2]
    if fault.kind == "two_tokens":
        version = json.loads(body)["metadata"]["resourceVersion"]
        return body.rstrip()[:-1] + b',"metadata":{"resourceVersion":"%s"}}' % version.encode()
    change = _CHANGES.get(fault.kind)
    if change is None:
        return body
    page = json.loads(body)
    if "items" in page:
        change(page, fault)
    depth = int(fault.options.get("depth", 100_000))
    return (
        json.dumps(page, separators=(",", ":"))
        .encode()
        .replace(_BAD_BYTE, b"\xff")
        .replace(_DEEP, b"[" * depth + b"]" * depth)
    )


_BAD_BYTE, _DEEP = b"~bad byte~", b'"~deep~"'
"""Placeholders for text that `json.dumps` cannot write."""


async def send(
    request: web.BaseRequest, status: int, headers: dict[str, str], body: bytes, fault: Fault | None
) -> web.StreamResponse:
    """Sends the answer, with the fault in its transmission."""
    if fault is not None:
        if status == 200 and (transmit := _TRANSMISSIONS.get(fault.kind)) is not None:
            return await transmit(request, headers, body, fault)
        headers, body = _encoded(headers, body, fault)
    if fault is not None and fault.kind == "interim" and request.transport is not None:
        request.transport.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")  # bypasses aiohttp, which does not send this
    if len(body) <= _CHUNK_BYTES:
        return web.Response(status=status, headers=headers, body=body)
    response = web.StreamResponse(status=status, headers=headers)
    response.enable_chunked_encoding()
    await response.prepare(request)
    if request.method != "HEAD":
        for start in range(0, len(body), _CHUNK_BYTES):
            await response.write(body[start : start + _CHUNK_BYTES])
    return response


def _encoded(headers: dict[str, str], body: bytes, fault: Fault) -> tuple[dict[str, str], bytes]:
    """The answer with a Content-Encoding that is wrong or unusual, if the fault is one of these."""
    encode = _ENCODINGS.get(fault.kind)
    if encode is None:
        return headers, body
    plain = gzip.decompress(body) if headers.get("Content-Encoding") == "gzip" else body
    return headers | {"Content-Encoding": "br" if fault.kind == "wrong_encoding" else "gzip"}, encode(plain)


def _truncated(body: bytes) -> bytes:
    compressed = gzip.compress(body)
    return compressed[: len(compressed) // 2]


def _with_wrong_checksum(body: bytes) -> bytes:
    compressed = bytearray(gzip.compress(body))
    compressed[-8] ^= 1
    return bytes(compressed)


def _in_members(body: bytes) -> bytes:
    half = len(body) // 2
    return gzip.compress(body[:half]) + gzip.compress(body[half:])


_ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "truncate_gzip": _truncated,
    "corrupt_gzip": lambda body: body,
    "gzip_checksum": _with_wrong_checksum,
    "gzip_trailer": lambda body: gzip.compress(body) + b"more than the body",
    "gzip_members": _in_members,
    "wrong_encoding": lambda body: body,
}


async def _cut(request: web.BaseRequest, headers: dict[str, str], body: bytes, fault: Fault) -> web.StreamResponse:
    response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    await asyncio.sleep(float(fault.options.get("seconds", 0)))
    if request.transport is not None:
        request.transport.abort()
    return response


async def _trickle(request: web.BaseRequest, headers: dict[str, str], body: bytes, fault: Fault) -> web.StreamResponse:
    if fault.options.get("headers"):
        text = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
        return await _write(request, _parts(text, fault))
    response = web.StreamResponse(headers={**headers, "Content-Length": str(len(body))})
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):  # the client gave up
        for part in _parts(body, fault):
            await response.write(part)
            await asyncio.sleep(1)
    return response


def _parts(text: bytes, fault: Fault) -> Iterator[bytes]:
    """The text in parts, one for each second."""
    rate = int(fault.options.get("rate", 1))
    return (text[start : start + rate] for start in range(0, len(text), rate))


async def _frame_wrongly(
    request: web.BaseRequest,
    headers: dict[str, str],  # noqa: ARG001
    body: bytes,
    fault: Fault,
) -> web.StreamResponse:
    length = b"Content-Length: %d\r\n\r\n" % (len(body) // 2)
    if fault.kind == "bad_chunk":
        length = b"Transfer-Encoding: chunked\r\n\r\n-5\r\n"
    return await _write(request, [b"HTTP/1.1 200 OK\r\n" + length + body])


async def _write(request: web.BaseRequest, parts: Iterable[bytes]) -> web.StreamResponse:
    """Sends headers and body, one part a second, and hangs up. Bypasses aiohttp, which sends headers at once."""
    for part in parts:
        if request.transport is None or request.transport.is_closing():
            break
        request.transport.write(part)
        await asyncio.sleep(1)
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _send_padded(
    request: web.BaseRequest, headers: dict[str, str], body: bytes, fault: Fault
) -> web.StreamResponse:
    """Sends the body with white space in the middle, chunk by chunk, without holding it all in memory."""
    chunk, count = b" " * (1 << 20), int(fault.options.get("bytes", 200_000_000)) >> 20
    at = body.index(b'"items":') + len(b'"items":')
    parts = [body[:at], chunk, body[at:]]
    if fault.options.get("gzip"):
        parts = [gzip.compress(part) for part in parts]  # gzip streams can be concatenated
        headers |= {"Content-Encoding": "gzip"}
    if fault.options.get("content_length"):
        headers |= {"Content-Length": str(len(parts[0]) + len(parts[1]) * count + len(parts[2]))}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    with contextlib.suppress(ConnectionError):  # the client gave up
        await response.write(parts[0])
        for _ in range(count):
            await response.write(parts[1])
        await response.write(parts[2])
    return response


_TRANSMISSIONS = {
    "big_page": _send_padded,
    "reset": _cut,
    "slow": _trickle,
    "bad_chunk": _frame_wrongly,
    "desync": _frame_wrongly,
}


def _wrong_kind(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001 (all changes have one signature)
    page["kind"] = "EndpointsList"


def _missing_continue(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    page["metadata"].pop("continue", None)


def _naive_time(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    if page["items"]:
        page["items"][0]["metadata"]["creationTimestamp"] = "2026-01-02T03:04:05"


def _nameless(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    if page["items"]:
        page["items"][0]["metadata"]["name"] = ""


def _null_items(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    page["items"] = None


def _wrong_type(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    if page["items"]:
        page["items"][0]["metadata"]["labels"] = {"number": 1}


def _null_lists(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    page["items"] = [_without_lists(item) for item in page["items"]]


def _without_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_lists(inner) for key, inner in value.items()}
    return None if isinstance(value, list) else value


def _invalid_utf8(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    if page["items"]:
        page["items"][0]["metadata"]["labels"] = {"text": _BAD_BYTE.decode()}


def _deep(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    if page["items"]:
        page["items"][0]["fromTheFuture"] = json.loads(_DEEP)


def _unknown_fields(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    for item in page["items"]:
        item["fromTheFuture"] = {"deep": [1, {"er": None}]}
        item.setdefault("spec", {})["fromTheFuture"] = True


def _unknown_kind(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    owner = {"apiVersion": "future.example.com/v1", "kind": "Flock", "name": "f", "uid": "f-1", "controller": True}
    for item in page["items"]:
        item["metadata"]["ownerReferences"] = [owner]


def _duplicate_uid(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    page["items"] += page["items"][-1:]


def _big_object(page: dict[str, Any], fault: Fault) -> None:
    if page["items"]:
        text = "x" * int(fault.options.get("bytes", 20 << 20))
        members = "labels" if fault.options.get("label") else "annotations"
        page["items"][0]["metadata"].setdefault(members, {})["big"] = text


def _many_restarts(page: dict[str, Any], fault: Fault) -> None:  # noqa: ARG001
    for item in page["items"][:1]:
        for container in item["status"].get("containerStatuses", []):
            container["restartCount"] = 2**63 - 1


_CHANGES = {
    "wrong_kind": _wrong_kind,
    "missing_continue": _missing_continue,
    "naive_time": _naive_time,
    "nameless": _nameless,
    "null_items": _null_items,
    "null_lists": _null_lists,
    "wrong_type": _wrong_type,
    "invalid_utf8": _invalid_utf8,
    "deep": _deep,
    "unknown_fields": _unknown_fields,
    "unknown_kind": _unknown_kind,
    "duplicate_uid": _duplicate_uid,
    "big_object": _big_object,
    "many_restarts": _many_restarts,
}
