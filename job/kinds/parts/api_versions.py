"""The API versions in which an object was written, where they differ from the one that it is read in.

They are evidence that a client, or a file that somebody applies, still uses that version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import msgspec

from job.kinds.parts.managed_by import manager_name
from job.tables.record import OtherApiVersion
from job.wire.decoders import decoder
from job.wire.meta import NOT_DECODABLE, ManagedFieldsEntry, ManagedMeta, ObjectMeta, Wire

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MOST = 20
_API_VERSION = re.compile(r"(?:[a-z0-9][-a-z0-9.]{0,251}/)?v[0-9][a-z0-9]{0,61}")
_OPERATIONS = frozenset({"Apply", "Update"})


class _Applied(Wire, frozen=True):
    """What `kubectl apply` has stored of the object as it was applied: nothing else of it is decoded."""

    api_version: str | None = None


_applied = decoder(_Applied)


def other_api_versions(metadata: ObjectMeta, api_version: str) -> tuple[OtherApiVersion, ...]:
    """The column of the same name.

    Args:
        api_version: the one that the object is read in.
    """
    entries = metadata.managed_fields if isinstance(metadata, ManagedMeta) else None
    return found_in(entries, (metadata.annotations or {}).get(LAST_APPLIED), api_version)


def found_in(
    entries: Iterable[ManagedFieldsEntry] | None, last_applied: str | None, api_version: str
) -> tuple[OtherApiVersion, ...]:
    """The same, of the parts of the metadata.

    >>> entry = ManagedFieldsEntry(manager="helm", operation="Update", api_version="batch/v1beta1")
    >>> [(found.api_version, found.field_manager) for found in found_in([entry], None, "batch/v1")]
    [('batch/v1beta1', 'helm')]
    """
    # most objects have none: they cost a comparison for each entry
    others = [entry for entry in entries or () if entry.api_version != api_version]
    if not others and not last_applied:
        return ()
    found, of_versions, more = tuple(_of_entries(others)), dict[str, OtherApiVersion](), list[OtherApiVersion]()
    for entry in found:
        if of_versions.setdefault(entry.api_version, entry) is not entry:
            more.append(entry)
    # the first 20 have each version
    return (*of_versions.values(), *_of_last_applied(last_applied, api_version), *more)[:_MOST]


def _of_entries(entries: Iterable[ManagedFieldsEntry]) -> Iterator[OtherApiVersion]:
    for entry in entries:
        if entry.api_version and _API_VERSION.fullmatch(entry.api_version):
            yield OtherApiVersion(
                api_version=entry.api_version,
                source="managedFields",
                field_manager=manager_name(entry.manager),
                operation=entry.operation if entry.operation in _OPERATIONS else None,
                written_at=_time(entry.time),
            )


def _of_last_applied(text: str | None, api_version: str) -> Iterator[OtherApiVersion]:
    if not text:
        return
    try:
        applied = _applied.decode(text)
    except (msgspec.ValidationError, *NOT_DECODABLE):
        return  # it is anybody's text
    found = applied.api_version
    if found and found != api_version and _API_VERSION.fullmatch(found):
        yield OtherApiVersion(api_version=found, source="last-applied")


def _time(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text or "")
        return time.astimezone(UTC) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None
