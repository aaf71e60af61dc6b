"""Kubernetes quantities, parsed exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Decimal, localcontext

from job.kinds.parts.caches import bounded_cache
from job.tables import ResourceQuantity
from job.wire.meta import Quantity

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_GRAMMAR = re.compile(
    r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(?:([eE][+-]?\d+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei))?", re.ASCII
)
_SCALE = {
    **{suffix: Decimal(1000) ** power for suffix, power in zip(("n", "u", "m"), (-3, -2, -1), strict=True)},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Decimal(1024) ** power for power, suffix in enumerate("KMGTPE", start=1)},
}
_MAX_INT64 = 2**63 - 1  # the limit of an INT64 column, and of Value() and MilliValue() in Kubernetes
_MAX_LENGTH = 1000  # of a quantity's text: Kubernetes rounds to 28 digits, and somebody may write a million
_MAX_DIGITS = 60  # before the decimal point

NANOS = 10**9
"""Nano-units in one base unit."""
NANOS_PER_MILLI = 10**6


@bounded_cache(maxsize=4096)
def base_units(quantity: Quantity | None) -> int | None:
    """The quantity in whole base units (bytes, pods, GPUs), rounded up as `Quantity.Value()` does.

    None if it is absent, not a quantity, or more than 64 bits.

    >>> base_units("1Ki"), base_units("1500m"), base_units("lots")
    (1024, 2, None)
    """
    return rounded_up(nano_units(quantity), NANOS)


@bounded_cache(maxsize=4096)
def milli_units(quantity: Quantity | None) -> int | None:
    """The quantity in thousandths, rounded up as `Quantity.MilliValue()` does.

    >>> milli_units("250m"), milli_units("1500u"), milli_units(0.5)
    (250, 2, 500)
    """
    return rounded_up(nano_units(quantity), NANOS_PER_MILLI)


def amount(quantity: Quantity | None) -> float | None:
    """The quantity in base units (cores, bytes, objects) as a number. None if it is absent or not a quantity.

    >>> amount("18500m"), amount("1Ki"), amount("lots")
    (18.5, 1024.0, None)
    """
    nanos = nano_units(quantity)
    return None if nanos is None else nanos / NANOS


def nano_units(quantity: Quantity | None) -> int | None:
    """The quantity in billionths, the precision of Kubernetes, which rounds up what is finer. May exceed 64 bits.

    None if it is absent, not a quantity, or far beyond any amount.

    >>> nano_units("100m"), nano_units("0.1n"), nano_units("1E")
    (100000000, 1, 1000000000000000000000000000)
    """
    if quantity is None:
        return None
    text = str(quantity)
    match = _GRAMMAR.fullmatch(text) if len(text) <= _MAX_LENGTH else None
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    if exponent is not None and len(exponent) > 4:  # absurd, and slow to expand
        return None
    amount = Decimal(number + (exponent or ""))
    if amount and amount.adjusted() > _MAX_DIGITS:
        return None
    with localcontext(prec=200, rounding=ROUND_CEILING):
        return int((amount * _SCALE.get(suffix, Decimal(1)) * NANOS).to_integral_value())


def rounded_up(nanos: int | None, unit: int) -> int | None:
    """An amount of nano-units in larger units, rounded up. None if it is absent, or more than 64 bits.

    >>> rounded_up(1_500_000, NANOS_PER_MILLI), rounded_up(2**63 * NANOS, NANOS)
    (2, None)
    """
    if nanos is None:
        return None
    whole = -(-nanos // unit)
    return whole if -_MAX_INT64 - 1 <= whole <= _MAX_INT64 else None


def as_written(quantities: Mapping[str, Quantity] | None) -> tuple[ResourceQuantity, ...]:
    """Every resource with its quantity as the API wrote it.

    >>> as_written({"cpu": "100m"})
    (ResourceQuantity(resource='cpu', quantity='100m'),)
    """
    return tuple([ResourceQuantity(resource=key, quantity=str(value)) for key, value in (quantities or {}).items()])


def unparsed(name: str, quantities: Mapping[str, Quantity] | None) -> Iterator[str]:
    """`NAME.RESOURCE` of each value that is not a quantity, or that its column cannot hold.

    >>> list(unparsed("requests", {"cpu": "1E", "memory": "lots", "ephemeral-storage": "1E"}))
    ['requests.cpu', 'requests.memory']
    """
    for resource, quantity in (quantities or {}).items():
        if (milli_units if resource == "cpu" else base_units)(quantity) is None:
            yield f"{name}.{resource}"
