"""Conditions of the Gateway API: each says which generation of the object it is about."""

from __future__ import annotations

from collections.abc import Iterable

from job.kinds.parts.metadata import condition_holds, reason_of
from job.wire.meta import Condition, Int64

GATEWAY_API = "/apis/gateway.networking.k8s.io/v1"


class ObservedCondition(Condition, frozen=True):
    observed_generation: Int64 | None = None


def holds(
    found: Iterable[ObservedCondition] | None,
    type: str,  # noqa: A002 (the API's name)
    generation: int | None,
) -> tuple[bool | None, str | None]:
    """Whether the condition is true, and its reason; None for both until the controller has acted on this generation.

    >>> condition = ObservedCondition("Accepted", "True", reason="Accepted", observed_generation=1)
    >>> holds([condition], "Accepted", 1), holds([condition], "Accepted", 2)
    ((True, 'Accepted'), (None, None))
    """
    current = [one for one in found or () if (one.observed_generation or 0) >= (generation or 0)]
    return condition_holds(current, type), reason_of(current, type)
