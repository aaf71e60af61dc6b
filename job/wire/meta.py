"""What all Kubernetes objects and lists share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

import msgspec

from job.wire.decoders import decoder

Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A larger number than a column holds spoils its object, not the load job of everybody's rows."""

Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""As the API declares it: so many of them that their sum is no INT64 fit into no object."""

Time = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339, as `metav1.Time` is written: one without an offset is a moment nobody knows, and compares with no other."""

Told = Annotated[str, msgspec.Meta(min_length=1)]
"""What no object is without."""

NOT_DECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for text that is not JSON, not of the right types, not UTF-8, or nested too deeply."""


class Wire(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A JSON object of which only the named fields are read."""


class OwnerReference(Wire, frozen=True):
    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class ObjectMeta(Wire, frozen=True):
    name: Told
    uid: Told
    namespace: str | None = None
    generation: Int64 | None = None
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[OwnerReference] | None = None


class Condition(Wire, frozen=True):
    type: str
    status: str
    last_transition_time: Time | None = None
    reason: str | None = None


class LabelSelector(Wire, frozen=True):
    match_labels: dict[str, str] | None = None


class ListMeta(Wire, frozen=True):
    resource_version: Annotated[str, msgspec.Meta(max_length=256)] | None = None
    continue_: Annotated[str, msgspec.Meta(max_length=16 << 10)] | None = msgspec.field(default=None, name="continue")
    remaining_item_count: Int64 | None = None


Item = TypeVar("Item")


class Page(Wire, Generic[Item], frozen=True):
    """One page of a LIST. `items` is `null` in some answers of old and aggregated servers: an empty page."""

    metadata: ListMeta
    items: list[Item] | None
    kind: Annotated[str, msgspec.Meta(max_length=256)] | None = None


RAW_PAGE = decoder(Page[msgspec.Raw])
"""Decodes a page but not its items."""


class Status(Wire, frozen=True):
    """The body of an answer that is not a success (`meta/v1.Status`)."""

    message: str | None = None
    reason: str | None = None


class Name(Wire, frozen=True):
    """As much of a broken object's metadata as it takes to name it."""

    name: str | None = None
    namespace: str | None = None


class Named(Wire, frozen=True):
    metadata: Name | None = None
