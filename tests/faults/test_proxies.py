"""Whole runs through proxies: each connection to an API server goes through the one that the environment names."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from faults.cases import WEB
from faults.fleet import NEWEST, Ended, Fleet
from proxies import Proxy, http_proxy, socks5_proxy

Run = Callable[[str, str], Ended]


@pytest.fixture
def run(fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs with a variable. Of the fleet's servers, those of clusters alone speak HTTPS."""
    fleet.configure(clusters={"include": [WEB]}, timeouts={"retry_seconds": 1.0})

    def run_with(variable: str, value: str) -> Ended:
        monkeypatch.setenv(variable, value)
        ended = fleet.run(monkeypatch, capsys)
        assert "p@ss" not in ended.out + ended.err
        assert "p%40ss" not in ended.out + ended.err
        return ended

    return run_with


def outcomes(fleet: Fleet) -> set[tuple[str, str | None]]:
    """Outcome and reason of each list of the cluster, of the kinds that it serves and that are on."""
    served = "outcome <> 'off' AND coalesce(reason, '') <> 'NotServed'"
    sql = f"SELECT outcome, reason FROM collections WHERE cluster = 'web-1' AND {served} AND {NEWEST}"
    return set(fleet.query(sql))


def messages(fleet: Fleet) -> str:
    return str(fleet.query(f"SELECT DISTINCT message FROM collections WHERE cluster = 'web-1' AND {NEWEST}"))


def server(fleet: Fleet) -> str:
    return f"127.0.0.1:{fleet.simulator.clusters[WEB]}"


@pytest.mark.parametrize(
    ("proxy", "variable", "value"),
    [
        (http_proxy(login="user:p@ss"), "HTTPS_PROXY", "http://user:p%40ss@{}"),
        (http_proxy(login="user:p@ss"), "https_proxy", "user:p%40ss@{}"),
        (http_proxy(), "ALL_PROXY", "{}"),
        (socks5_proxy(), "HTTPS_PROXY", "socks5://{}"),
        (socks5_proxy(login="user:p@ss"), "all_proxy", "socks5h://user:p%40ss@{}"),
    ],
    ids=["with a password", "without a scheme", "for all", "SOCKS", "SOCKS with a password"],
)
@pytest.mark.siblings(2)
def test_a_cluster_is_read_through_the_proxy(
    fleet: Fleet, run: Run, proxy: AbstractContextManager[Proxy], variable: str, value: str
) -> None:
    with proxy as running:
        assert run(variable, value.format(running.address)).exit_code == 0
    assert outcomes(fleet) == {("ok", None)}
    assert server(fleet) in running.targets


@pytest.mark.parametrize(
    ("proxy", "value", "words"),
    [
        (http_proxy(login="user:right"), "http://user:p%40ss@{}", "407 Proxy Authentication Required"),
        (http_proxy(login="user:right"), "http://{}", "407 Proxy Authentication Required"),
        (socks5_proxy(login="user:right"), "socks5://user:p%40ss@{}", "SOCKS5 authentication failed"),
        (socks5_proxy(login="user:right"), "socks5://{}", "SOCKS5"),
    ],
    ids=["wrong password", "no password", "SOCKS, wrong password", "SOCKS, no password"],
)
@pytest.mark.siblings(2)
def test_a_proxy_that_refuses_is_told_in_its_words(
    fleet: Fleet, run: Run, proxy: AbstractContextManager[Proxy], value: str, words: str
) -> None:
    with proxy as running:
        assert run("HTTPS_PROXY", value.format(running.address)).exit_code == 3
    assert outcomes(fleet) == {("unreachable", "Proxy")}
    assert words in messages(fleet)
    assert "p@ss" not in messages(fleet)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.siblings(2)
def test_a_proxy_that_is_not_there_is_told(fleet: Fleet, run: Run, scheme: str) -> None:
    with http_proxy() as gone:
        pass
    assert run("HTTPS_PROXY", f"{scheme}://user:p%40ss@{gone.address}").exit_code == 3
    assert outcomes(fleet) == {("unreachable", "Proxy")}


@pytest.mark.parametrize("excluded", ["127.0.0.0/8", "127.0.0.1", "*"])
@pytest.mark.siblings(2)
def test_no_proxy_connects_directly(fleet: Fleet, run: Run, monkeypatch: pytest.MonkeyPatch, excluded: str) -> None:
    monkeypatch.setenv("NO_PROXY", f"example.com, {excluded}")
    with http_proxy() as running:
        assert run("HTTPS_PROXY", f"http://{running.address}").exit_code == 0
    assert running.targets == []


@pytest.mark.parametrize("value", ["gopher://user:p%40ss@proxy", "http://user:p@ss:word@proxy:port"])
@pytest.mark.siblings(2)
def test_what_is_no_proxy_ends_the_run_before_it_begins(run: Run, value: str) -> None:
    ended = run("HTTPS_PROXY", value)
    assert ended.exit_code == 2
    assert "HTTPS_PROXY: the value is not the address of a proxy" in ended.err
    assert "word" not in ended.err.replace("password", "")
