"""Whole runs of lists whose pages are large, or whose line is slow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.cases import WEB
from faults.fleet import NEWEST, Fleet
from proxies import http_proxy

from job.simulator import simulate


@pytest.fixture
def own(usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    """A fleet of one cluster, for a test that changes it."""
    with simulate(clusters=1, pods=30, plain=True) as simulator:
        for name, value in simulator.environment.items():
            monkeypatch.setenv(name, value)
        yield Fleet(simulator, tmp_path, usual)


def collected(fleet: Fleet, resource: str = "pods") -> dict[str, Any]:
    """The row of the last run's list."""
    columns = "outcome", "pages", "objects", "bytes", "received_bytes", "retries", "message"
    (row,) = fleet.query(
        f"SELECT {', '.join(columns)} FROM collections WHERE cluster = 'web-1' AND resource = '{resource}' AND {NEWEST}"
    )
    return dict(zip(columns, row, strict=True))


def add_pods(fleet: Fleet, count: int, annotation: str = "") -> int:
    """Adds pods to the cluster `web-1`; returns how many it then has."""
    (web,) = [found for found in fleet.simulator.inventory()["clusters"] if found["name"] == "web-1"]
    pods = web["objects"]["pods"]
    for number in range(count):
        metadata = pods[0]["metadata"] | {"name": f"more-{number:04d}", "uid": f"ffffffff-0000-4000-8000-{number:012d}"}
        pod = pods[0] | {"metadata": metadata | {"annotations": {"example.com/text": annotation}}}
        fleet.simulator.create(WEB, "pods", pod)
    return len(pods) + count


def test_lists_are_compressed_and_the_rows_are_the_same_without(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {}
    for compression in (True, False):
        before = len(fleet.asked())
        fleet.configure(page_limit=500, compression=compression)
        assert fleet.run(monkeypatch, capsys).exit_code == 0
        lists = [request for request in fleet.asked()[before:] if request["path"].startswith(("/api/", "/apis/"))]
        assert {request["accept_encoding"] for request in lists} == {"gzip" if compression else "identity"}
        rows = fleet.rows(where=NEWEST)
        found[compression] = rows, collected(fleet)
    (rows, packed), (same, plain) = found[True], found[False]
    assert rows == same
    assert plain | {"received_bytes": packed["received_bytes"]} == packed
    assert plain["received_bytes"] == plain["bytes"]
    assert packed["received_bytes"] < packed["bytes"] / 5


def test_pods_with_large_annotations_are_read_by_halves(
    own: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """450 pods of 240 kB are 108 MB: more than a body may have, in a page of 500."""
    pods = add_pods(own, 450, "x" * 240_000)
    own.configure(page_limit=500, timeouts={"request_seconds": 60.0})
    assert own.run(monkeypatch, capsys).exit_code == 0
    row = collected(own)
    assert (row["outcome"], row["objects"], row["retries"]) == ("ok", pods, 1)
    assert row["bytes"] > 108_000_000


def test_a_page_limit_of_10000_reads_ordinary_pods(
    own: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pods = add_pods(own, 300)
    monkeypatch.setattr("job.collect.http_reader.MAX_BODY_BYTES", 1 << 20)  # of 1.3 MB, in place of 12,000 pods
    own.configure(page_limit=10_000)
    assert own.run(monkeypatch, capsys).exit_code == 0
    row = collected(own)
    assert (row["outcome"], row["objects"]) == ("ok", pods)
    assert 1 <= row["retries"] <= 3


def test_a_line_of_80_kilobytes_a_second_is_read_in_pages_that_arrive_in_time(
    own: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The list takes more than six seconds, and a request may take three."""
    pods = add_pods(own, 60)
    with http_proxy(bytes_per_second=80_000) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.address}")
        own.configure(page_limit=10_000, compression=False, timeouts={"request_seconds": 3.0, "retry_seconds": 1.0})
        ended = own.run(monkeypatch, capsys)
    row = collected(own)
    assert row["bytes"] > 6 * 80_000, row
    assert (row["outcome"], row["objects"], ended.exit_code) == ("ok", pods, 0), row
    assert 1 <= row["retries"] <= 6
