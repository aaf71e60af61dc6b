"""Kubernetes quantities, parsed exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import ROUND_CEILING, Decimal, localcontext
from functools import lru_cache

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


@lru_cache(maxsize=4096)
def base_units(quantity: Quantity | None) -> int | None:
    """The quantity in whole base units (bytes, pods, GPUs), rounded up as `Quantity.Value()` does.

    None if it is absent, not a quantity, or more than 64 bits.

    >>> base_units("1Ki"), base_units("1500m"), base_units("lots")
    (1024, 2, None)
    """
    return None if quantity is None else _scaled(str(quantity), 1)


@lru_cache(maxsize=4096)
def milli_units(quantity: Quantity | None) -> int | None:
    """The quantity in thousandths, rounded up as `Quantity.MilliValue()` does.

    >>> milli_units("250m"), milli_units("1500u"), milli_units(0.5)
    (250, 2, 500)
    """
    return None if quantity is None else _scaled(str(quantity), 1000)


def _scaled(text: str, factor: int) -> int | None:
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        return None
    number, exponent, suffix = match.groups()
    if exponent is not None and len(exponent) > 4:  # absurd, and slow to expand
        return None
    with localcontext(prec=100):
        amount = Decimal(number + (exponent or "")) * _SCALE.get(suffix, Decimal(1)) * factor
        whole = amount.to_integral_value(ROUND_CEILING)
    return int(whole) if -_MAX_INT64 - 1 <= whole <= _MAX_INT64 else None


def as_written(quantities: Mapping[str, Quantity] | None) -> tuple[ResourceQuantity, ...]:
    """Every resource with its quantity as the API wrote it.

    >>> as_written({"cpu": "100m"})
    (ResourceQuantity(resource='cpu', quantity='100m'),)
    """
    return tuple([ResourceQuantity(resource=key, quantity=str(value)) for key, value in (quantities or {}).items()])


def unparsed(name: str, quantities: Mapping[str, Quantity] | None) -> Iterator[str]:
    """`NAME.RESOURCE` of each value that is not a quantity.

    >>> list(unparsed("requests", {"cpu": "100m", "memory": "lots"}))
    ['requests.memory']
    """
    for resource, quantity in (quantities or {}).items():
        if milli_units(quantity) is None and base_units(quantity) is None:
            yield f"{name}.{resource}"
