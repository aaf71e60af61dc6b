"""What all Kubernetes objects and lists share (`meta/v1`), and the types of their fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

import msgspec

from job.wire.decoders import decoder

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""What an INT64 column holds. A larger number makes its object unreadable; a load job would fail for all rows."""

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""As the API declares it. No object holds so many of these that their sum exceeds INT64."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339, as in `metav1.Time`. The offset is required: without one the moment is unknown.

A struct with such fields passes them to `check_years`.
"""

NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]
"""Text that every object has."""

Quantity = str | int | float
"""API servers write text. Webhooks and aggregated servers also write numbers."""

_MANY = msgspec.Meta(max_length=10_000)  # more than any object has that runs; one with a million takes gigabytes
Element = TypeVar("Element")

Elements = Annotated[list[Element], _MANY]
"""A list of one object. A longer one makes the object unreadable."""

FrozenElements = Annotated[tuple[Element, ...], _MANY]
"""The same, of which a subclass may declare elements of a subclass."""

Texts = Annotated[dict[str, str], _MANY]
"""Such as labels."""

Quantities = Annotated[dict[str, Quantity], _MANY]
"""Resource name -> quantity."""

NOT_DECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for text that is not JSON, has the wrong types, is not UTF-8, or is nested too deeply."""


def check_years(*times: datetime | None) -> None:
    """An offset can move a time of the year 1 or 9999 to a year that no warehouse has.

    Raises:
        ValueError: one of the times is there. msgspec makes it a ValidationError, and the object unreadable.
    """
    for time in times:
        if time is not None and time.tzinfo is not UTC:  # API servers write UTC
            try:
                time.astimezone(UTC)
            except OverflowError as error:
                raise ValueError("the time is not in the years 1 to 9999") from error


class Wire(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A JSON object. Only the declared fields are read."""


class OwnerReference(Wire, frozen=True):
    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class PlainMeta(Wire, frozen=True):
    """An object's metadata without its annotations."""

    name: NonEmpty
    uid: NonEmpty
    namespace: str | None = None
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: Texts | None = None
    owner_references: Elements[OwnerReference] | None = None

    def __post_init__(self) -> None:
        check_years(self.creation_timestamp, self.deletion_timestamp)


class ObjectMeta(PlainMeta, frozen=True):
    generation: Int64 | None = None
    annotations: Texts | None = None


class ManagedFieldsEntry(Wire, frozen=True):
    """Who wrote fields of an object. Their names in `fieldsV1` are not read: keys of lists have values in them."""

    manager: str | None = None
    operation: str | None = None
    api_version: str | None = None
    time: str | None = None
    """RFC 3339. It is text here, since only few entries need it."""
    subresource: str | None = None


class ManagedMeta(ObjectMeta, frozen=True):
    """Of kinds that people and tools write. Controllers make most pods, whose decoding it would slow down by 1%."""

    managed_fields: Elements[ManagedFieldsEntry] | None = None


class Condition(Wire, frozen=True):
    type: str
    status: str
    last_transition_time: Time | None = None
    reason: str | None = None

    def __post_init__(self) -> None:
        if self.last_transition_time is not None and self.last_transition_time.tzinfo is not UTC:  # there are many
            check_years(self.last_transition_time)


class LabelSelectorRequirement(Wire, frozen=True):
    key: str
    operator: str
    values: Elements[str] | None = None


class LabelSelector(Wire, frozen=True):
    match_labels: Texts | None = None
    match_expressions: Elements[LabelSelectorRequirement] | None = None


class ListMeta(Wire, frozen=True):
    resource_version: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    continue_: Annotated[str, msgspec.Meta(max_length=16 << 10)] | None = msgspec.field(default=None, name="continue")
    remaining_item_count: Int64 | None = None


Item = TypeVar("Item")


class Page(Wire, Generic[Item], frozen=True):
    """One page of a LIST. Some old and aggregated servers send `items: null` for an empty page."""

    metadata: ListMeta
    items: list[Item] | None
    kind: Annotated[str, msgspec.Meta(max_length=256)] | None = None


RAW_PAGE = decoder(Page[msgspec.Raw])
"""Decodes a page but not its items."""


class Status(Wire, frozen=True):
    """The body of an error response (`meta/v1.Status`)."""

    kind: str | None = None
    message: str | None = None
    reason: str | None = None


class Name(Wire, frozen=True):
    """The part of an undecodable object's metadata that names it."""

    name: str | None = None
    namespace: str | None = None


class Named(Wire, frozen=True):
    """An object that cannot be decoded in full."""

    metadata: Name | None = None
