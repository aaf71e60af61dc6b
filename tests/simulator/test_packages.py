"""What the simulated fleet needs installed: the demo works without the packages of the simulated BigQuery."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from google.api_core.exceptions import MethodNotImplemented
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-P", "-m", "job.cli"]

HIDE = """\
import sys
from importlib.machinery import PathFinder

class Installed(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name.partition(".")[0] in ("googleapiclient", "jsonschema_rs"):
            return None
        return super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Installed
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment whose Python processes cannot find the packages of the simulated BigQuery."""
    folder = tmp_path / "hide"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(HIDE)
    return os.environ | {"PYTHONPATH": str(folder)}


def pinned(name: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==", (ROOT / f"config/{name}.txt").read_text(), re.MULTILINE))


def test_the_demo_does_not_install_the_packages_of_the_simulated_bigquery() -> None:
    only_bigquery = {"google-api-python-client", "google-auth-httplib2", "httplib2", "jsonschema-rs", "uritemplate"}
    assert not only_bigquery & pinned("requirements-demo")
    assert only_bigquery <= pinned("requirements-dev")


def test_the_packages_are_hidden(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import googleapiclient"], env=environment, capture_output=True, text=True, check=False
    )
    assert "ModuleNotFoundError" in done.stderr


def test_the_demo_works_without_the_packages_of_the_simulated_bigquery(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [*COMMAND, "demo", "--clusters", "2", "--pods", "5", "--json"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"]["pods"] > 0


def test_simulate_without_these_packages_serves_the_rest_and_refuses_bigquery(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        [*COMMAND, "simulate", "--clusters", "1", "--pods", "5"], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        said = ""
        while "pip install" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        assert "BigQuery is not simulated" in said
        assert ".[simulate]" in said
        assert "kubectl --kubeconfig" in said
        assert "bq --headless" not in said
        assert "bigquery://" not in said
        config = re.search(r"GKE_INVENTORY_CONFIG=(\S+)", said)
        assert config is not None
        endpoint = json.loads(Path(config[1]).read_text())["api_endpoints"]["bigquery"]
        client = bigquery.Client("p", AnonymousCredentials(), client_options={"api_endpoint": endpoint})
        with pytest.raises(MethodNotImplemented, match="started without BigQuery"):
            client.get_dataset("p.inventory")
        client.close()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        process.stdout.close()
