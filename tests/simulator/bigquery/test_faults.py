"""Each fault, as seen by Google's client."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from google.api_core import exceptions
from google.cloud import bigquery
from loopback_bigquery import PROJECT, load, make_pods, names, pod, submit

from job.simulator.bigquery import faults
from job.simulator.bigquery.control import Control, RefusedError

TABLE = f"{PROJECT}.inventory.pods"
Read = Callable[[], Any]


@pytest.mark.parametrize(
    ("code", "reason", "raised"),
    [
        (400, "invalid", exceptions.BadRequest),
        (403, "accessDenied", exceptions.Forbidden),
        (403, "quotaExceeded", exceptions.Forbidden),
        (404, "notFound", exceptions.NotFound),
        (409, "duplicate", exceptions.Conflict),
    ],
)
def test_a_permanent_status_is_raised(
    control: Control, client: bigquery.Client, code: int, reason: str, raised: type[Exception]
) -> None:
    make_pods(client)
    control.fault("status", code=code, reason=reason, message="set by the test", path="*/tables/pods")
    with pytest.raises(raised, match="set by the test") as caught:
        client.get_table(TABLE)
    assert caught.value.errors[0]["reason"] == reason  # type: ignore[attr-defined]
    client.get_table(TABLE)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (403, "rateLimitExceeded"), (429, "rateLimitExceeded"), (500, "internalError"), (502, "badGateway"),
        (503, "backendError"),
    ],
)  # fmt: skip
def test_the_client_retries_a_transient_status(
    control: Control, client: bigquery.Client, code: int, reason: str
) -> None:
    make_pods(client)
    control.fault("status", code=code, reason=reason, path="*/tables/pods")
    assert client.get_table(TABLE).table_id == "pods"
    assert [request["id"] for request in control.requests()][-2:] == ["bigquery.tables.get"] * 2


def test_a_status_can_apply_to_the_loads_of_one_table(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    make_pods(client, "nodes")
    control.fault("status", code=403, reason="accessDenied", table="pods", times=None)
    load(client, [pod("a")], "nodes")
    with pytest.raises(exceptions.Forbidden):
        submit(client, [pod("a")])
    control.clear()
    load(client, [pod("a")])


def test_a_delay_makes_the_answer_late(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    control.fault("delay", seconds=1.5, path="*/tables/pods")
    with pytest.raises(requests.exceptions.ReadTimeout):
        client.get_table(TABLE, timeout=0.5, retry=None)
    client.get_table(TABLE, timeout=5, retry=None)


@pytest.mark.parametrize("reason", ["backendError", "internalError", "rateLimitExceeded", "quotaExceeded"])
def test_a_job_that_fails_at_its_end_changes_nothing(control: Control, client: bigquery.Client, reason: str) -> None:
    make_pods(client)
    load(client, [pod("old")])
    control.fault("job_fails", table="pods", reason=reason, code=500)
    job = submit(
        client,
        [pod("new", node="n")],
        job_id="load-1",
        schema=None,
        write_disposition="WRITE_TRUNCATE",
        ignore_unknown_values=True,
    )
    with pytest.raises(exceptions.GoogleAPICallError):
        job.result()
    assert (job.error_result["reason"], names(client)) == (reason, ["old"])
    with pytest.raises(exceptions.Conflict):
        submit(client, [pod("new")], job_id="load-1")
    load(client, [pod("new")], job_id="load-2")
    assert names(client) == ["new", "old"]


def lost(client: bigquery.Client, job_id: str) -> None:
    """Submits a load job whose answer is lost."""
    with pytest.raises(requests.exceptions.ConnectionError):
        submit(client, [pod("a")], job_id=job_id, num_retries=0)


def test_an_answer_can_be_lost_after_the_job_ran(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    control.fault("answer_lost", table="pods")
    lost(client, "load-1")
    assert (client.get_job("load-1").state, names(client)) == ("DONE", ["a"])
    with pytest.raises(exceptions.Conflict):
        submit(client, [pod("a")], job_id="load-1")
    assert names(client) == ["a"]


def test_an_answer_can_be_lost_before_the_job_ran(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    control.fault("answer_lost_early", table="pods", seconds=1)
    lost(client, "load-1")
    job = client.get_job("load-1")
    assert (job.state, names(client)) == ("RUNNING", [])
    job.result(timeout=30)
    assert names(client) == ["a"]


def test_a_connection_lost_in_an_upload_leaves_no_job(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    control.fault("cut_upload")
    lost(client, "load-1")
    with pytest.raises(exceptions.NotFound):
        client.get_job("load-1", retry=None)
    load(client, [pod("a")], job_id="load-1")
    assert names(client) == ["a"]


def test_a_resumable_upload_continues_after_a_lost_connection(
    control: Control, client: bigquery.Client, tmp_path: Any
) -> None:
    make_pods(client)
    path = tmp_path / "pods.ndjson"
    line = b'{"snapshot_time": "2026-01-01T00:00:00Z", "name": "%06000d"}\n'
    path.write_bytes(b"".join(line % number for number in range(900)))
    assert path.stat().st_size > 5 << 20
    control.fault("cut_upload", method="PUT")
    config = bigquery.LoadJobConfig(source_format="NEWLINE_DELIMITED_JSON")
    with path.open("rb") as file:
        client.load_table_from_file(file, TABLE, size=path.stat().st_size, job_config=config).result()
    assert client.get_table(TABLE).num_rows == 900
    assert [request["method"] for request in control.requests() if request["id"] == "bigquery.jobs.insert"] == [
        "POST", "PUT", "PUT",
    ]  # fmt: skip


def test_a_slow_job_takes_the_given_time(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    control.fault("slow_job", table="pods", seconds=1)
    begin = time.monotonic()
    job = submit(client, [pod("a")])
    assert (job.state, names(client)) == ("RUNNING", [])
    job.result(timeout=30)
    assert (time.monotonic() - begin >= 1, names(client)) == (True, ["a"])


def test_an_unknown_fault_is_refused(control: Control) -> None:
    with pytest.raises(RefusedError, match="unknown fault 'earthquake'; choose one of: status, delay"):
        control.fault("earthquake")
    with pytest.raises(RefusedError, match="invalid state 'SLEEPING'"):
        control.fault("slow_job", state="SLEEPING")
    with pytest.raises(RefusedError, match="unexpected keyword argument 'time'"):
        control.fault("status", time=3)


def test_every_fault_has_a_test() -> None:
    played = ("status", "delay", "slow_job", "job_fails", "answer_lost", "answer_lost_early", "cut_upload")
    assert tuple(faults.KINDS) == played
