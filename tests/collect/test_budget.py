"""What one cluster may cost: its lists are refused beyond that, and other clusters are read as ever."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

import msgspec
import pytest
from made import sink_at
from replay import Replay

from job.collect import rows
from job.collect.budget import Budget, Limits
from job.collect.buffers import huge_body
from job.collect.deadlines import Deadline
from job.collect.failures import Cause, ReadFailure
from job.collect.ledger import collection_of
from job.collect.lists import ListResult
from job.collect.rows import RowBuilder
from job.collect.stats import ReadStats
from job.config import Config
from job.kinds import KINDS
from job.kinds.parts.caches import clear_caches
from job.kinds.parts.images import parse_image
from job.kinds.parts.owners import Owners
from job.kinds.parts.scope import Scope
from job.run.one_task import run
from job.sinks.duckdb import DuckDBSink
from job.spool import Spool
from job.tables import Key
from job.task import Task

KIND = {kind.resource: kind for kind in KINDS}
KEY = Key(
    snapshot_id="s", snapshot_time=datetime(2026, 1, 1, tzinfo=UTC), project_id="p", location="l", cluster="c"
)  # fmt: skip


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    found = Spool(tmp_path)
    yield found
    found.close()


def builder(spool: Spool, resource: str = "pods", deadline: Deadline | None = None, **limits: Any) -> RowBuilder:
    budget = Budget(Limits(**limits))
    options = {} if deadline is None else {"deadline": deadline}
    return RowBuilder(
        KIND[resource], Scope(Owners()), spool.segment(KEY, budget.add_spooled), budget=budget, **options
    )  # fmt: skip


def page(items: list[bytes]) -> bytes:
    return b'{"metadata":{"resourceVersion":"1"},"items":[' + b",".join(items) + b"]}"


def pod(number: int, **metadata: Any) -> bytes:
    return json.dumps({"metadata": {"name": f"p{number:06}", "uid": f"u{number}", **metadata}}).encode()


def refused(words: str) -> Any:
    return pytest.raises(ReadFailure, match=f"exceeds its budget: .*{words}")


@pytest.mark.parametrize(
    "body",
    [
        page([b"{}"] * 1001),
        page([pod(number) for number in range(1001)]),
        page([b"null"] * 1001),
        page([b"{}"] * 1001)[:-1],  # cut off
        page([b'{"a":"\\ud800"}', *[b"{}"] * 1001]),
    ],
    ids=["empty", "valid", "null", "not JSON", "surrogate"],
)
def test_a_page_of_too_many_objects_is_refused_before_python_holds_them(
    body: bytes, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_LARGE_PAGE_OBJECTS", 100)
    with refused("one page has more than 1,000 objects") as failed:
        builder(spool, page_objects=1000).add_page(body)
    assert failed.value.cause.outcome == "refused"
    assert failed.value.cause.reason == "BudgetExceeded"


def test_a_page_of_what_is_no_object_is_invalid(spool: Spool) -> None:
    with pytest.raises(ReadFailure, match="not a list of objects"):
        builder(spool, page_objects=1000).add_page(page([b"1"] * 2000))


def test_a_page_at_the_limit_is_read_whole(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_LARGE_PAGE_OBJECTS", 100)
    found = builder(spool, page_objects=1200)
    found.add_page(page([pod(number) for number in range(1199)] + [b"{}"]))
    assert (found.counts.objects, found.counts.unreadable) == (1199, ("page item 1199",))


def test_the_objects_bytes_and_rows_of_all_pages_count(spool: Spool) -> None:
    found = builder(spool, objects=150)
    found.add_page(page([pod(number) for number in range(100)]))
    with refused("more than 150 objects"):
        found.add_page(page([pod(number) for number in range(100, 200)]))
    with refused("larger than 0 GiB"):
        builder(spool, bytes=10).add_page(page([pod(1)]))
    found = builder(spool, spooled_bytes=1000)
    with refused("MiB of TMPDIR"):
        found.add_page(page([pod(number, labels={"a": str(number) * 2000}) for number in range(200)]))
    found = builder(spool, row_bytes=500_000, object_bytes=1000)
    with refused("for each object"):  # though they compress well
        found.add_page(page([pod(number, labels={"a": "a" * 20_000}) for number in range(60)]))
    with refused("of computing"):
        builder(spool, row_seconds=0.0).add_page(page([pod(1)]))


def test_a_full_spool_refuses_the_list_that_would_fill_it(tmp_path: Path) -> None:
    spool = Spool(tmp_path, max_bytes=1 << 20)
    budget = Budget(is_spool_full=spool.is_full)
    found = RowBuilder(KIND["pods"], Scope(Owners()), spool.segment(KEY, budget.add_spooled), budget=budget)
    text = random.Random(1).randbytes(30_000).hex()  # so that it cannot be compressed
    pods = [pod(number, labels={"a": text[number:]}) for number in range(100)]
    with refused("no more room"):
        found.add_page(page(pods))
    assert 0.9 * spool.room < sum(file.stat().st_size for file in tmp_path.iterdir()) + (256 << 10)
    other = spool.segment(KEY)  # there is room for the markers of what was read
    other.add([collection_of(ListResult(KIND["pods"], ReadStats(), Cause("refused")), Task("run", KEY.snapshot_time))])
    assert other.keep() == 1
    spool.close()


@pytest.mark.parametrize("resource", ["replicasets", "pods"])
def test_what_is_kept_for_other_lists_is_bounded_by_bytes(resource: str, spool: Spool) -> None:
    owner = {"apiVersion": "v1", "name": "x" * 1000, "controller": True}
    owned = [pod(n, ownerReferences=[{**owner, "kind": f"K{n}", "uid": f"o{n}"}]) for n in range(200)]
    with refused("of memory"):
        builder(spool, resource, kept_bytes=100_000).add_page(page(owned))


def test_an_object_of_many_elements_is_unreadable_alone(spool: Spool) -> None:
    containers = ",".join(['{"name":"c"}'] * 210_000)
    many = b'{"metadata":{"name":"many","uid":"m"},"spec":{"containers":[%s]}}' % containers.encode()
    labels = {str(number): "" for number in range(10_001)}
    found = builder(spool)
    found.add_page(page([pod(1), many, pod(2, labels=labels), pod(3)]))
    assert (found.counts.objects, found.counts.unreadable) == (2, ("many", "p000002"))


def test_no_list_waits_for_its_turn_beyond_its_deadline(spool: Spool) -> None:
    deadline = Deadline(monotonic() + 0.05, "KindTimeout", "the list was not read in time")
    with rows._ONE_PAGE, pytest.raises(ReadFailure, match="not read in time"):
        builder(spool, deadline=deadline).add_page(page([pod(1)]))


def test_others_have_their_turn_in_the_middle_of_a_large_page(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_LARGE_PAGE_OBJECTS", 10)
    monkeypatch.setattr(rows, "_SLICE_OBJECTS", 1)
    large = builder(spool)
    with rows._ONE_PAGE:  # until the thread waits, so that it cannot be done before
        thread = threading.Thread(target=large.add_page, args=(page([pod(n) for n in range(2000)]),))
        thread.start()
    other = builder(spool)
    other.add_page(page([pod(1)]))
    done_meanwhile = large.counts.objects
    thread.join()
    assert (done_meanwhile < 2000, large.counts.objects, other.counts.objects) == (True, 2000, 1)


def test_caches_are_bounded_by_bytes() -> None:
    clear_caches()
    for number in range(100):
        parse_image(f"example.com/{number}{'a' * 1_000_000}")
    assert parse_image.cache_info().currsize <= 17  # type: ignore[attr-defined]
    for number in range(1000):
        parse_image(f"example.com/a:{number}")
    assert parse_image.cache_info().currsize >= 1000  # type: ignore[attr-defined]


def test_a_list_beyond_the_budget_is_refused_and_the_others_are_read(replay: Replay, tmp_path: Path) -> None:
    replay.answers["/apis/apps/v1/replicasets"] = (200, {"Content-Type": "application/json"}, page([b"{}"] * 250_000))
    sink = sink_at(tmp_path / "x.duckdb")
    config = msgspec.convert({**replay.configuration, "sink": sink, "timeouts": {"retry_seconds": 0.1}}, Config)
    run(config)
    found = DuckDBSink(tmp_path / "x.duckdb", timeout_seconds=5)
    sql = "SELECT resource, reason FROM collections WHERE cluster = 'recorded' AND outcome = 'refused'"
    assert found.query(sql).rows == [("replicasets", "BudgetExceeded")]
    sql = "SELECT count(*) > 5 FROM collections WHERE cluster = 'recorded' AND outcome = 'ok'"
    assert found.query(sql).rows == [(True,)]


def test_one_huge_body_is_in_memory_at_a_time() -> None:
    with huge_body(1), pytest.raises(Empty), huge_body(0):
        pass
    with huge_body(0):
        pass
