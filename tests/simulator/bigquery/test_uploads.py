"""Uploads in one request, and in several with interruptions."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from google.cloud import bigquery
from loopback_bigquery import PROJECT, make_pods, names, pod

from job.simulator.bigquery import uploads
from job.simulator.bigquery.control import Control

CHUNK = uploads.CHUNK
JOB: dict[str, Any] = {
    "jobReference": {"projectId": PROJECT, "jobId": "load-1", "location": "EU"},
    "configuration": {
        "load": {
            "destinationTable": {"projectId": PROJECT, "datasetId": "inventory", "tableId": "pods"},
            "sourceFormat": "NEWLINE_DELIMITED_JSON",
        }
    },
}
FILE = b"".join(json.dumps(pod(f"pod-{number:01000}")).encode() + b"\n" for number in range(600))


def open_upload(control: Control, job: Any = JOB) -> str:
    """Starts a resumable upload; returns the URL for its chunks."""
    url = f"{control.endpoint}/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=resumable"
    return str(requests.post(url, json=job, timeout=10).headers["Location"])


def put(url: str, start: int, end: int, total: int | str = len(FILE)) -> requests.Response:
    headers = {"Content-Range": f"bytes {start}-{end - 1}/{total}"}
    return requests.put(url, data=FILE[start:end], headers=headers, timeout=10)


def test_a_file_can_be_sent_in_chunks(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    url, answers = open_upload(control), []
    for start in range(0, len(FILE), CHUNK):
        answer = put(url, start, min(start + CHUNK, len(FILE)))
        answers.append((answer.status_code, answer.headers.get("Range")))
    assert answers == [
        (308, f"bytes=0-{CHUNK - 1}"), (308, f"bytes=0-{2 * CHUNK - 1}"), (200, None),
    ]  # fmt: skip
    assert len(names(client)) == 600


def test_an_upload_reports_its_progress_and_continues(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    url = open_upload(control)

    def status() -> requests.Response:
        return requests.put(url, headers={"Content-Range": f"bytes */{len(FILE)}"}, timeout=10)

    assert (status().status_code, "Range" in status().headers) == (308, False)
    put(url, 0, CHUNK, "*")
    assert status().headers["Range"] == f"bytes=0-{CHUNK - 1}"
    assert put(url, CHUNK, len(FILE)).json()["jobReference"]["jobId"] == "load-1"
    assert status().json()["id"] == "shop-prod:EU.load-1"


def test_a_repeated_chunk_counts_once(control: Control, client: bigquery.Client) -> None:
    make_pods(client)
    url = open_upload(control)
    for start, end in ((0, CHUNK), (0, CHUNK), (0, 2 * CHUNK), (CHUNK, len(FILE)), (CHUNK, len(FILE))):
        answer = put(url, start, end)
    assert answer.json()["id"] == "shop-prod:EU.load-1"
    assert len(names(client)) == 600


@pytest.mark.parametrize(
    ("header", "size", "says"),
    [
        (f"bytes {CHUNK}-{2 * CHUNK - 1}/*", CHUNK, f"Expected byte 0, not {CHUNK}"),
        (f"bytes 0-{CHUNK - 1}/*", CHUNK - 1, "byte(s) according to the Content-Range header"),
        ("bytes 0-99/*", 100, f"multiple of {CHUNK}"),
        ("octets 0-99/*", 100, "Failed to parse Content-Range header"),
    ],
)
def test_an_invalid_chunk_is_refused_and_the_upload_continues(
    control: Control, client: bigquery.Client, header: str, size: int, says: str
) -> None:
    make_pods(client)
    url = open_upload(control)
    answer = requests.put(url, data=FILE[:size], headers={"Content-Range": header}, timeout=10)
    assert (answer.status_code, says in answer.json()["error"]["message"]) == (400, True)
    assert put(url, 0, len(FILE)).status_code == 200


def test_an_unknown_upload_is_not_found(control: Control) -> None:
    url = f"{control.endpoint}/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=resumable&upload_id=none"
    assert put(url, 0, len(FILE)).status_code == 404


def test_the_job_of_an_upload_is_checked_before_the_file_is_sent(control: Control) -> None:
    url = f"{control.endpoint}/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=resumable"
    answer = requests.post(url, json={"configuraton": {}}, timeout=10)
    assert (answer.status_code, "configuraton" in answer.text) == (400, True)


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_a_file_with_any_bytes_can_be_sent_in_one_request(newline: bytes) -> None:
    media = bytes(range(256)) + b"\r\n\r\n--other\r\n" + bytes(range(256))
    body = newline.join(
        [
            b"--x",
            b"Content-Type: application/json",
            b"",
            b'{"a": 1}',
            b"--x",
            b"Content-Type: */*",
            b"",
            media,
            b"--x--",
        ]
    )
    assert uploads.multipart("multipart/related; boundary=x", body) == ({"a": 1}, media)
    assert uploads.multipart('multipart/related; boundary="x"', body + newline).media == media


def test_a_truncated_upload_is_refused(control: Control) -> None:
    url = f"{control.endpoint}/upload/bigquery/v2/projects/{PROJECT}/jobs?uploadType=multipart"
    for body in (b"", b'--x\r\n\r\n{}\r\n--x\r\n\r\n{"a"'):
        answer = requests.post(url, data=body, headers={"Content-Type": "multipart/related; boundary=x"}, timeout=10)
        assert answer.status_code == 400
