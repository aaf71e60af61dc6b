"""The command line, as a person meets it: exit codes, one clear sentence, never a traceback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.cloud import container_v1
from made import sink_at
from replay import CLUSTER, LOCATION, PROJECT, Replay

from job.config import Config
from job.errors import ConfigError
from job.run.one_task import run
from job.sinks.open_sink import open_warehouse

COMMAND = [sys.executable, "-m", "job.cli"]
FORBIDDEN = b'{"kind": "Status", "reason": "Forbidden", "message": "pods is forbidden"}'


def invoke(*arguments: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *words: str, code: int = 2) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr
    assert len([line for line in done.stderr.splitlines() if line and not line.startswith("{")]) <= 4


def write_config(directory: Path, keys: dict[str, Any]) -> None:
    (directory / "c.yaml").write_text(json.dumps(keys))


def test_help_imports_no_client() -> None:
    program = (
        "import sys, job.cli as cli\n"
        "try: cli.cli.main(['run', '--help'], standalone_mode=True)\n"
        "except SystemExit: pass\n"
        "heavy = {'kubernetes', 'google.auth', 'google.cloud.bigquery', 'grpc', 'duckdb', 'pandas', 'yaml', 'rich'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_version_is_that_of_pyproject_and_the_build_is_the_images() -> None:
    declared = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]["version"]
    assert invoke("--version").stdout == f"gke-inventory {declared}\n"
    assert invoke("--version", GKE_INVENTORY_BUILD="abc1234").stdout == f"gke-inventory {declared} (build abc1234)\n"


@pytest.mark.usefixtures("configured")
def test_a_complete_run_exits_with_0_and_its_summary_is_json(tmp_path: Path) -> None:
    done = invoke("run", "--json", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert (summary["clusters_complete"], summary["rows"]["pods"], summary["status"]) == (1, 45, "complete")
    assert (tmp_path / "x.duckdb").exists()


@pytest.mark.usefixtures("configured")
def test_the_summary_says_what_was_not_read_and_the_exit_code_is_3(replay: Replay) -> None:
    replay.answers["/api/v1/pods"] = (403, {"Content-Type": "application/json"}, FORBIDDEN)
    done = invoke("run", "--project", PROJECT, "--project", "other-project")
    assert done.returncode == 3
    assert f"{PROJECT}/{LOCATION}/{CLUSTER}: pods: forbidden (pods is forbidden)" in done.stdout
    assert "other-project: denied: projects/other-project/locations/-; grant container.clusters.list" in done.stdout
    assert "1 cluster of 2 projects" in done.stdout


def test_fail_on_decides_what_exits_with_3(configured: dict[str, Any], replay: Replay, tmp_path: Path) -> None:
    replay.answers["/api/v1/pods"] = (403, {"Content-Type": "application/json"}, FORBIDDEN)
    for fail_on, code in (("incomplete", 3), ("below:95%", 3), ("below:0%", 0), ("never", 0)):
        write_config(tmp_path, configured | {"fail_on": fail_on})
        assert invoke("run").returncode == code


@pytest.mark.usefixtures("configured")
def test_plan_query_and_show() -> None:
    plan = invoke("plan")
    assert (plan.returncode, plan.stderr) == (0, "")
    assert f"{PROJECT}/{LOCATION}/{CLUSTER}" in plan.stdout
    assert json.loads(invoke("plan", "--json").stdout)[0]["endpoint_type"] == "public"
    assert invoke("run").returncode == 0
    sql = "SELECT name, phase FROM namespaces ORDER BY name LIMIT 2"
    assert invoke("query", sql, "--format", "csv").stdout == "name,phase\ndefault,Active\nkube-node-lease,Active\n"
    assert json.loads(invoke("query", sql, "--format", "json").stdout)[0] == {"name": "default", "phase": "Active"}
    numeric = invoke(
        "query", "SELECT sum(pods) AS pods, max(pods_allocatable) AS most FROM capacity_by_cluster", "--format", "json"
    )
    assert {type(value) for value in json.loads(numeric.stdout)[0].values()} == {int}
    assert invoke("query", sql).stdout.splitlines()[0].split() == ["name", "phase"]
    for kind in ("namespace", "ns", "Namespace", "namespaces"):
        shown = invoke("show", f"{PROJECT}/{LOCATION}/{CLUSTER}", kind, "kube-system")
        assert "uid: 6932b420-ae0a-46f7-80d1-8865e579fb07" in shown.stdout, shown.stderr


@pytest.mark.usefixtures("unwritten")
@pytest.mark.exhaustive
def test_an_estimate_is_by_nodes_before_the_first_run_and_by_objects_after_it(tmp_path: Path) -> None:
    def estimate(*options: str) -> dict[str, Any]:
        done = invoke("plan", "--estimate", "--json", *options)
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["clusters"][0]["endpoint_type"] == "public"
        return dict(answer["estimate"])

    before = estimate()
    assert (before["clusters"], before["clusters_weighed"], before["tasks"]) == (1, 0, 1)
    assert not (tmp_path / "x.duckdb").exists()
    objects = json.loads(invoke("run", "--json").stdout)["objects"]
    after = estimate("--minutes", "0.1")
    assert (after["clusters_weighed"], after["objects"]) == (1, objects)
    assert 0 < after["largest_seconds"] == after["seconds"] < 1
    assert after["memory_mib"] == 512
    assert after["run"]["gke_requests"] == 1
    assert (after["month"], after["warnings"]) == (None, [])  # of a file
    assert f"about {objects} objects in 1 cluster\ntasks: 1;" in invoke("plan", "--estimate").stdout


def test_a_wrong_configuration_is_refused_and_nothing_is_written(unwritten: dict[str, Any], tmp_path: Path) -> None:
    for keys, words in (
        ({"worker": 3}, ("unknown key `worker`", "did you mean `workers`?", "line 1")),
        ({"projects": []}, ("no projects are configured",)),
        ({"projects": ["Nope"]}, ("'Nope' is not a project id",)),
        ({"sink": "mysql://x"}, ("sink: 'mysql://x' is not a sink",)),
        ({"api_endpoints": {"container": "http://example.com"}}, ("api_endpoints.container", "https://")),
        ({"sink": f"duckdb:///{tmp_path}/no/such/x.duckdb"}, ("does not exist",)),
        ({"sink": f"duckdb:///{tmp_path}"}, ("this is a folder",)),
        ({"sink": f"duckdb:///{tmp_path}/c.yaml"}, ("not a DuckDB database",)),
    ):
        write_config(tmp_path, unwritten | keys)
        assert_refused(invoke("run"), *words)
    assert_refused(invoke("run", "--config", str(tmp_path / "absent.yaml")), "absent.yaml", "No such file")
    assert not (tmp_path / "x.duckdb").exists()


def test_usage_errors_exit_with_2() -> None:
    assert_refused(invoke("run", "--bogus"), "No such option")
    assert_refused(invoke("walk"), "No such command")
    assert_refused(invoke("show", "a/b", "pods", "x"), "is not PROJECT/LOCATION/CLUSTER")
    for name in ("", ".", ".."):
        assert_refused(invoke("show", "a/b/c", "pods", name), "is no name of an object")
        assert_refused(invoke("show", "a/b/c", "pods", "x", "-n", name or "."), "is no name of an object")


@pytest.mark.usefixtures("configured")
def test_no_credentials_is_one_sentence() -> None:
    done = invoke("run", GOOGLE_APPLICATION_CREDENTIALS="")
    assert_refused(done, "no Application Default Credentials", "gcloud auth application-default login")


@pytest.mark.usefixtures("configured")
def test_expired_credentials_are_one_sentence(replay: Replay) -> None:
    replay.token_error = (400, b'{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}')
    for command in (["run"], ["plan"], ["show", f"{PROJECT}/{LOCATION}/{CLUSTER}", "ns", "default"]):
        assert_refused(invoke(*command), "expired or revoked", "gcloud auth application-default login")


def test_no_network_is_one_sentence(configured: dict[str, Any], tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}"
        write_config(tmp_path, configured | {"api_endpoints": {"oauth2": f"{dead}/token"}})
        assert_refused(invoke("run"), "no access token")


@pytest.mark.usefixtures("configured")
def test_an_unwritable_output_is_refused_before_anything_is_read(replay: Replay, tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):  # root may write everywhere
        done = invoke("run", "--sink", "duckdb:////proc/x.duckdb")
    else:
        done = invoke("run", "--sink", f"duckdb:///{folder}/x.duckdb")
    assert_refused(done, "sink")
    assert replay.requests == []


@pytest.mark.usefixtures("unwritten")
def test_a_query_that_is_refused_and_a_missing_file_are_one_sentence(tmp_path: Path) -> None:
    assert_refused(invoke("query", "SELECT 1"), "there is no such file")
    assert invoke("run").returncode == 0
    assert_refused(invoke("query", "SELECT nothing FROM nowhere"), "the query failed", "nowhere")
    assert_refused(invoke("query", "DELETE FROM raw_pods"), "read-only")


@contextmanager
def slow_pods(replay: Replay) -> Iterator[threading.Event]:
    """An API server that is asked for pods and does not answer until the block ends."""
    asked, answered = threading.Event(), threading.Event()

    class Answers(dict[str, Any]):
        def __contains__(self, path: object) -> bool:
            if path == "/api/v1/pods":
                asked.set()
                answered.wait(30)
            return False

    replay.answers = Answers()
    try:
        yield asked
    finally:
        answered.set()


@pytest.mark.parametrize(
    ("sent", "code", "word"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "stopped by SIGTERM")]
)
@pytest.mark.usefixtures("unwritten")
def test_a_run_that_is_stopped_ends_at_once_and_writes_nothing(
    replay: Replay, tmp_path: Path, sent: signal.Signals, code: int, word: str
) -> None:
    spools = tmp_path / "spools"
    spools.mkdir()
    with slow_pods(replay) as asked:
        process = subprocess.Popen(
            [*COMMAND, "run", "-q"], stderr=subprocess.PIPE, text=True, env=os.environ | {"TMPDIR": str(spools)}
        )
        assert asked.wait(30)
        began = time.monotonic()
        process.send_signal(sent)
        _, error = process.communicate(timeout=20)
        assert time.monotonic() - began < 8
    assert process.returncode == code
    assert word in error
    assert "Traceback" not in error
    assert list(spools.iterdir()) == []
    assert not (tmp_path / "x.duckdb").exists()


@pytest.mark.usefixtures("configured")
def test_two_runs_at_once_on_one_file_both_arrive(tmp_path: Path) -> None:
    processes = [subprocess.Popen([*COMMAND, "run", "-q"], stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    done = invoke("query", "SELECT count(*) AS n FROM snapshots", "--format", "csv")
    assert done.stdout == "n\n2\n"


@pytest.mark.usefixtures("configured")
@pytest.mark.exhaustive
def test_a_reader_is_waited_for(tmp_path: Path) -> None:
    assert invoke("run", "-q").returncode == 0
    hold = (
        f"import duckdb, time; c = duckdb.connect({str(tmp_path / 'x.duckdb')!r}, read_only=True)\n"
        "print(1, flush=True); time.sleep(3)"
    )
    reader = subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE)
    assert reader.stdout is not None
    assert reader.stdout.readline() == b"1\n"
    assert invoke("run", "-q").returncode == 0
    assert reader.wait(10) == 0
    reader.stdout.close()


@pytest.mark.usefixtures("configured")
def test_a_page_is_not_needed_to_the_end() -> None:
    assert invoke("run", "-q").returncode == 0
    command = " ".join(COMMAND)
    sql = "SELECT * FROM range(200000)"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} query '{sql}' --format csv | head -n 1"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout, done.returncode) == ("range\n", 0)
    assert "Traceback" not in done.stderr
    assert shutil.which("head")


@pytest.mark.parametrize(
    ("sink", "environment", "words"),
    [
        ("duckdb:///:memory:", {}, ["would be lost when this process ends", "name a file"]),
        ("duckdb:///./:memory:x", {}, ["would be lost when this process ends"]),
        ("duckdb:///x.duckdb", {"CLOUD_RUN_JOB": "inventory"}, ["would be lost with the container", "bigquery://"]),
    ],
)
def test_a_run_whose_rows_would_be_lost_is_refused(
    replay: Replay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sink: str, environment: dict[str, str],
    words: list[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    config = msgspec.convert(replay.configuration | {"sink": sink}, Config)
    with pytest.raises(ConfigError) as refused:
        run(config)
    for word in words:
        assert word in str(refused.value)
    assert not (tmp_path / "x.duckdb").exists()


def test_a_path_that_ends_in_duckdb_is_a_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sink_at(tmp_path / "a.duckdb")
    for sink in ("a.duckdb", "./a.duckdb", str(tmp_path / "a.duckdb")):
        assert open_warehouse(Config(), sink=sink).changes() == []
    assert [file.name for file in tmp_path.glob("*.duckdb")] == ["a.duckdb"]
    with pytest.raises(ConfigError, match="is not a sink"):
        open_warehouse(Config(), sink="inventory.db")


def test_a_path_that_duckdb_takes_for_a_service_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_warehouse(Config(), sink="duckdb:///md:inventory").apply()
    assert (tmp_path / "md:inventory").is_file()


def test_a_run_says_each_cause_once_and_the_next_command(configured: dict[str, Any], replay: Replay) -> None:
    second = container_v1.Cluster(replay.clusters[0])
    second.name = "second"
    replay.clusters.append(second)
    message = 'jobs.batch is forbidden: User "viewer" cannot list resource "jobs"'
    body = {"kind": "Status", "reason": "Forbidden", "message": message}
    replay.answers["/apis/batch/v1/jobs"] = (403, {"Content-Type": "application/json"}, json.dumps(body).encode())
    done = invoke("run")
    names = ", ".join(f"{PROJECT}/{LOCATION}/{each.name}" for each in replay.clusters)
    (line,) = [line for line in done.stdout.splitlines() if "jobs.batch is forbidden" in line]
    assert line.startswith(f"  {names}: jobs: forbidden (jobs.batch is forbidden")
    command = done.stdout.splitlines()[-1].removeprefix("next: ")
    assert command.endswith(f" query coverage --sink {configured['sink']}")
    assert subprocess.run(command, shell=True, check=False, capture_output=True).returncode == 0
