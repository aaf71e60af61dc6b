"""Quotas: the counts, and the errors beyond the limits."""

from __future__ import annotations

import pytest
from google.api_core.exceptions import Forbidden, GoogleAPICallError
from google.cloud import bigquery
from loopback_bigquery import PROJECT, Field, ask, load, make_pods, names, pod, submit

from job.simulator.bigquery.control import Control, RefusedError

PODS = "shop-prod:inventory.pods"


def test_load_jobs_and_metadata_updates_count_even_if_they_fail(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod("a", day=1), pod("b", day=2)])
    with pytest.raises(GoogleAPICallError):
        load(client, [{"name": "no time"}])
    ask(client, "UPDATE pods SET restarts = 1 WHERE name = 'a'")
    found = client.get_table(f"{PROJECT}.inventory.pods")
    found.description = "d"
    client.update_table(found, ["description"])
    quotas = control.quotas()
    assert {key: quotas[key] for key in quotas if key != "limits"} == {
        "modifications": {PODS: 3},
        "partition_modifications": {PODS: 2},
        "metadata_updates": {PODS: 2},
        "load_jobs": {PROJECT: 2},
        "query_jobs": {PROJECT: 1},
    }


def test_a_recreated_table_keeps_its_counts(control: Control, client: bigquery.Client) -> None:
    for _ in range(2):
        make_pods(client)
        load(client, [pod("a")])
        client.delete_table(f"{PROJECT}.inventory.pods")
    assert control.quotas()["modifications"] == {PODS: 2}


def test_counts_start_again_each_day(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    load(client, [pod("a")])
    control.advance(86_400)
    assert control.quotas()["modifications"] == {}


def test_jobs_beyond_the_limit_fail_with_quota_exceeded(control: Control, client: bigquery.Client) -> None:
    client.create_table(bigquery.Table(f"{PROJECT}.inventory.plain", schema=[Field("name", "STRING")]))
    control.limit(table_modifications_per_day=1)
    load(client, [{"name": "a"}], "plain", schema=None)
    job = submit(client, [{"name": "b"}], "plain", schema=None)
    with pytest.raises(Forbidden, match="Quota exceeded: Your table exceeded quota"):
        job.result()
    assert (job.error_result["reason"], names(client, "plain")) == ("quotaExceeded", ["a"])


def test_a_job_cannot_write_to_more_partitions_than_allowed(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    control.limit(partitions_per_job=2, partition_modifications_per_day=3)
    with pytest.raises(GoogleAPICallError, match="Too many partitions"):
        load(client, [pod("a", day=day) for day in (1, 2, 3)])
    with pytest.raises(Forbidden, match="partition modifications"):
        load(client, [pod("a")])
    assert names(client) == []


def test_a_table_cannot_have_more_partitions_than_allowed(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    control.limit(partitions_per_table=2)
    load(client, [pod("a", day=1), pod("b", day=2)])
    with pytest.raises(Forbidden, match="allowed 2 for a table"):
        load(client, [pod("c", day=3)])
    load(client, [pod("d", day=2)])
    assert names(client) == ["a", "b", "d"]


def test_a_table_can_be_updated_five_times_in_ten_seconds(control: Control, client: bigquery.Client) -> None:
    table = client.create_table(bigquery.Table(f"{PROJECT}.inventory.plain", schema=[Field("name", "STRING")]))
    for number in range(4):
        table.description = str(number)
        table = client.update_table(table, ["description"])
    with pytest.raises(Forbidden, match="too many table update operations") as caught:
        client.update_table(table, ["description"], retry=None)
    assert caught.value.errors[0]["reason"] == "rateLimitExceeded"
    control.advance(11)
    client.update_table(client.get_table(table), ["description"])


def test_each_view_can_be_updated_five_times_in_ten_seconds(control: Control, client: bigquery.Client) -> None:
    for name in ("one", "two"):
        view = bigquery.Table(f"{PROJECT}.inventory.{name}")
        view.view_query = "SELECT 0 AS number"
        client.create_table(view)
        for number in range(4):
            view.view_query = f"SELECT {number} AS number"
            client.update_table(view, ["view_query"])
    for _ in range(3):  # what is refused does not count
        with pytest.raises(Forbidden, match="too many table update operations") as caught:
            client.update_table(view, ["view_query"], retry=None)
        assert (caught.value.code, caught.value.errors[0]["reason"]) == (403, "rateLimitExceeded")
        control.advance(3)
    control.advance(2)
    view.view_query = "SELECT 5 AS number"
    client.update_table(view, ["view_query"])
    assert ask(client, "SELECT number FROM two") == [(5,)]


def test_a_partitioned_table_can_be_updated_fifty_times_in_ten_seconds(
    control: Control, client: bigquery.Client
) -> None:
    table = make_pods(client)
    for number in range(48):
        table.description = str(number)
        table = client.update_table(table, ["description"])
    load(client, [pod("a")])  # a job that writes to the table updates it too
    table = client.get_table(table)
    with pytest.raises(Forbidden, match="too many table update operations"):
        client.update_table(table, ["description"], retry=None)
    with pytest.raises(GoogleAPICallError, match="too many table update operations"):
        load(client, [pod("b")])
    control.limit(metadata_updates_per_10_seconds_partitioned=51)
    client.update_table(table, ["description"])
    assert names(client) == ["a"]


def test_an_unknown_limit_is_refused(control: Control) -> None:
    with pytest.raises(RefusedError, match="unknown limit tables_per_day"):
        control.limit(tables_per_day=1)
