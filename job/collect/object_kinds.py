"""Which kinds of one cluster `objects` chooses, and what becomes of the others that it names or that were read before.

Each of them has a row of `collections` in each run: a kind without one would be stale for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import NamedTuple

from job.collect.discovery import Discovery
from job.collect.failures import Cause
from job.config_objects import Objects, matches
from job.kinds import KINDS, Kind
from job.kinds.objects import PartialObjectMetadata, name_of, object_kind
from job.tables import OBJECTS, Record

OFF = Cause("off", "switched off in the configuration")
_OWN = frozenset(name_of(kind.plural, kind.group) for kind in KINDS)
"""Kinds of `kinds`. An API server may serve one of them in a second group too."""
_WILD = "*?["
NOT_SERVED = "NotServed"
"""The reason of a kind that the API server does not serve, and of a glob that matches none."""


class Chosen(NamedTuple):
    """The kinds of one cluster."""

    kinds: list[Kind]
    """Those to list."""
    others: dict[str, Cause]
    """What is known of further ones without a list, by name, and of globs that match no kind."""


def is_needed(objects: Objects, group: str) -> bool:
    """Whether the configuration may choose a kind of this group.

    >>> objects = Objects(include=("*.example.com",), exclude=("*.old.example.com",))
    >>> [is_needed(objects, group) for group in ("example.com", "new.example.com", "old.example.com", "apps", "")]
    [True, True, False, False, False]
    """
    any_of_it = name_of("\0", group)
    return any(_may_match(pattern, group) for pattern in objects.include) and not matches(objects.exclude, [any_of_it])


def chosen(objects: Objects, found: Discovery | Cause, known: Iterable[str]) -> Chosen:
    """The kinds of a cluster that are to be listed, and what is known of the others.

    Args:
        found: what its API server serves, or why that is not known.
        known: names of kinds that earlier runs asked for.
    """
    kinds, names, served = [], set[str](), set[str]()
    if isinstance(found, Discovery):
        for resource, others in found.once():
            name, *also = [name_of(resource.plural, group) for group in (resource.group, *others)]
            served |= {name, *also}
            if _OWN.isdisjoint({name, *also}) and objects.chooses(name, *also):
                kinds.append(object_kind(*resource, objects.paths_of(name, *also)))
                names |= {name, *also}
    unmatched = {
        name
        for name in objects.include
        if not _is_glob(name) or (isinstance(found, Discovery) and not matches([name], served))
    }
    expected = {*known, *unmatched} - names - _OWN - {OBJECTS}
    return Chosen(kinds, {name: _cause(objects, found, name, served) for name in sorted(expected)})


def gaps(found: Discovery) -> Cause | None:
    """What of the discovery is missing; None if nothing is."""
    if not found.missing:
        return None
    causes = "; ".join(f"{group}: {cause.message}" for group, cause in found.missing.items())
    first = next(iter(found.missing.values()))
    return Cause("partial", f"API groups whose kinds are not known: {causes}", first.reason)


def of_objects(name: str) -> Kind:
    """What stands for the discovery, or for a kind of which nothing is listed."""
    return Kind(name, "", PartialObjectMetadata, _no_rows, metadata_only=True)


def _no_rows(*_: object) -> Iterator[Record]:
    return iter(())


def _is_glob(name: str) -> bool:
    return not set(name).isdisjoint(_WILD)


def _cause(objects: Objects, found: Discovery | Cause, name: str, served: Set[str]) -> Cause:
    """What is known of a kind that is not listed, or of a glob."""
    if not (name in objects.include and objects.is_on if _is_glob(name) else objects.chooses(name)):
        return OFF
    if isinstance(found, Cause):
        return found
    if matches([name], served):
        return Cause("ok", f"the kinds that {name} matches have rows of their own")
    missing = [cause for group, cause in found.missing.items() if _may_match(name, group)]
    not_served = f"serves no kind that {name} matches" if _is_glob(name) else f"does not serve {name}"
    return missing[0] if missing else Cause("ok", f"the API server {not_served}", NOT_SERVED)


def _may_match(pattern: str, group: str) -> bool:
    """Whether the pattern may match a name that ends in the group: what follows its last wildcard decides."""
    end = pattern[max(map(pattern.rfind, "*?]")) + 1 :]
    if not group:
        return "." not in pattern
    if end == pattern:
        return pattern.partition(".")[2] == group
    return f".{group}".endswith(end) or end.endswith(f".{group}")


Known = Mapping[str, frozenset[str]]
"""`project/location/cluster` -> names of the kinds that earlier runs asked for."""
