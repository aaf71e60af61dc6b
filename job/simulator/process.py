"""Starting the simulator as a process of its own, and telling it what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from job.simulator.bigquery.control import Control

_STARTING_SECONDS = 60


class SimulatorError(RuntimeError):
    """The simulator did not start, or refused what it was told."""


@dataclass(frozen=True)
class Simulator:
    """A running simulated fleet."""

    container_endpoint: str
    bigquery_endpoint: str
    has_bigquery: bool
    """Without it, its endpoint refuses every request."""
    token_uri: str
    metadata_host: str
    control: str
    projects: tuple[str, ...]
    clusters: dict[str, int]
    """`project/location/name` -> port of its API server."""
    directory: Path
    process: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        """What points a process at the fleet's credentials, and at its stand-in for the system's roots."""
        return {
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.directory / "service-account.json"),
            "SSL_CERT_FILE": str(self.directory / "ca-certificates.pem"),
        }

    @property
    def configuration(self) -> dict[str, Any]:
        """The keys of a configuration of the job."""
        endpoints = {
            "container": self.container_endpoint,
            "bigquery": self.bigquery_endpoint,
            "oauth2": self.token_uri,
        }
        return {"projects": list(self.projects), "api_endpoints": endpoints}

    @property
    def bigquery(self) -> Control:
        """The control of the simulated BigQuery: its faults, clock and counts."""
        return Control(self.bigquery_endpoint)

    def alive(self) -> bool:
        """Whether its process runs."""
        return self.process.poll() is None

    def fault(self, cluster: str, kind: str, resource: str = "*", **options: Any) -> None:
        """Makes something go wrong.

        Args:
            cluster: glob on `project/location/name`, or on a project for the GKE API's faults.
            kind: one of `job.simulator.faults.KINDS`.
            resource: glob on the resource.
            options: `times`, `page`, `after`, and what the kind takes.
        """
        self._tell("POST", "/faults", {"cluster": cluster, "kind": kind, "resource": resource, **options})

    def clear(self) -> None:
        """Puts everything right again."""
        self._tell("DELETE", "/faults")

    def inventory(self) -> dict[str, Any]:
        """Everything there is, readable or not."""
        return dict(self._tell("GET", "/inventory"))

    def requests(self) -> list[dict[str, Any]]:
        """Every request that the API servers and the GKE API were sent."""
        return list(self._tell("GET", "/requests"))

    def create(self, cluster: str, resource: str, item: dict[str, Any]) -> None:
        """Adds an object."""
        self._tell("POST", "/objects", {"do": "create", "cluster": cluster, "resource": resource, "object": item})

    def delete(self, cluster: str, resource: str, key: str) -> None:
        """Deletes the object `namespace/name`, or `name`."""
        self._tell("POST", "/objects", {"do": "delete", "cluster": cluster, "resource": resource, "key": key})

    def compact(self, cluster: str) -> None:
        """Lets all continue tokens of older versions expire."""
        self._tell("POST", "/objects", {"do": "compact", "cluster": cluster})

    def change_fleet(self, *, clusters: int, pods: int, seed: int, plain: bool) -> None:
        """Puts another fleet in the place of this one, as `simulate` makes it, with nothing wrong."""
        told = {"clusters": clusters, "pods": pods, "seed": seed, "special": not plain}
        ports = self._tell("POST", "/fleet", told)
        self.clusters.clear()
        self.clusters.update(ports)

    def create_cluster(self, cluster: str) -> int:
        """Adds the cluster `project/location/name` to a project that is there; returns the port of its API server.

        One that was deleted before under this name had another id, and other objects.
        """
        return int(self._tell("POST", "/clusters", {"do": "create", "cluster": cluster})["port"])

    def delete_cluster(self, cluster: str) -> None:
        """Deletes a cluster."""
        self._tell("POST", "/clusters", {"do": "delete", "cluster": cluster})

    def set_status(self, cluster: str, status: str) -> None:
        """Sets a cluster's state in GKE."""
        self._tell("POST", "/clusters", {"do": "status", "cluster": cluster, "status": status})

    def forbid(self, cluster: str, *resources: str) -> None:
        """Lets the identity list all but these of a cluster; `*` is everything."""
        self._tell("POST", "/clusters", {"do": "forbid", "cluster": cluster, "resources": list(resources)})

    def cut(self) -> int:
        """Cuts every connection to the API servers; returns how many there were."""
        return int(self._tell("DELETE", "/connections")["cut"])

    def tokens(self, *, revoke: bool = False, lifetime: int | None = None) -> int:
        """How many tokens have been issued; may revoke them all, and set how many seconds new ones live."""
        told = {"revoke": revoke} | ({"lifetime": lifetime} if lifetime is not None else {})
        return int(self._tell("POST", "/identity", told)["issued"])

    def instructions(self) -> str:
        """How to point this job, `kubectl` and `bq` at the fleet."""
        path, port = next(iter(self.clusters.items()))
        environment = "\n".join(f"  export {name}={value}" for name, value in self.environment.items())
        config = self.directory / "inventory.yaml"
        config.write_text(json.dumps(self.configuration, indent=2) + "\n")  # JSON is YAML
        told = f"""\
{len(self.clusters)} clusters in {", ".join(self.projects)}; Ctrl-C ends them.

this job:
{environment}
  export GKE_INVENTORY_CONFIG={config}
  gke-inventory plan
  gke-inventory run --sink duckdb:///simulated.duckdb

kubectl, against {path}:
  kubectl --kubeconfig /dev/null --server https://127.0.0.1:{port} \\
    --certificate-authority {self.directory}/cluster-0-ca.pem \\
    --token "$(cat {self.directory}/kubectl-token)" get pods --all-namespaces
"""
        if not self.has_bigquery:
            return told
        return f"""\
{told}
BigQuery, with this job and with bq:
  gke-inventory run --sink 'bigquery://{self.projects[0]}.inventory?location=EU'
  bq --headless --api {self.bigquery_endpoint} --project_id={self.projects[0]} --oauth_access_token=fake ls
"""

    def _tell(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.control + path, data=data, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            raise SimulatorError(error.read().decode()) from error
        return msgspec.json.decode(text) if text else None


@contextmanager
def simulate(
    *,
    clusters: int = 5,
    pods: int = 200,
    seed: int = 1,
    plain: bool = False,
    faults: Sequence[str] = (),
    token_lifetime: int = 3600,
    bigquery: bool = True,
    googlesql: bool = False,
) -> Iterator[Simulator]:
    """Starts a fleet in a process of its own; it ends with the block, and with this process, however that ends.

    Args:
        clusters: how many.
        pods: about how many each has.
        plain: a fleet of which everything can be read.
        faults: `CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]`.
        bigquery: whether BigQuery is simulated too, which needs the extra `simulate`.
        googlesql: BigQuery's queries are held to and answered by GoogleSQL's own engine; needs the package `zetasql`.

    Raises:
        SimulatorError: it did not start.
    """
    command = [
        sys.executable, "-P", "-m", "job.simulator",
        "--clusters", str(clusters), "--pods", str(pods), "--seed", str(seed),
        "--token-lifetime", str(token_lifetime), *(["--plain"] if plain else []),
        *([] if bigquery else ["--no-bigquery"]),
        *(["--googlesql"] if googlesql else []),
        *(word for fault in faults for word in ("--fault", fault)),
    ]  # fmt: skip
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in a terminal is for us, who then end it in order
    )
    directory = None
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise SimulatorError(f"the simulator did not start: exit code {process.wait(_STARTING_SECONDS)}")
        ready = json.loads(line)
        directory = Path(ready["directory"])
        yield Simulator(
            container_endpoint=ready["container"],
            bigquery_endpoint=ready["bigquery"],
            has_bigquery=bigquery,
            token_uri=ready["token_uri"],
            metadata_host=ready["metadata_host"],
            control=ready["control"],
            projects=tuple(ready["projects"]),
            clusters=ready["clusters"],
            directory=directory,
            process=process,
        )
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if directory is not None:
            shutil.rmtree(directory, ignore_errors=True)  # which it has removed itself, if it was not killed
