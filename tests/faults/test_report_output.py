"""The report that a run writes to Cloud Storage once it has committed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from faults.fleet import Fleet
from google.api_core.client_options import ClientOptions
from google.cloud import storage
from google.oauth2.service_account import Credentials

from job.cli import cli
from job.simulator.fleet import DENIED_PROJECT


@pytest.fixture
def objects(fleet: Fleet) -> Iterator[storage.Client]:
    """Google's client, which downloads what runs upload."""
    endpoint = ClientOptions(api_endpoint=fleet.simulator.storage_endpoint)
    file = fleet.simulator.directory / "service-account.json"
    account = Credentials.from_service_account_file(
        str(file), scopes=["https://www.googleapis.com/auth/cloud-platform"]
    )
    with storage.Client(project="-", credentials=account, client_options=endpoint) as client:
        yield client


def test_a_run_writes_its_report_to_a_bucket(
    fleet: Fleet, objects: storage.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.configure(report={"output": "gs://shop-prod-reports/daily/fleet.md"})
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == 0
    (event,) = [event for event in ended.events if event["message"] == "report written"]
    assert event["output"] == "gs://shop-prod-reports/daily/fleet.md"
    blob = objects.bucket("shop-prod-reports").blob("daily/fleet.md")
    written = blob.download_as_bytes().decode()
    assert written.startswith("# GKE fleet")
    assert "CANARY" not in written
    # a larger one goes in portions
    monkeypatch.setattr(storage.blob, "_MAX_MULTIPART_SIZE", 1000)
    command = ["report", "--config", str(fleet.config), "--sink", f"duckdb:///{fleet.database}"]
    cli.main([*command, "-o", "gs://shop-prod-reports/now.md"], standalone_mode=False)
    assert objects.bucket("shop-prod-reports").blob("now.md").download_as_bytes().startswith(b"# GKE fleet")


@pytest.mark.parametrize(
    ("bucket", "advice"),
    [(f"{DENIED_PROJECT}-reports", "grant roles/storage.objectUser"), ("nobodys-reports", "create the bucket")],
)
def test_a_report_that_cannot_be_written_leaves_the_run_committed(
    fleet: Fleet, bucket: str, advice: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.configure(report={"output": f"gs://{bucket}/fleet.md"})
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == 0
    (event,) = [event for event in ended.events if event["message"] == "report not written"]
    assert event["severity"] == "ERROR"
    assert f"cannot write gs://{bucket}/fleet.md: " in event["detail"]
    assert advice in event["detail"]
    assert fleet.query("SELECT count(DISTINCT run_id) FROM runs") == [(2,)]


def test_an_output_of_no_known_form_is_refused_before_anything_is_read(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet.configure(report={"output": "gs://shop-prod-reports/fleet.pdf"})
    ended = fleet.run(monkeypatch, capsys)
    assert ended.exit_code == 2
    assert "report.output" in ended.err
    assert ".html, .md or .txt" in ended.err
