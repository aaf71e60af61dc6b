"""Quantities, against Kubernetes' own rules."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from job.kinds.parts.quantities import base_units, milli_units, nano_units, unparsed


@pytest.mark.parametrize(
    ("text", "millis", "units"),
    [
        ("100m", 100, 1),
        ("1", 1000, 1),
        ("0.5", 500, 1),
        ("1500u", 2, 1),  # as the API server itself rounds it: 2m
        ("1n", 1, 1),
        ("0", 0, 0),
        ("1e3", 1_000_000, 1000),
        ("1E3", 1_000_000, 1000),
        ("1E", 10**21, 10**18),
        ("12e-1", 1200, 2),
        ("1Gi", 1_073_741_824_000, 1_073_741_824),
        ("1.5Gi", 1_610_612_736_000, 1_610_612_736),
        ("128974848", 128_974_848_000, 128_974_848),
        ("129M", 129_000_000_000, 129_000_000),
        ("123Mi", 128_974_848_000, 128_974_848),
        ("64973564Ki", 66_532_929_536_000, 66_532_929_536),
        ("1Ti", 1_099_511_627_776_000, 1_099_511_627_776),
        ("+3", 3000, 3),
        ("-1", -1000, -1),
        (".5", 500, 1),
        ("5.", 5000, 5),
        ("1k", 1_000_000, 1000),
        ("7Ei", None, 7 * 1024**6),
    ],
)
def test_quantities_mean_what_kubernetes_says(text: str, millis: int | None, units: int) -> None:
    if text != "1E":  # its thousandths do not fit into 64 bits
        assert milli_units(text) == millis
    assert base_units(text) == units


@pytest.mark.parametrize(
    "text", ["", " 1", "1 ", "1 Gi", "abc", "1KI", "1mi", "--1", "1e", "1ee3", "1.2.3", "0x10", "NaN", "\u0661"]
)
def test_text_that_is_not_a_quantity_is_none_and_never_zero(text: str) -> None:
    assert base_units(text) is None
    assert milli_units(text) is None


@pytest.mark.parametrize(
    "text",
    ["1e99999999", "9Ei", "1e30", "99999999999999999999", "9" * 1_000_001, "1" + "0" * 999_999, "1e-" + "9" * 1000,
     "0." + "0" * 1_000_001 + "1"],
    ids=lambda text: text[:20],
)  # fmt: skip
def test_a_quantity_beyond_64_bits_is_none_at_once(text: str) -> None:
    assert base_units(text) is None


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("1.0000000001", 1_000_000_001), ("1." + "0" * 400 + "1", 1_000_000_001), ("0.1n", 1), ("1e-99", 1),
        ("0e99", 0), ("-1.5", -1_500_000_000), ("8E", 8 * 10**27), ("1e40", 10**49),
    ],
)  # fmt: skip
def test_what_is_finer_than_a_billionth_is_rounded_up(text: str, nanos: int) -> None:
    assert nano_units(text) == nanos


def test_numbers_are_taken_as_their_text() -> None:
    assert (milli_units(2), milli_units(0.25), base_units(100_000_000)) == (2000, 250, 100_000_000)


def test_unparsed_quantities_are_named() -> None:
    assert list(unparsed("limits", {"cpu": "100m", "memory": "lots", "nvidia.com/gpu": "1"})) == ["limits.memory"]


def test_a_quantity_that_its_column_cannot_hold_is_unparsed() -> None:
    """1E cores fit into 64 bits, and their thousandths do not."""
    assert list(unparsed("requests", {"cpu": "1E", "memory": "1E"})) == ["requests.cpu"]
    assert list(unparsed("requests", {"cpu": "10P", "memory": "9Ei", "x.example.com/y": "1e19"})) == [
        "requests.cpu", "requests.memory", "requests.x.example.com/y",
    ]  # fmt: skip


_SUFFIXES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "m": Decimal("0.001")}


@given(st.decimals(min_value=0, max_value=10**6, places=3), st.sampled_from(sorted(_SUFFIXES)))
def test_rounding_is_up_and_never_by_a_whole_unit(number: Decimal, suffix: str) -> None:
    exact = number * _SUFFIXES[suffix]
    units, millis = base_units(f"{number}{suffix}"), milli_units(f"{number}{suffix}")
    assert units is not None
    assert millis is not None
    assert 0 <= units - exact < 1
    assert 0 <= millis - exact * 1000 < 1
