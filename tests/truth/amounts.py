"""Quantities of Kubernetes, as exact fractions."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache


@lru_cache
def fraction(text: str) -> Fraction:
    """https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/"""
    suffix = next((suffix for suffix in _SUFFIXES if text.endswith(suffix)), "")
    return Fraction(text.removesuffix(suffix)) * _SUFFIXES.get(suffix, 1)


_SUFFIXES = {
    "n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "k": 10**3, "M": 10**6, "G": 10**9,
    "T": 10**12, "P": 10**15, "E": 10**18, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60,
}  # fmt: skip
