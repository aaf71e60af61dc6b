"""Jobs: their ids, states and locations."""

from __future__ import annotations

import time

import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, NotFound
from google.cloud import bigquery
from loopback_bigquery import PROJECT, connected, load, make_pods, names, pod, submit

from job.simulator.bigquery.control import Control


def test_a_job_id_cannot_be_used_again_even_if_the_job_failed(client: bigquery.Client) -> None:
    make_pods(client)
    job = submit(client, [{"name": "no time"}], job_id="load-1")
    with pytest.raises(GoogleAPICallError):
        job.result()
    with pytest.raises(Conflict, match=r"Already Exists: Job shop-prod:EU\.load-1") as caught:
        submit(client, [pod("a")], job_id="load-1")
    assert caught.value.errors[0]["reason"] == "duplicate"
    assert (client.get_job("load-1", location="EU").error_result["reason"], names(client)) == ("invalid", [])


@pytest.mark.parametrize("job_id", ["a.b", "a b", "x" * 1025])
def test_an_invalid_job_id_is_refused(client: bigquery.Client, job_id: str) -> None:
    make_pods(client)
    with pytest.raises(BadRequest, match="Invalid job ID"):
        submit(client, [], job_id=job_id)


def test_a_job_is_found_only_in_its_location(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod("a")], job_id="load-1")
    with connected(control, location=None) as elsewhere:
        with pytest.raises(NotFound, match=r"Not found: Job shop-prod:US\.load-1"):
            elsewhere.get_job("load-1")
        assert elsewhere.get_job("load-1", location="eu").state == "DONE"


def test_a_job_runs_in_the_location_of_its_dataset(client: bigquery.Client) -> None:
    make_pods(client)
    job = submit(client, [pod("a")], location="US")
    with pytest.raises(NotFound, match="Not found: Dataset shop-prod:inventory was not found in location US"):
        job.result()
    query = client.query("SELECT * FROM inventory.pods", location="US")
    with pytest.raises(NotFound, match="was not found in location US"):
        query.result()


def test_a_query_runs_in_the_location_of_its_tables_by_default(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    with connected(control, location=None) as elsewhere:
        job = elsewhere.query("SELECT COUNT(*) FROM inventory.pods")
        assert ([row[0] for row in job.result()], job.location) == ([0], "EU")
        assert elsewhere.query("SELECT 1").location == "US"


def test_a_slow_job_is_pending_then_running_then_done(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    control.fault("slow_job", seconds=0.6, state="PENDING")
    control.fault("slow_job", seconds=0.6, state="RUNNING")
    first, second = submit(client, [pod("a")]), submit(client, [pod("b")])
    assert (first.state, second.state) == ("PENDING", "RUNNING")
    assert {job.job_id for job in client.list_jobs(state_filter="pending")} == {first.job_id}
    assert names(client) == []
    first.result(timeout=30)
    second.result(timeout=30)
    assert (first.state, second.state, names(client)) == ("DONE", "DONE", ["a", "b"])
    assert first.created <= first.started <= first.ended


def test_a_pending_job_can_be_cancelled(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    control.fault("slow_job", seconds=60)
    job = submit(client, [pod("a")])
    assert job.cancel()
    with pytest.raises(GoogleAPICallError, match="Job execution was cancelled"):
        job.result(timeout=30)
    assert (job.error_result["reason"], names(client)) == ("stopped", [])


def test_cancelling_a_finished_job_changes_nothing(client: bigquery.Client) -> None:
    make_pods(client)
    job = load(client, [pod("a")])
    job.cancel()
    job.reload()
    assert (job.state, job.error_result) == ("DONE", None)


def test_jobs_are_listed_newest_first_in_pages(client: bigquery.Client) -> None:
    make_pods(client)
    for number in range(3):
        load(client, [pod("a")], job_id=f"load-{number}")
    pages = client.list_jobs(page_size=2).pages
    assert [[job.job_id for job in page] for page in pages] == [["load-2", "load-1"], ["load-0"]]
    assert [job.job_id for job in client.list_jobs(max_results=1)] == ["load-2"]


def test_the_client_waits_for_a_slow_query(control: Control, client: bigquery.Client) -> None:
    control.fault("slow_job", seconds=0.5)
    begin = time.monotonic()
    assert [row[0] for row in client.query("SELECT 1").result()] == [1]
    assert time.monotonic() - begin >= 0.5
    control.fault("slow_job", seconds=0.5)
    assert [row[0] for row in client.query_and_wait("SELECT 2", api_timeout=30)] == [2]


def test_a_job_has_statistics(client: bigquery.Client) -> None:
    make_pods(client)
    job = load(client, [pod("a")], job_id="load-1", labels={"run": "1"})
    assert (job.labels, job.user_email, job.destination.table_id) == (
        {"run": "1"},
        "inventory@simulated.iam.gserviceaccount.com",
        "pods",
    )
    assert job.path == f"/projects/{PROJECT}/jobs/load-1"
