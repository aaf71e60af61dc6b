"""The least that reading a list can cost: urllib3, which reads the pages and throws them away."""

from __future__ import annotations

import tempfile

import msgspec
import urllib3
from page_server import LIMIT, Served


class _Meta(msgspec.Struct):
    continue_: str = msgspec.field(default="", name="continue")


def pool(served: Served) -> urllib3.HTTPSConnectionPool:
    """Connections to the server; one is made."""
    host, _, port = served.host.partition(":")
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(served.ca)
        file.flush()
        made = urllib3.HTTPSConnectionPool(host, int(port or 443), ca_certs=file.name, cert_reqs="CERT_REQUIRED")
        made.request("GET", "/version", headers=bearer(served))
    return made


def bearer(served: Served) -> dict[str, str]:
    """The header that says who asks."""
    return {"Authorization": f"Bearer {served.token}"}


def throw_away(served: Served, path: str) -> int:
    """Reads all pages of a list and keeps nothing; returns how many bytes they had."""
    size, token, there = 0, "", pool(served)
    while True:
        url = f"{path}?limit={LIMIT}" + (f"&continue={token}" if token else "")
        body = there.request("GET", url, headers=bearer(served)).data
        size += len(body)
        head = msgspec.json.decode(body[: body.index(b',"items"')] + b"}", type=dict[str, msgspec.Raw])
        token = msgspec.json.decode(head["metadata"], type=_Meta).continue_
        if not token:
            return size
