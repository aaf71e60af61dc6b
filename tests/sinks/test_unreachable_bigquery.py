"""A BigQuery that cannot be reached, or never answers: each request ends within `sink_seconds`, with the reason."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

import pytest
from google.api_core.exceptions import Forbidden
from google.oauth2.credentials import Credentials
from sinks.conftest import OnBigQuery
from sinks.impatient import Impatient

from job.config import BigQuery
from job.connect.identity import Identity
from job.errors import QueryError, SinkError
from job.simulator.bigquery.control import Control
from job.sinks.bigquery import BigQuerySink
from job.sinks.bigquery.errors import as_sink_error

VERBS: dict[str, Callable[[BigQuerySink], object]] = {
    "query": lambda sink: sink.query("SELECT 1"),
    "prune": lambda sink: sink.prune(datetime(2026, 1, 1, tzinfo=UTC), dry_run=True),
    "prepare": lambda sink: sink.prepare(),
    "changes": lambda sink: sink.changes(),
    "committed_result": lambda sink: sink.committed_result("r", 0),
    "cluster_weights": lambda sink: sink.cluster_weights("r"),
    "upgrade_info_since": lambda sink: sink.upgrade_info_since("r", datetime(2026, 1, 1, tzinfo=UTC)),
    "object_kinds": lambda sink: sink.object_kinds("r", ()),
    "running": lambda sink: sink.running("r", 1, exclusive=False).__enter__(),
}


def sink_at(endpoint: str, *, seconds: float, stop: Impatient | None = None) -> BigQuerySink:
    return BigQuerySink(
        "shop-prod", "inventory", "EU", lambda: Identity(Credentials("token")), options=BigQuery(), endpoint=endpoint,
        timeout_seconds=seconds, overlap_seconds=3600, stop=stop or Impatient(),
    )  # fmt: skip


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("verb", VERBS)
def test_each_request_to_a_server_that_never_answers_ends_in_time(silent_port: int, verb: str) -> None:
    began = monotonic()
    with pytest.raises(SinkError, match=rf"no response of 127.0.0.1:{silent_port} in time; gave up after 0.2 s"):
        VERBS[verb](sink_at(f"http://127.0.0.1:{silent_port}", seconds=0.2))
    assert monotonic() - began < 10


@pytest.mark.parametrize("verb", VERBS)
def test_a_refused_connection_is_tried_again_with_a_warning_each_time(
    closed_port: int, verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stop = Impatient()
    with pytest.raises(SinkError, match=r"Connection refused; gave up after 10 s \(timeouts.sink_seconds\)"):
        VERBS[verb](sink_at(f"http://127.0.0.1:{closed_port}", seconds=10, stop=stop))
    assert len(stop.pauses) == 3
    assert capsys.readouterr().err.count("BigQuery request failed") == 4


def test_a_response_that_comes_byte_by_byte_ends_in_time() -> None:
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not ended.wait(0.02):
                    connection.sendall(b" ")

        thread = threading.Thread(target=trickle)
        thread.start()
        with pytest.raises(SinkError, match=r"no answer within .* s; gave up after 0.3 s"):
            sink_at(f"http://127.0.0.1:{server.getsockname()[1]}", seconds=0.3).query("SELECT 1")
        ended.set()
        thread.join()


def test_a_name_that_does_not_resolve_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)  # a resolver may take its time for a name of nobody
    with pytest.raises(SinkError, match=r"the name of bigquery.googleapis.com cannot be resolved; gave up after 5 s"):
        sink_at("https://bigquery.googleapis.com", seconds=5).query("SELECT 1")
    assert capsys.readouterr().err.count("cannot be resolved") == 3


def test_a_query_that_takes_too_long_is_cancelled(on_bigquery: OnBigQuery, control: Control) -> None:
    on_bigquery.rows("SELECT 1")
    sink = sink_at(control.endpoint, seconds=0.5)
    control.fault("slow_job", seconds=3600)
    with pytest.raises(SinkError, match=r"gave up after 0.5 s"):
        sink.query("SELECT 1")
    assert any(request["id"] == "bigquery.jobs.cancel" for request in control.requests())


@pytest.mark.parametrize("reason", ["backendError", "jobInternalError", "rateLimitExceeded"])
def test_a_query_that_fails_for_a_transient_reason_is_repeated(
    on_bigquery: OnBigQuery, control: Control, reason: str
) -> None:
    control.fault("job_fails", reason=reason, times=2)
    assert on_bigquery.rows("SELECT 1") == [(1,)]


def test_a_wrong_query_is_not_repeated(control: Control) -> None:
    stop = Impatient()
    with pytest.raises(QueryError):
        sink_at(control.endpoint, seconds=10, stop=stop).query("SELEC 1")
    assert stop.pauses == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"null", b"<html>log in</html>"])
def test_something_else_that_answers_in_place_of_bigquery_is_a_sentence(body: bytes) -> None:
    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        threading.Thread(target=server.serve_forever).start()
        sink = sink_at(f"http://127.0.0.1:{server.server_port}", seconds=1)
        try:
            for verb in ("prepare", "changes", "query", "running"):
                with pytest.raises(SinkError):
                    VERBS[verb](sink)
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("said", "reason", "advice"),
    [
        ("Access Denied: Dataset p:d", "accessDenied", "grant roles/bigquery.dataEditor on the dataset"),
        (
            "BigQuery API has not been used in project 777 before or it is disabled.", "accessNotConfigured",
            "`gcloud services enable bigquery.googleapis.com --project 777`",
        ),
        ("Prohibited. vpcServiceControlsUniqueIdentifier: x.", "policyViolation", "of the service perimeter"),
        ("Billing has not been enabled for this project.", "billingNotEnabled", "enable billing for the project"),
        ("Blocked", "", "a proxy or firewall answers in place of BigQuery"),
    ],
)  # fmt: skip
def test_the_advice_for_a_refusal_fits_its_cause(said: str, reason: str, advice: str) -> None:
    errors = [{"reason": reason, "message": said}] if reason else []
    with pytest.raises(SinkError) as raised, as_sink_error("sink x"):
        raise Forbidden(said, errors=errors)  # type: ignore[no-untyped-call]
    assert advice in str(raised.value)
    assert ("roles/bigquery" in str(raised.value)) == (reason == "accessDenied")
