"""Figures that are shown beside what was measured, and gate nothing."""

from __future__ import annotations

from gate_lines import ACCURACY, CHIPS, Manifested, scope
from zoo_runner.stages.gate.references import NOT_MEASURED, references


def test_what_the_run_did_not_measure_is_shown_without_a_ratio(manifest: Manifested) -> None:
    own = {"name": "T4", "throughput": {16: 300.0}}
    loaded = manifest(expected={"accuracy": ACCURACY, "chips": CHIPS, "reference": [own]})
    found = references(loaded, scope(chip="cpu"), (), ())
    assert {(each.measured, each.ratio, each.why) for each in found} == {(None, None, NOT_MEASURED)}
    assert [(each.of, each.value) for each in found if each.of == "T4"] == [("T4", 300.0)]
    assert {each.of.partition(",")[0] for each in found} == {"T4", *CHIPS}


def test_the_figures_of_the_chip_that_ran_are_no_references(manifest: Manifested) -> None:
    loaded = manifest(expected={"accuracy": ACCURACY, "chips": CHIPS})
    assert references(loaded, scope(chip="310P3"), (), ()) == ()


def test_a_manifest_without_any(manifest: Manifested) -> None:
    assert references(manifest(), scope(), (), ()) == ()
