"""Proxies from the environment: which connections go through them, and with which password."""

from __future__ import annotations

import base64

import pytest
from proxies import http_proxy

from job.config import ApiEndpoints, Config, Timeouts
from job.connect.identity import default_identity
from job.connect.proxies import Proxy, check_proxies, is_excluded, parse_proxy, proxy_for
from job.discover.container_api import container_client
from job.discover.projects import clusters_in
from job.errors import ConfigError

VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://a:1"}, "http://a:1"),
        ({"https_proxy": "http://a:1"}, "http://a:1"),
        ({"https_proxy": "http://a:1", "HTTPS_PROXY": "http://b:2"}, "http://a:1"),
        ({"ALL_PROXY": "socks5h://a:1"}, "socks5h://a:1"),
        ({"all_proxy": "a:1"}, "http://a:1"),
        ({"HTTPS_PROXY": "http://a:1", "ALL_PROXY": "http://b:2"}, "http://a:1"),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://a:1"}, None),
        ({"HTTPS_PROXY": " a "}, "http://a"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128/"}, "http://[fd00::1]:3128"),
        ({"HTTPS_PROXY": "http://a:1", "NO_PROXY": "other.test,10.0.0.0/8"}, None),
        ({"HTTPS_PROXY": "http://a:1", "no_proxy": "10.0.0.0/9", "NO_PROXY": "*"}, "http://a:1"),
    ],
)
def test_the_variables_are_those_of_curl_and_kubectl(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for("10.200.0.1")
    assert (found and found.url) == url


@pytest.mark.parametrize(
    ("value", "proxy", "login"),
    [
        ("http://me:p%40ss@a:1", Proxy("http://a:1", "me", "p@ss"), "me:p@ss"),
        ("me:secret@a:1", Proxy("http://a:1", "me", "secret"), "me:secret"),
        ("https://me@a", Proxy("https://a", "me", None), "me:"),
        ("http://m%3Ae:%C3%A4%25@a:1", Proxy("http://a:1", "m:e", "ä%"), "m:e:ä%"),
    ],
)
def test_user_and_password_are_decoded(value: str, proxy: Proxy, login: str) -> None:
    found = parse_proxy("HTTPS_PROXY", value)
    assert found == proxy
    assert found.headers == {"Proxy-Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"}
    assert str(proxy.password) not in repr(found)


@pytest.mark.parametrize(
    "value",
    ["ftp://me:hunter2@a", "http://me:hunter2@", "http://me:hunter2@a:port", "http://me:hun/ter2@a", "://hunter2"],
)
def test_what_is_no_proxy_is_refused_without_its_password(value: str) -> None:
    with pytest.raises(ConfigError, match="ALL_PROXY: the value is not the address of a proxy") as refused:
        check_proxies({"ALL_PROXY": value})
    assert "hun" not in str(refused.value)


@pytest.mark.parametrize(
    ("host", "port", "no_proxy", "excluded"),
    [
        ("gke.example.com", 443, "example.com", True),
        ("gke.example.com", 443, ".example.com", True),
        ("gke.example.com", 443, "*.example.com", True),
        ("gke.example.com", 443, "GKE.example.com.", True),
        ("gke.example.com", 443, "other.test example.com", True),
        ("gke.example.com", 443, "example.com:443", True),
        ("gke.example.com", 443, "example.com:8443", False),
        ("gke.example.com", 443, "ample.com", False),
        ("gke.example.com", 443, "10.0.0.0/8", False),
        ("gke.example.com", 443, ".,,", False),
        ("10.1.2.3", 443, "10.1.2.3", True),
        ("10.1.2.3", 443, "10.1.2.0/24", True),
        ("10.1.2.3", 443, "10.1.2.77/24", True),
        ("10.1.2.3", 6443, "10.1.2.3:6443", True),
        ("10.1.2.3", 443, "10.1.3.0/24", False),
        ("10.1.2.3", 443, "3", False),
        ("fd00::5", 443, "fd00::/8", True),
        ("[fd00::5]", 443, "fd00::5", True),
        ("fd00::5", 443, "[fd00::5]:443", True),
        ("fd00::5", 443, "[fd00::5]:8443", False),
        ("anything", 1, "*", True),
    ],
)
def test_no_proxy_names_hosts_networks_and_ports(host: str, port: int, no_proxy: str, excluded: bool) -> None:
    assert is_excluded(host, port, no_proxy) is excluded


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_gke_api_is_asked_through_the_proxy_and_its_refusal_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object, variable: str
) -> None:
    from google.oauth2.credentials import Credentials

    from job.connect.identity import Identity

    with http_proxy(login="me:right") as proxy:
        monkeypatch.setenv(variable, f"me:wrong@{proxy.address}")
        check_proxies()
        identity = Identity(Credentials("token"))  # type: ignore[no-untyped-call]
        with container_client(Config(api_endpoints=ApiEndpoints()), identity) as client:
            collection = clusters_in("shop-prod", lambda: client, Timeouts(retry_seconds=0.5)).collection
    assert proxy.requests[0].startswith(b"CONNECT container.googleapis.com:443 ")
    assert (collection.outcome, collection.reason) == ("unreachable", "Proxy")
    assert "407 Proxy Authentication Required" in str(collection.message)
    assert "wrong" not in str(collection)


def test_a_malformed_proxy_is_refused_before_any_token_is_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://me:hunter2@a")
    with pytest.raises(ConfigError, match="HTTPS_PROXY"):
        default_identity()
