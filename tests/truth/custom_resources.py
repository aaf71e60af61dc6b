"""What `objects` in the configuration chooses of the custom resources that the simulator serves, and their rows.

Written from the descriptions of `objects.include` and `objects.exclude`, and of the table's columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

CUSTOM = {
    "rollouts.argoproj.io": ("Rollout", "v1alpha1"),
    "gameservers.agones.dev": ("GameServer", "v1"),
    "sparkapplications.sparkoperator.k8s.io": ("SparkApplication", "v1beta2"),
    "strimzipodsets.core.strimzi.io": ("StrimziPodSet", "v1beta2"),
    "leaderworkersets.leaderworkerset.x-k8s.io": ("LeaderWorkerSet", "v1"),
}
"""Plural and group -> kind and version."""
PLURALS = {name: name.partition(".")[0] for name in CUSTOM}
GROUPS = tuple(name.partition(".")[2] for name in CUSTOM)
OWNERS = {(kind, f"{name.partition('.')[2]}/{version}"): name for name, (kind, version) in CUSTOM.items()}
"""Kind and apiVersion, as a reference to a controller has them -> plural and group."""


class Choice(NamedTuple):
    """The setting `objects`, whose globs here have a group after their first dot, or are `*`."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def is_on(self) -> bool:
        return "*" not in self.exclude

    def chooses(self, name: str) -> bool:
        return _matches(name, self.include) and not _matches(name, self.exclude)

    def needs(self, group: str) -> bool:
        """Whether it may choose a kind of this group."""
        return any(_may_match(glob, group) for glob in self.include) and f"*.{group}" not in self.exclude


def states(choice: Choice, known: Set[str], served: Set[str] | None, broken: str | None) -> Iterator[tuple[str, str]]:
    """The name of each kind and glob that has a row in `collections`, with the reason for what the row says.

    Args:
        known: names that earlier runs asked for.
        served: the kinds by the cluster's discovery; None if it is not known.
        broken: the group whose server does not answer.
    """
    there = served or frozenset()
    listed = {name for name in there if choice.chooses(name)}
    matching = {glob: [name for name in there if fnmatchcase(name, glob)] for glob in choice.include}
    for name in listed.union(known, (one for one in choice.include if not _is_glob(one) or served is not None)):
        is_chosen = choice.is_on and name in choice.include if _is_glob(name) else choice.chooses(name)
        if name in listed:
            yield name, "listed"
        elif not is_chosen:
            yield name, "off"
        elif served is None:
            yield name, "unknown"
        elif matching.get(name):
            if name in known:
                yield name, "replaced"
        else:
            yield name, "broken" if broken and _may_match(name, broken) else "not served"


def made(plural: str) -> list[dict[str, Any]]:
    """A custom resource that controls nothing; none of another kind."""
    metadata = {"name": plural, "namespace": "default", "uid": "", "creationTimestamp": "2026-11-02T09:30:00Z"}
    return [{"metadata": metadata}] if plural in PLURALS.values() else []


def columns_of(name: str, item: dict[str, Any]) -> dict[str, Any]:
    """The columns that only the table `objects` has."""
    metadata, (kind, version) = item["metadata"], CUSTOM[name]
    group = name.partition(".")[2]
    owner = next((one for one in metadata.get("ownerReferences", ()) if one.get("controller")), {})
    return {
        "resource": name,
        "kind": kind,
        "api_group": group,
        "api_version": f"{group}/{version}",
        "generation": metadata.get("generation"),
        "owner_kind": owner.get("kind"),
        "owner_name": owner.get("name"),
        "owner_uid": owner.get("uid"),
        "finalizers": metadata.get("finalizers", []),
        "field_managers": sorted({entry["manager"] for entry in metadata.get("managedFields", ())}),
    }


def _matches(name: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _is_glob(name: str) -> bool:
    return "*" in name


def _may_match(glob: str, group: str) -> bool:
    return fnmatchcase(group, glob.partition(".")[2])
