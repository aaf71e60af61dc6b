"""The proxy of a connection: from the environment, as curl and kubectl read it."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

from job.errors import ConfigError

_SCHEMES = ("http", "https", "socks5", "socks5h")
_VARIABLES = ("https_proxy", "all_proxy", "http_proxy")


@dataclass(frozen=True)
class Proxy:
    """A proxy."""

    url: str
    """Without user and password."""
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS."""
        return self.url.startswith("socks")

    @property
    def headers(self) -> dict[str, str]:
        """What a request to the proxy itself carries."""
        if self.user is None:
            return {}
        login = base64.b64encode(f"{self.user}:{self.password or ''}".encode()).decode()
        return {"Proxy-Authorization": f"Basic {login}"}


def proxy_for(host: str, port: int = 443) -> Proxy | None:
    """The proxy of HTTPS connections to a host; None where the environment has none, or `NO_PROXY` names the host.

    Raises:
        ConfigError: the environment has something else than a proxy's address.
    """
    environment = getproxies_environment()
    key = "https" if "https" in environment else "all"
    if key not in environment or is_excluded(host, port, environment.get("no", "")):
        return None
    return parse_proxy(f"{key}_proxy".upper(), environment[key])


def check_proxies(environment: MutableMapping[str, str] = os.environ) -> None:
    """Rejects addresses of proxies that no client could use, before one quotes them with their password.

    Adds the scheme that they may lack: requests, through which tokens and BigQuery go, takes a user for a scheme.

    Raises:
        ConfigError: naming the variable.
    """
    for name, value in list(environment.items()):
        if name.lower() in _VARIABLES and value.strip():
            parse_proxy(name, value)
            environment[name] = _with_scheme(value)


def parse_proxy(variable: str, value: str) -> Proxy:
    """The proxy that a variable names; without a scheme, it is an HTTP proxy.

    >>> parse_proxy("HTTPS_PROXY", "proxy.example.com:3128")
    Proxy(url='http://proxy.example.com:3128', user=None)
    >>> parse_proxy("HTTPS_PROXY", "socks5://me:p%40ss@10.0.0.1:1080")
    Proxy(url='socks5://10.0.0.1:1080', user='me')

    Raises:
        ConfigError: without the value, which may have a password.
    """
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    text = _with_scheme(value)
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
        parse_url(text)
    except (ValueError, LocationParseError):
        host = port = None
    if not host or url.scheme not in _SCHEMES:
        raise ConfigError(
            f"{variable}: the value is not the address of a proxy, such as http://proxy.example.com:3128 or "
            "socks5://proxy.example.com:1080; write special characters of a user or password as %XX"
        ) from None
    address = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    user = None if url.username is None else unquote(url.username)
    return Proxy(f"{url.scheme}://{address}", user, None if url.password is None else unquote(url.password))


def _with_scheme(value: str) -> str:
    text = value.strip()
    return text if "://" in text else f"http://{text}"


def is_excluded(host: str, port: int, no_proxy: str) -> bool:
    """Whether `NO_PROXY` names a host: `*`, a name and all below it, an address, or a network, each with a port or not.

    >>> [is_excluded("10.1.2.3", 443, text) for text in ("10.0.0.0/8", "10.1.2.3:443", "10.1.2.3:8443", "*")]
    [True, True, False, True]
    >>> [is_excluded("a.example.com", 443, text) for text in ("example.com", ".example.com", "ample.com, b", "")]
    [True, True, False, False]
    """
    return any(_names(entry, host.strip("[]").lower().rstrip("."), port) for entry in re.split(r"[,\s]+", no_proxy))


_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:]*):([0-9]{1,5})")


def _names(entry: str, host: str, port: int) -> bool:
    if entry == "*":
        return True
    if found := _WITH_PORT.fullmatch(entry):
        if int(found[2]) != port:
            return False
        entry = found[1]
    entry = entry.strip("[]").lower()
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        name = entry.removeprefix("*").strip(".")
        return bool(name) and (host == name or host.endswith(f".{name}"))
    try:
        return address in ipaddress.ip_network(entry, strict=False)
    except ValueError:
        return False
