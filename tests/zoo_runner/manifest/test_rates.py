"""Units of throughput."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from zoo_runner.errors import ManifestError
from zoo_runner.manifest.gated import expected_lines
from zoo_runner.manifest.load import load
from zoo_runner.manifest.rates import RateOfSamples, converted, per_sample, rate_name

Write = Callable[..., Path]
EXAMPLE = "{name: frames/s, per_sample: 16}"


@pytest.mark.parametrize(
    ("unit", "rate", "found"),
    [
        ("images/s", 12.5, 12.5),
        ("images/s", None, None),
        (RateOfSamples(name="frames/s", per_sample=16), None, None),
        (RateOfSamples(name="frames/s", per_sample=16), 0.1, 1.6),
        (RateOfSamples(name="s of audio/s", per_sample=0.1), 3.0, 0.3),  # 0.30000000000000004 in doubles
        (RateOfSamples(name="sentences/s", per_sample=1), 1 / 3, 1 / 3),
    ],
)
def test_a_rate_is_converted_exactly(unit: str | RateOfSamples, rate: float | None, found: float | None) -> None:
    assert converted(rate, unit) == found
    assert rate_name(unit).endswith("/s")
    assert per_sample(unit) > Decimal(0)


@pytest.mark.parametrize(
    ("unit", "complaint"),
    [
        (
            "fps",
            f"unit: expected 'images/s', or what one sample is, such as {EXAMPLE}, found 'fps' (string)",
        ),
        ("{name: frames/s}", "unit.per_sample: required, but not given (how many of them one sample is)"),
        ("{name: frames/s, per_sample: 0}", "unit.per_sample: expected more than 0, found 0 (integer)"),
        ("{name: frames/s, per_sampel: 4}", "unit.per_sampel: unknown key; did you mean 'per_sample'?"),
        (
            "{name: frames, per_sample: 16}",
            "unit.name: expected a count per second that ends in /s, such as frames/s, found 'frames' (string)",
        ),
        (
            "{name: images/s, per_sample: 16}",
            "unit.name: expected what one sample is worth, found images/s, which counts samples; write unit: images/s",
        ),
    ],
)
def test_units_that_are_refused(write: Write, minimal: str, unit: str, complaint: str) -> None:
    with pytest.raises(ManifestError) as caught:
        load(write(f"{minimal}expected: {{chips: {{310P3: {{throughput: {{1: 9}}, unit: {unit}}}}}}}\n"))
    assert f"m.yaml:9: expected.chips.310P3.{complaint}" in str(caught.value).splitlines()


def test_figures_of_one_chip_are_in_one_unit(write: Write, minimal: str) -> None:
    chips = "{310P3: {throughput: {1: 9}}, 310P@x: {throughput: {1: 9}, unit: {name: frames/s, per_sample: 4}}}"
    with pytest.raises(ManifestError) as caught:
        load(write(f"{minimal}expected: {{chips: {chips}}}\n"))
    assert str(caught.value) == (
        "m.yaml:9: expected.chips.310P@x.unit: expected the unit that other figures of 310P3 are in, as they are of "
        "the same lines; write them all in one"
    )


def test_a_line_has_the_unit_of_its_figure(write: Write, minimal: str) -> None:
    chips = "{cpu: {throughput: {1: 9}, unit: {name: frames/s, per_sample: 4}}, 310P3: {throughput: {1: 3}}}"
    lines = expected_lines(load(write(f"{minimal}expected: {{chips: {chips}}}\n")).manifest)
    assert {name: line.unit for name, line in lines.items()} == {
        "throughput/cpu/1": "frames/s",
        "throughput/310P3/1": "images/s",
    }
