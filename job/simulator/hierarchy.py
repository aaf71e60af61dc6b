"""The organization above the fleet's projects: folders, and projects in every state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

ORGANIZATION = "organizations/100000000001"
PRODUCTION, SHOP, LAB, ACQUIRED = (f"folders/20000000000{number}" for number in range(1, 5))


@dataclass(frozen=True)
class Folder:
    """A folder."""

    name: str
    """`folders/NUMBER`."""
    parent: str
    """The organization or folder that it is in."""
    state: str = "ACTIVE"


@dataclass(frozen=True)
class Project:
    """A project as Resource Manager knows it. Its clusters are the fleet's."""

    id: str
    number: int
    parent: str
    labels: dict[str, str] = field(default_factory=dict)
    state: str = "ACTIVE"
    has_container_api: bool = True
    """Whether the GKE API is enabled in it."""


@dataclass(frozen=True)
class Hierarchy:
    """Folders and projects, in any order."""

    folders: tuple[Folder, ...] = ()
    projects: tuple[Project, ...] = ()

    def knows(self, name: str) -> bool:
        """Whether the organization or folder exists."""
        return name == ORGANIZATION or any(folder.name == name for folder in self.folders)

    def project(self, project_id: str) -> Project | None:
        """The project of this id."""
        return next((project for project in self.projects if project.id == project_id), None)


def usual_hierarchy(projects: Iterable[str]) -> Hierarchy:
    """The projects of the usual fleet in folders of three levels, beside projects that have no clusters."""
    parents = {"shop-prod": SHOP, "shop-staging": LAB, "acquired-company": ACQUIRED}
    folders = (
        Folder(PRODUCTION, ORGANIZATION),
        Folder(SHOP, PRODUCTION),
        Folder(LAB, ORGANIZATION),
        Folder(ACQUIRED, ORGANIZATION),
        Folder("folders/200000000009", LAB, "DELETE_REQUESTED"),
    )
    found = [
        Project(name, 300000000001 + number, parents.get(name, ORGANIZATION), _labels(name))
        for number, name in enumerate(projects)
    ]
    found += [
        Project("sandbox-anna", 300000000011, LAB, {"env": "sandbox"}, has_container_api=False),
        Project("sandbox-ben", 300000000012, LAB, {"env": "sandbox"}),
        Project("shop-billing", 300000000013, SHOP, _labels("shop-billing"), has_container_api=False),
        Project("shop-old", 300000000014, SHOP, _labels("shop-old"), "DELETE_REQUESTED"),
    ]
    return Hierarchy(folders, tuple(found))


def _labels(name: str) -> dict[str, str]:
    return {"env": "staging" if name.endswith("staging") else "production", "team": name.partition("-")[0]}
