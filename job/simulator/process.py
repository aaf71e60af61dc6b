"""Starts the simulator as a separate process, and controls it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from job.simulator.bigquery.control import Control
from job.simulator.hierarchy import Folder, Project

_STARTING_SECONDS = 60


class SimulatorError(RuntimeError):
    """The simulator did not start, or refused a request to its control."""


@dataclass(frozen=True)
class Simulator:
    """A running simulated fleet."""

    container_endpoint: str
    resource_manager_endpoint: str
    resource_manager_rest_endpoint: str
    """The same API as REST."""
    asset_inventory_endpoint: str
    asset_inventory_rest_endpoint: str
    """The same API as REST."""
    bigquery_endpoint: str
    storage_endpoint: str
    connect_gateway_endpoint: str
    gke_hub_endpoint: str
    has_bigquery: bool
    """If false, the endpoint refuses every request."""
    token_uri: str
    metadata_host: str
    control: str
    projects: tuple[str, ...]
    clusters: dict[str, int]
    """Port of the API server of each cluster `project/location/name`."""
    directory: Path
    process: subprocess.Popen[str]

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that select the fleet's credentials, and its substitute for system root CAs."""
        return {
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.directory / "service-account.json"),
            "SSL_CERT_FILE": str(self.directory / "ca-certificates.pem"),
        }

    @property
    def configuration(self) -> dict[str, Any]:
        """A configuration of `gke-inventory` for this fleet."""
        endpoints = {
            "container": self.container_endpoint,
            "cloudresourcemanager": self.resource_manager_endpoint,
            "cloudasset": self.asset_inventory_endpoint,
            "bigquery": self.bigquery_endpoint,
            "storage": self.storage_endpoint,
            "connectgateway": self.connect_gateway_endpoint,
            "gkehub": self.gke_hub_endpoint,
            "oauth2": self.token_uri,
        }
        return {"projects": list(self.projects), "api_endpoints": endpoints}

    @property
    def bigquery(self) -> Control:
        """Controls the simulated BigQuery: its faults, clock and quotas."""
        return Control(self.bigquery_endpoint)

    def alive(self) -> bool:
        """True while its process runs."""
        return self.process.poll() is None

    def fault(self, cluster: str, kind: str, resource: str = "*", **options: Any) -> None:
        """Injects a fault.

        Args:
            cluster: glob on `project/location/name`; for the GKE API's faults, on the project; for those of Resource
                Manager and Cloud Asset Inventory, on `folders/NUMBER`, `organizations/NUMBER` or `projects/ID`.
            kind: one of `job.simulator.faults.KINDS`.
            resource: glob on the resource.
            options: `times`, `page`, `after`, and the options of the kind.
        """
        self._call("POST", "/faults", {"cluster": cluster, "kind": kind, "resource": resource, **options})

    def clear(self) -> None:
        """Removes all faults; Cloud Asset Inventory knows the fleet again."""
        self._call("DELETE", "/faults")

    def inventory(self) -> dict[str, Any]:
        """Everything that exists in the fleet, readable or not."""
        return dict(self._call("GET", "/inventory"))

    def requests(self) -> list[dict[str, Any]]:
        """Every request to the API servers and the GKE API so far."""
        return list(self._call("GET", "/requests"))

    def create(self, cluster: str, resource: str, item: dict[str, Any]) -> None:
        """Creates an object."""
        self._call("POST", "/objects", {"do": "create", "cluster": cluster, "resource": resource, "object": item})

    def delete(self, cluster: str, resource: str, key: str) -> None:
        """Deletes the object `namespace/name`, or `name`."""
        self._call("POST", "/objects", {"do": "delete", "cluster": cluster, "resource": resource, "key": key})

    def compact(self, cluster: str) -> None:
        """Expires all continue tokens of older versions."""
        self._call("POST", "/objects", {"do": "compact", "cluster": cluster})

    def change_fleet(self, *, clusters: int, pods: int, seed: int, plain: bool) -> None:
        """Replaces the fleet with the one that `simulate` makes for these arguments, without faults."""
        arguments = {"clusters": clusters, "pods": pods, "seed": seed, "special": not plain}
        ports = self._call("POST", "/fleet", arguments)
        self.clusters.clear()
        self.clusters.update(ports)

    def change_hierarchy(self, folders: Sequence[Folder], projects: Sequence[Project]) -> None:
        """Replaces the folders and projects that Resource Manager lists; the clusters stay as they are."""
        body = {"folders": [asdict(each) for each in folders], "projects": [asdict(each) for each in projects]}
        self._call("POST", "/hierarchy", body)

    def change_assets(self, *, known: Sequence[str] = (), unknown: Sequence[str] = ()) -> None:
        """Makes Cloud Asset Inventory differ from the fleet, until the faults are cleared.

        Args:
            known: `project/location/name` of clusters that it knows besides.
            unknown: those that it does not know.
        """
        self._call("POST", "/assets", {"known": list(known), "unknown": list(unknown)})

    def create_cluster(self, cluster: str, attached: str = "") -> int:
        """Creates the cluster `project/location/name` in an existing project; returns the port of its API server.

        It has a new id and new objects, even if a cluster of this name was deleted before.

        Args:
            attached: if GKE does not run it, the type of its membership's endpoint, such as `multiCloudCluster`, or
                `kubernetes`. Then `name` is `membership:` and the name of the membership.
        """
        return int(self._call("POST", "/clusters", {"do": "create", "cluster": cluster, "attached": attached})["port"])

    def delete_cluster(self, cluster: str) -> None:
        """Deletes a cluster."""
        self._call("POST", "/clusters", {"do": "delete", "cluster": cluster})

    def set_status(self, cluster: str, status: str) -> None:
        """Sets the status of a cluster in GKE."""
        self._call("POST", "/clusters", {"do": "status", "cluster": cluster, "status": status})

    def set_endpoints(self, cluster: str, addresses: dict[str, str], membership: str = "") -> None:
        """Sets the addresses by which GKE describes a cluster, and its name in a fleet.

        Args:
            addresses: of the endpoints `public`, `private` and `dns`; it has no others.
        """
        body = {"do": "endpoints", "cluster": cluster, "addresses": addresses, "membership": membership}
        self._call("POST", "/clusters", body)

    def forbid(self, cluster: str, *resources: str) -> None:
        """Sets the resources of a cluster that the identity may not list; `*` means all."""
        self._call("POST", "/clusters", {"do": "forbid", "cluster": cluster, "resources": list(resources)})

    def grant(self, *permissions: str) -> None:
        """Gives the identity these IAM permissions in all projects, and nothing else; without any, RBAC decides again.

        Only the GKE API and the API servers ask for them.
        """
        self._call("POST", "/identity", {"permissions": list(permissions) or None})

    def set_owners(self, **accounts: str) -> None:
        """Lets single accounts alone read projects, and be impersonated; without any, every identity reads all.

        Args:
            accounts: email addresses by project id, with `_` in place of `-`.
        """
        owners = {project.replace("_", "-"): account for project, account in accounts.items()}
        self._call("POST", "/identity", {"owners": owners})

    def cut(self) -> int:
        """Aborts every connection to the API servers; returns their number."""
        return int(self._call("DELETE", "/connections")["cut"])

    def tokens(self, *, revoke: bool = False, lifetime: int | None = None) -> int:
        """The number of tokens issued so far; can also revoke them all, and set the lifetime of new ones in seconds."""
        body = {"revoke": revoke} | ({"lifetime": lifetime} if lifetime is not None else {})
        return int(self._call("POST", "/identity", body)["issued"])

    def instructions(self) -> str:
        """Explains how to use this fleet with `gke-inventory`, `kubectl` and `bq`."""
        path, port = next(iter(self.clusters.items()))
        environment = "\n".join(f"  export {name}={value}" for name, value in self.environment.items())
        config = self.directory / "inventory.yaml"
        config.write_text(json.dumps(self.configuration, indent=2) + "\n")  # JSON is YAML
        text = f"""\
{len(self.clusters)} clusters in {", ".join(self.projects)}; press Ctrl-C to stop.

gke-inventory:
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
            return text
        return f"""\
{text}
BigQuery, with gke-inventory and bq:
  gke-inventory run --sink 'bigquery://{self.projects[0]}.inventory?location=EU'
  bq --headless --api {self.bigquery_endpoint} --project_id={self.projects[0]} --oauth_access_token=fake ls
