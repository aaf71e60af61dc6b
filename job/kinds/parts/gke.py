"""Values of the GKE API, as columns have them."""

from __future__ import annotations

from collections.abc import Iterable

from job.kinds.parts.metadata import key_values
from job.tables import KeyValue
from job.wire import gke


def enum_name(value: gke.Enum | None) -> str | None:
    """The value's name. None for the zero value, which means "not set".

    >>> enum_name("RUNNING"), enum_name("STATUS_UNSPECIFIED")
    ('RUNNING', None)
    """
    if value is None or (text := str(value)).endswith("_UNSPECIFIED") or text in ("UNSPECIFIED", "0"):
        return None
    return text


def sorted_labels(labels: dict[str, str] | None) -> tuple[KeyValue, ...]:
    """Labels in the order of their keys. Maps of protocol buffers have no order, and equal clusters have equal rows.

    >>> sorted_labels({"b": "2", "a": "1"})
    (KeyValue(key='a', value='1'), KeyValue(key='b', value='2'))
    """
    return key_values(dict(sorted((labels or {}).items())))


def condition_codes(found: Iterable[gke.StatusCondition] | None) -> tuple[str, ...]:
    """One code for each condition: the deprecated `code` where there is one, since it says more than `canonicalCode`.

    For example, `GCE_STOCKOUT` has the canonical code `RESOURCE_EXHAUSTED`.
    """
    return tuple(code for c in found or () if (code := enum_name(c.code) or enum_name(c.canonical_code)))
