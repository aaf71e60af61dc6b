"""Folders that Resource Manager does not list."""

from __future__ import annotations

import urllib3
from faults.fleet import Fleet

from job.simulator.hierarchy import LAB, ORGANIZATION


def test_a_fault_of_a_folder_is_its_own(fleet: Fleet) -> None:
    fleet.simulator.fault(LAB, "node_denied", "projects")
    fleet.simulator.fault("folders/*", "node_unavailable", "folders", times=1)
    token = "Bearer " + (fleet.simulator.directory / "kubectl-token").read_text()

    def status(resource: str, parent: str) -> int:
        url = f"{fleet.simulator.resource_manager_rest_endpoint}/v3/{resource}"
        return urllib3.request("GET", url, fields={"parent": parent}, headers={"Authorization": token}).status

    assert (status("projects", LAB), status("projects", ORGANIZATION)) == (403, 200)
    assert (status("folders", LAB), status("folders", LAB)) == (503, 200)
