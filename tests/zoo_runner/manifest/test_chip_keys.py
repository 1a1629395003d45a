"""Names of chips: what they mean, and which figures hold for which chip."""

from __future__ import annotations

import pytest

from zoo_runner.manifest.chip_keys import backend_of, chip_of, key_for, line_meant, shown, soc_meant


@pytest.mark.parametrize(
    ("place", "chip", "soc"),
    [
        ("", "", ""),
        ("310P3", "310P3", "310P3"),
        ("310p3", "310P3", "310P3"),
        ("Ascend310P3", "310P3", "Ascend310P3"),
        ("Ascend 310P3", "310P3", "Ascend310P3"),
        ("ascend310p3", "310P3", "Ascend310P3"),
        ("310P", "310P3", "310P3"),
        ("Ascend310P", "310P3", "Ascend310P3"),
        ("310P1", "310P1", "310P1"),
        ("310", "310", "310"),
        ("Ascend310", "310", "Ascend310"),
        ("310B4", "310B4", "310B4"),
        ("910b4-1", "910B4-1", "910B4-1"),
        ("Ascend910_9391", "910_9391", "Ascend910_9391"),
        ("910ProA", "910ProA", "910ProA"),
        ("310P3 stand-in", "310P3 stand-in", "310P3 stand-in"),
        ("310P stand-in", "310P stand-in", "310P stand-in"),
        ("cpu", "cpu", "cpu"),
        ("ascend", "ascend", "ascend"),
        ("Ascendant 3", "Ascendant 3", "Ascendant 3"),
        ("T4", "T4", "T4"),
    ],
)
def test_what_a_name_means(place: str, chip: str, soc: str) -> None:
    assert (chip_of(place), chip_of(f"{place}@x"), soc_meant(place)) == (chip, chip, soc)


def test_what_is_shown() -> None:
    places = ("310P3", "310P", "Ascend310P1@x")
    assert [shown(place) for place in places] == ["310P3", "310P (310P3)", "Ascend310P1@x (310P1)"]
    assert [backend_of(place) for place in places] == ["", "", "x"]


@pytest.mark.parametrize(
    ("places", "chip", "key"),
    [
        ((), "310P3", None),
        (("310P",), "310P3", "310P"),
        (("Ascend310P3",), "310P3", "Ascend310P3"),
        (("310P",), "310P1", None),
        (("310P3",), "310P1", None),
        (("310P3",), "310P", None),
        (("310P",), "310P", "310P"),
        (("310P3",), "310P3 stand-in", None),
        (("310P", "310P1"), "310P1", "310P1"),
        (("310P3", "310P@here"), "310P3", "310P@here"),
        (("310P3", "310P@there"), "310P3", "310P3"),
        (("Ascend310P3@there",), "310P3", None),
        (("CPU",), "cpu", None),
    ],
)
def test_figures_of_one_chip_hold_for_no_other(places: tuple[str, ...], chip: str, key: str | None) -> None:
    assert key_for(dict.fromkeys(places), chip, "here") == key


@pytest.mark.parametrize(
    ("written", "line"),
    [
        ("throughput/310P/16", "throughput/310P3/16"),
        ("throughput/Ascend310P3/1", "throughput/310P3/1"),
        ("throughput/310P1/1", "throughput/310P1/1"),
        ("voc07_map/reference", "voc07_map/reference"),
        ("accuracy/310P", "accuracy/310P"),
        ("throughput/310P", "throughput/310P"),
        ("", ""),
    ],
)
def test_a_waiver_names_the_chip_that_is_meant(written: str, line: str) -> None:
    assert line_meant(written) == line