"""

    def _call(self, method: str, path: str, body: Any = None) -> Any:
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
    """Starts a fleet in a separate process, which exits with the block or with this process, for whatever reason.

    Args:
        clusters: number of clusters.
        pods: approximate number of pods of each cluster.
        plain: makes every cluster readable.
        faults: `CLUSTER-GLOB:RESOURCE:KIND[:key=value,...]`.
        bigquery: simulates BigQuery too; needs the packages of the extra `simulate`.
        googlesql: BigQuery checks and answers queries with the GoogleSQL engine; needs the package `zetasql`.

    Raises:
        SimulatorError: the process did not start.
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
        start_new_session=True,  # Ctrl-C in a terminal reaches only us; we then stop it
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
            resource_manager_endpoint=ready["resource_manager"],
            resource_manager_rest_endpoint=ready["resource_manager_rest"],
            asset_inventory_endpoint=ready["asset_inventory"],
            asset_inventory_rest_endpoint=ready["asset_inventory_rest"],
            storage_endpoint=ready["storage"],
            bigquery_endpoint=ready["bigquery"],
            connect_gateway_endpoint=ready["connectgateway"],
            gke_hub_endpoint=ready["gkehub"],
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
            shutil.rmtree(directory, ignore_errors=True)  # a process that was not killed has already removed it
