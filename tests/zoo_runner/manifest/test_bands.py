"""Bounds: a value on the bound passes, whatever binary arithmetic makes of the decimals."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo_runner.manifest.bands import Band, decimal, factor, points, product, whole
from zoo_runner.manifest.direction import Direction
from zoo_runner.manifest.figures import Tolerance

TOLERANCES = (2, 5, 10, 30)
"""Hundredths."""
SAMPLES = 10_000


def test_every_value_of_two_decimals_is_on_its_bound() -> None:
    """A metric over ten thousand samples has every value of two decimals, as ``100 * k / n``."""
    cases = [(value, margin) for margin in TOLERANCES for value in range(margin + 1, 100 * 100)]
    binary, exact = 0, 0
    for value, margin in cases:
        measured = 100 * (value - margin) / SAMPLES
        binary += measured < value / 100 - margin / 100
        band = Tolerance(abs=margin / 100).band(value / 100)
        below = math.nextafter(measured, -math.inf)
        exact += not band.holds(measured, Direction.AT_LEAST) or band.holds(below, Direction.AT_LEAST)
    assert (len(cases), binary, exact) == (39_949, 7750, 0)


@given(st.integers(0, 10**6), st.integers(0, 10**4), st.integers(1, 6))
def test_both_bounds_are_the_nearest_doubles(value: int, margin: int, places: int) -> None:
    unit = 10**places
    band = Tolerance(abs=margin / unit).band(value / unit)
    assert band.bounds(Direction.WITHIN) == ((value - margin) / unit, (value + margin) / unit)
    assert band.bounds(None) == band.bounds(Direction.WITHIN)
    assert band.bounds(Direction.AT_LEAST) == ((value - margin) / unit, math.inf)
    assert band.bounds(Direction.AT_MOST) == (-math.inf, (value + margin) / unit)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_decimal_reads_as_its_double(number: float) -> None:
    assert float(decimal(number)) == number


@pytest.mark.parametrize(
    ("tolerance", "value", "margin"),
    [
        (Tolerance(), 80.0, "0"),
        (Tolerance(abs=0.02), 79.58, "0.02"),
        (Tolerance(rel=0.05), 445.783, "22.28915"),
        (Tolerance(rel=0.05), -100.0, "5"),
        (Tolerance(abs=1.0, rel=0.001), 80.0, "1"),
        (Tolerance(abs=0.01, rel=0.001), 80.0, "0.08"),
    ],
)
def test_the_wider_of_two_tolerances(tolerance: Tolerance, value: float, margin: str) -> None:
    assert tolerance.band(value) == Band(decimal(value), Decimal(margin))
    assert tolerance.margin(value) == float(margin)


@pytest.mark.parametrize(
    ("value", "margin", "wide"),
    [(80, "4", False), (80, "4.001", True), (0, "0", False), (0, "0.1", True), (-80, "4", False)],
)
def test_wide(value: float, margin: str, wide: bool) -> None:
    assert Band(decimal(value), Decimal(margin)).wide is wide


@pytest.mark.parametrize(
    ("written", "measured", "by"),
    [
        ("percent", "percent", 1),
        ("words", "words", 1),
        ("fraction", "percent", 100),
        ("percent", "fraction", Decimal("0.01")),
        ("percent", "words", None),
        ("points", "percent", None),
        ("%", "Percent", Decimal(1)),
        ("fraction", "%", Decimal(100)),
    ],
)
def test_units(written: str, measured: str, by: Decimal | None) -> None:
    assert factor(written, measured) == by


def test_a_fraction_in_percent_is_exact() -> None:
    assert Tolerance(abs=0.003).band(0.926).scaled(Decimal(100)) == Band(Decimal("92.6"), Decimal("0.3"))
    assert (whole("percent"), whole("fraction"), whole("words")) == (100.0, 1.0, None)
    assert (points(10, "percent"), points(1, "fraction"), points(1, "words")) == (Decimal(10), Decimal("0.01"), None)
    assert product(0.1, -3.0) == Decimal("0.3")
    assert not Band(Decimal(1)).holds(math.nan, Direction.AT_LEAST)
